"""`fwplan apply` and `fwplan remove` in the layout maps, on the real kernel."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from apply_command import Fwplan, definition
from hypothesis import given, reject
from hypothesis import strategies as st
from namespaces import Namespace, fewer_examples, needs
from strategies_crowded import crowded_hosts
from strategies_words import interface_names

from fwplan import Format, Layout, NotExpressibleError, make_plan, read_network, render
from fwplan.host.executor import bring
from fwplan.host.goal import goal_of_apply, goal_of_removal
from fwplan.host.maps import TABLES
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.state import State
from fwplan.host.system import System
from fwplan.plan.checksums import ChecksumPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan import Network
    from fwplan.nft.listing import Listing
    from fwplan.nft.objects import Table
    from fwplan.nft.transaction import Edit

pytestmark = needs("nft")

_MAPS = ("--layout=maps", "-")
_DOCKER = """
table ip filter {
    chain DOCKER-USER { counter packets 3 bytes 180 return; }
    chain FORWARD { type filter hook forward priority filter; policy drop; counter jump DOCKER-USER; }
}
"""
_WIDE = definition("wide", "virbr2", "192.168.9", "<forward mode='nat' dev='eth0'/>").replace(
    "255.255.255.0", "255.255.0.0"
)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace() as made:
        yield made


@pytest.fixture
def fwplan(namespace: Namespace, tmp_path: Path) -> Fwplan:
    return Fwplan(namespace, tmp_path / "state")


def _rules(namespace: Namespace) -> str:
    return namespace.run("nft", "-s", "list", "ruleset")


def _shape(namespace: Namespace) -> object:
    """What the host has in fwplan's tables, whatever the order in which chains were made."""
    with namespace.entered():
        return _comparable(System())


def _comparable(system: System) -> object:
    listing = system.list_nftables(TABLES)
    rules = {key: [entry.rule for entry in entries] for key, entries in listing.listed.items()}
    return listing.tables, listing.chains, rules, listing.maps, listing.elements


def _planned(*texts: str) -> object:
    """What the previews of all definitions together lead to."""
    with Namespace() as other:
        other.run("nft", "-f", "-", given=_script(texts))
        return _shape(other)


def _script(texts: Iterable[str]) -> str:
    plan = make_plan([read_network(text.encode()) for text in texts], layout=Layout.MAPS)
    return render(plan, Format.NFT)


@pytest.mark.parametrize(
    "forward",
    ["", "<forward mode='nat'/>", "<forward mode='route'/>", "<forward mode='nat' dev='eth0'/>"],
    ids=["isolated", "nat", "route", "nat by a device"],
)
def test_apply_comes_to_what_the_preview_says(forward: str, fwplan: Fwplan, namespace: Namespace) -> None:
    text = definition(forward=forward)
    fwplan("apply", *_MAPS, given=text)
    assert _shape(namespace) == _planned(text)


def test_no_bridge_is_needed_beforehand(fwplan: Fwplan, namespace: Namespace) -> None:
    done = fwplan.attempt("apply", *_MAPS, given=definition())
    assert done.returncode == 0
    assert "there is no bridge virbr1 yet; its rules take effect when there is" in done.stderr
    namespace.bridges(["virbr1"])
    done = fwplan.attempt("apply", *_MAPS, given=definition())
    assert done.stdout.startswith("Nothing to do")
    assert "no bridge" not in done.stderr


def test_a_definition_that_names_no_bridge_is_sent_to_libvirt(fwplan: Fwplan) -> None:
    done = fwplan.attempt("apply", *_MAPS, given=definition().replace("<bridge name='virbr1'/>", ""))
    assert done.returncode == 2
    assert "virsh net-dumpxml lab" in done.stderr


