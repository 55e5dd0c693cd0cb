"""What the executor counts on, of the real kernel and of the machine in memory alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from namespaces import Namespace, needs

from fwplan.errors import HostError
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.system import System
from fwplan.nft.objects import Chain, Counter, Hook, InterfaceMatch, Meta, Rule, Table, Verdict
from fwplan.nft.transaction import Append, Delete, Insert, Make, TakeAway

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLE = Table("ip", "contract")
_OTHER = Table("ip6", "contract")
_CHAIN = Chain(_TABLE, "guests")
_BASE = Chain(_TABLE, "forward", Hook("filter", "forward", 0, "accept"))


def _rule(name: str, verdict: Verdict = Verdict.ACCEPT) -> Rule:
    return Rule(_TABLE, "guests", (InterfaceMatch(Meta.IIFNAME, name), Counter(), verdict))


@dataclass(frozen=True)
class _Host:
    system: System
    folder: Path


@pytest.fixture(params=[pytest.param("kernel", marks=needs("nft")), "memory"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_Host]:
    if request.param == "memory":
        yield _Host(MemorySystem(Machine(interfaces={"lo": 1}, settings={"net.ipv4.ip_forward": "0"})), tmp_path)
    else:
        with Namespace() as namespace, namespace.entered():
            yield _Host(System(), tmp_path)


def _names(system: System) -> list[str]:
    """The interfaces that the rules of the chain name, in order."""
    listed = system.list_nftables([_TABLE]).listed.get((_TABLE, "guests"), [])
    return [
        statement.interface
        for entry in listed
        if entry.rule is not None
        for statement in entry.rule.statements
        if isinstance(statement, InterfaceMatch)
    ]


def _handle(system: System, name: str) -> int | None:
    place = _names(system).index(name)
    return system.list_nftables([_TABLE]).listed[_TABLE, "guests"][place].handle


def test_a_host_without_rules_lists_none(host: _Host) -> None:
    listing = host.system.list_nftables([_TABLE, _OTHER])
    assert (listing.tables, listing.chains, listing.listed) == (frozenset(), {}, {})


def test_only_the_tables_that_are_asked_for_are_listed(host: _Host) -> None:
    host.system.commit_nftables([Make(_TABLE), Make(_OTHER), Make(_CHAIN)])
    assert host.system.list_nftables([_OTHER]).tables == {_OTHER}
    assert host.system.list_nftables([_OTHER]).chains == {}


def test_what_is_made_is_listed_as_it_was_made(host: _Host) -> None:
    host.system.commit_nftables([Make(_TABLE), Make(_BASE), Make(_CHAIN), Append(_rule("eth0"))])
    listing = host.system.list_nftables([_TABLE])
    assert listing.chains == {(_TABLE, "guests"): _CHAIN, (_TABLE, "forward"): _BASE}
    assert [entry.rule for entry in listing.listed[_TABLE, "guests"]] == [_rule("eth0")]


def test_making_what_is_there_changes_nothing(host: _Host) -> None:
    host.system.commit_nftables([Make(_TABLE), Make(_CHAIN), Append(_rule("eth0"))])
    host.system.commit_nftables([Make(_TABLE), Make(_CHAIN)])
    assert _names(host.system) == ["eth0"]


def test_rules_come_before_and_behind_others_by_handle(host: _Host) -> None:
    system = host.system
    system.commit_nftables([Make(_TABLE), Make(_CHAIN), Append(_rule("b")), Append(_rule("d"))])
    system.commit_nftables(
        [
            Insert(_rule("a")),
            Insert(_rule("c"), _handle(system, "d")),
            Append(_rule("bb"), _handle(system, "b")),
            Append(_rule("e")),
        ]
    )
    assert _names(system) == ["a", "b", "bb", "c", "d", "e"]


def test_a_rule_is_deleted_by_handle(host: _Host) -> None:
    system = host.system
    system.commit_nftables([Make(_TABLE), Make(_CHAIN), Append(_rule("a")), Append(_rule("a")), Append(_rule("b"))])
    first, second, _ = system.list_nftables([_TABLE]).listed[_TABLE, "guests"]
    assert first.handle != second.handle
    assert second.rule is not None
    system.commit_nftables([Delete(second.rule)])
    assert _handle(system, "a") == first.handle
    assert _names(system) == ["a", "b"]


def test_a_table_goes_with_all_that_is_in_it(host: _Host) -> None:
    host.system.commit_nftables([Make(_TABLE), Make(_CHAIN), Append(_rule("a"))])
    host.system.commit_nftables([TakeAway(_TABLE)])
    assert host.system.list_nftables([_TABLE]).tables == frozenset()


def test_a_transaction_moves_the_generation_by_one_however_long_it_is(host: _Host) -> None:
    before = host.system.generation()
    host.system.commit_nftables([Make(_TABLE), Make(_CHAIN), *(Append(_rule(f"eth{number}")) for number in range(50))])
    assert host.system.generation() == before + 1


def test_a_listing_leaves_the_generation(host: _Host) -> None:
    host.system.commit_nftables([Make(_TABLE)])
    before = host.system.generation()
    host.system.list_nftables([_TABLE])
    assert host.system.generation() == before


def test_a_transaction_that_fails_at_its_end_changes_nothing(host: _Host) -> None:
    system = host.system
    system.commit_nftables([Make(_TABLE), Make(_CHAIN), Append(_rule("a"))])
    before = system.generation()
    gone = Rule(_TABLE, "guests", (), handle=4_000_000)
    with pytest.raises(HostError):
        system.commit_nftables([Insert(_rule("b")), Delete(gone)])
    assert _names(system) == ["a"]
    assert system.generation() == before


def test_a_rule_by_index_needs_the_interface(host: _Host) -> None:
    system = host.system
    system.commit_nftables([Make(_TABLE), Make(_CHAIN)])
    by_index = Rule(_TABLE, "guests", (InterfaceMatch(Meta.IIF, "nowhere0"), Verdict.ACCEPT))
    with pytest.raises(HostError, match="nterface"):
        system.commit_nftables([Append(by_index)])
    loopback = Rule(_TABLE, "guests", (InterfaceMatch(Meta.IIF, "lo"), Verdict.ACCEPT))
    system.commit_nftables([Append(loopback)])
    assert _names(system) == ["lo"]


def test_interfaces_have_indexes(host: _Host) -> None:
    assert host.system.interfaces() == {"lo": 1}


def test_a_setting_is_as_it_was_changed(host: _Host) -> None:
    host.system.change_setting("net.ipv4.ip_forward", "1")
    assert host.system.setting("net.ipv4.ip_forward") == "1"
    host.system.change_setting("net.ipv4.ip_forward", "0")
    assert host.system.setting("net.ipv4.ip_forward") == "0"


def test_a_setting_that_the_kernel_does_not_have_is_empty_and_cannot_be_changed(host: _Host) -> None:
    assert not host.system.setting("net.ipv4.nothing")
    with pytest.raises(HostError):
        host.system.change_setting("net.ipv4.nothing", "1")


def test_files_are_written_renamed_and_deleted(host: _Host) -> None:
    system, folder = host.system, host.folder / "below" / "state"
    system.make_directory(folder)
    assert system.read(folder / "a") is None
    system.write(folder / "a", b"first")
    system.write(folder / "b", b"second")
    system.rename(folder / "a", folder / "b")
    assert system.read(folder / "a") is None
    assert system.read(folder / "b") == b"first"
    system.remove(folder / "b")
    system.remove(folder / "b")
    assert system.read(folder / "b") is None


def test_renaming_what_is_not_there_fails(host: _Host) -> None:
    with pytest.raises(HostError, match="rename"):
        host.system.rename(host.folder / "nothing", host.folder / "b")


def test_a_lock_is_held_by_one_at_a_time(host: _Host) -> None:
    lock = host.folder / "lock"
    descriptor = host.system.lock(lock)
    assert descriptor is not None
    assert host.system.lock(lock) is None
    host.system.unlock(descriptor)
    again = host.system.lock(lock)
    assert again is not None
    host.system.unlock(again)


def test_time_passes_while_it_sleeps(host: _Host) -> None:
    before = host.system.now()
    host.system.sleep(0.01)
    assert host.system.now() >= before + 0.01


def test_the_boot_and_the_namespace_have_names_that_stay(host: _Host) -> None:
    assert host.system.boot()
    assert host.system.boot() == host.system.boot()
    assert host.system.namespace() == host.system.namespace()