def test_a_second_apply_has_nothing_to_do(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", *_MAPS, given=definition())
    before = namespace.run("nft", "-a", "list", "ruleset"), _generation(namespace)
    assert fwplan("apply", *_MAPS, given=definition()).startswith("Nothing to do")
    assert (namespace.run("nft", "-a", "list", "ruleset"), _generation(namespace)) == before


def _generation(namespace: Namespace) -> int:
    with namespace.entered():
        return System().generation()


def test_open_networks_get_nothing(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", *_MAPS, given=definition(forward="<forward mode='open'/>"))
    assert not _rules(namespace)


def test_remove_leaves_what_it_did_not_make(fwplan: Fwplan, namespace: Namespace) -> None:
    namespace.run("nft", "-f", "-", given=_DOCKER)
    before = namespace.run("nft", "-a", "list", "ruleset")
    fwplan("apply", *_MAPS, given=definition())
    fwplan("remove", "lab")
    assert namespace.run("nft", "-a", "list", "ruleset") == before


def test_rules_of_a_preview_are_taken_away_by_its_definition(
    fwplan: Fwplan, namespace: Namespace, tmp_path: Path
) -> None:
    """fwplan has not applied them, and leaves what others may need: the tables."""
    file = tmp_path / "lab.xml"
    file.write_text(definition(), encoding="utf-8")
    namespace.run("nft", "-f", "-", given=_script([definition()]))
    fwplan("remove", "--layout=maps", str(file))
    assert "virbr1" not in _rules(namespace)
    assert "map leaving" in _rules(namespace)


@pytest.mark.parametrize(
    "damage",
    [
        "flush chain ip fwplan to-virbr1",
        "insert rule ip fwplan from-virbr1 iifname virbr1 accept",
        "add rule ip fwplan host_address accept",
        "insert rule ip fwplan forward accept",
        "delete element ip fwplan entering { virbr1 }",
        "delete element ip fwplan leaving { virbr1 }; delete chain ip fwplan from-virbr1",
        "delete element ip fwplan leaving { virbr1 }; add element ip fwplan leaving { virbr1 : drop }",
        "add element ip fwplan leaving { eth7 : goto from-virbr1 }",
        "flush map ip fwplan translated; add element ip fwplan translated { 192.168.9.0/25 : jump nat-virbr1-1 }",
        "delete table ip6 fwplan",
        "flush table ip fwplan",
        "flush ruleset",
    ],
)
def test_damage_is_repaired(damage: str, fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", *_MAPS, given=definition())
    before = _shape(namespace)
    namespace.run("nft", damage)
    assert _shape(namespace) != before
    fwplan("apply", *_MAPS, given=definition())
    assert _shape(namespace) == before


def test_a_rule_that_fwplan_cannot_have_made_stays_with_its_chain(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", *_MAPS, given=definition())
    namespace.run("nft", "insert", "rule", "ip", "fwplan", "from-virbr1", "tcp", "dport", "25", "drop")
    assert fwplan("apply", *_MAPS, given=definition()).startswith("Nothing to do")
    fwplan("remove", "lab")
    rules = _rules(namespace)
    assert "tcp dport 25 drop" in rules
    assert "iifname" not in rules.replace("iifname vmap @leaving", "")
    assert "ip6" not in rules


def test_of_overlapping_networks_the_later_one_is_asked_first(fwplan: Fwplan, namespace: Namespace) -> None:
    fwplan("apply", *_MAPS, given=_WIDE)
    fwplan("apply", *_MAPS, given=definition())
    assert _shape(namespace) == _planned(_WIDE, definition())
    chain = namespace.run("nft", "list", "chain", "ip", "fwplan", "overlap-192.168.9.0")
    assert chain.index("jump nat-virbr1-1") < chain.index("jump nat-virbr2-1")
    fwplan("remove", "lab")
    assert _shape(namespace) == _planned(_WIDE)


def test_a_network_changes_its_layout_and_its_backend(fwplan: Fwplan, namespace: Namespace) -> None:
    namespace.bridges(["virbr1"])
    fwplan("apply", "-", given=definition())
    libvirts = _rules(namespace)
    fwplan("apply", *_MAPS, given=definition())
    assert _shape(namespace) == _planned(definition())
    fwplan("apply", "--backend=iptables", "-", given=definition())
    assert "fwplan" not in _rules(namespace)
    fwplan("apply", *_MAPS, given=definition())
    fwplan("apply", "-", given=definition())
    assert libvirts in _rules(namespace)
    assert "fwplan" not in _rules(namespace)


def test_iptables_has_no_maps(fwplan: Fwplan, namespace: Namespace) -> None:
    done = fwplan.attempt("apply", "--backend=iptables", *_MAPS, given=definition())
    assert (done.returncode, done.stdout) == (2, "")
    assert "iptables knows no verdict maps" in done.stderr
    assert not _rules(namespace)


def test_a_dry_run_changes_nothing(fwplan: Fwplan, namespace: Namespace, tmp_path: Path) -> None:
    shown = fwplan("apply", "--dry-run", *_MAPS, given=definition())
    assert shown.splitlines()[0] == "+ table ip fwplan"
    assert '+ ip entering: { "virbr1" : goto to-virbr1 }' in shown
    assert shown.splitlines()[-1] == "Would add 2 tables, 9 chains, 6 maps, 21 rules, 3 elements; 0 rules unchanged."
    assert not _rules(namespace)
    assert not (tmp_path / "state").exists()


def test_json_says_what_is_done(fwplan: Fwplan) -> None:
    document = json.loads(fwplan("apply", "--format=json", *_MAPS, given=definition()))
    kinds = [entry["kind"] for entry in document["differences"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"table": 2, "chain": 9, "map": 6, "rule": 21, "element": 3}


# What is changed, and how much


class _Counting(System):
    """The real machine; notes how many edits a transaction has, and what is listed."""

    def __init__(self) -> None:
        self.edits: list[int] = []
        self.whole = 0

    def commit_nftables(self, edits: Iterable[Edit]) -> None:
        made = list(edits)
        self.edits.append(len(made))
        super().commit_nftables(made)

    def list_nftables(self, tables: Iterable[Table]) -> Listing:
        self.whole += 1
        return super().list_nftables(tables)


def _apply(system: System, state: State, *networks: Network) -> None:
    plan = make_plan(networks, layout=Layout.MAPS, checked=True)
    with state.locked("test", 0, lambda _: None):
        bring(system, state, goal_of_apply(plan, state.applied(), {}, checksum=ChecksumPolicy.OFF))


def _nat(number: int) -> Network:
    return read_network(definition(f"net{number}", f"virbr{number}", f"10.{number // 250}.{number % 250}").encode())


def test_one_more_network_is_as_many_edits_however_many_there_are(namespace: Namespace, tmp_path: Path) -> None:
    with namespace.entered():
        system = _Counting()
        state = State(system, tmp_path)
        _apply(system, state, _nat(0))
        _apply(system, state, _nat(1))
        _apply(system, state, *map(_nat, range(2, 500)))
        _apply(system, state, _nat(500))
        first, second, _, last = system.edits
        assert first > second == last == 3 + 6 + 3
        bring(system, state, goal_of_removal([], ["net500"], state.applied()))
        bring(system, state, goal_of_removal([], ["net7"], state.applied()))
        assert system.edits[-2:] == [3 + 3, 3 + 3]


# Any networks


_NAMES = st.from_regex("[a-z]{3,8}", fullmatch=True) | interface_names


@fewer_examples
@given(crowded_hosts(device_names=_NAMES), st.data())
def test_on_the_kernel_as_in_memory(networks: list[Network], data: st.DataObject) -> None:
    """Networks come and go one by one: the kernel has then what the machine in memory has."""
    memory = MemorySystem(Machine())
    with TemporaryDirectory() as folder, Namespace() as namespace, namespace.entered():
        real = System()
        states: list[tuple[System, State]] = [
            (memory, State(memory, Path("/run/fwplan"))),
            (real, State(real, Path(folder))),
        ]
        for network in networks:
            try:
                for system, state in states:
                    _apply(system, state, network)
            except NotExpressibleError:
                reject()
            assert _comparable(real) == _comparable(memory)
        for network in data.draw(st.permutations(networks)):
            for system, state in states:
                bring(system, state, goal_of_removal([], [network.name], state.applied()))
            assert _comparable(real) == _comparable(memory)
        assert real.list_nftables(TABLES).tables == frozenset()
