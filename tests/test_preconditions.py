"""What is found before anything is changed: all that is missing together, each with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from apply_command import FWPLAN, Fwplan, definition
from namespaces import Namespace, needs

from fwplan.errors import HostError
from fwplan.host.firewalld import Firewalld
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.preconditions import preconditions
from fwplan.host.zones import ZonePolicy
from fwplan.network.read import read_network
from fwplan.plan.checksums import ChecksumPolicy
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from fwplan.plan.plan import Plan

_ASKS_FOR_ZONE = definition().replace("<bridge name='virbr1'/>", "<bridge name='virbr1' zone='home'/>")


def _plan(text: str = definition(), backend: Backend = Backend.NFTABLES) -> Plan:
    return make_plan([read_network(text.encode())], backend=backend)


def _found(missing: Iterable[str], words: str) -> bool:
    return sum(words in each for each in missing) == 1


class TestInMemory:
    """What each kind of machine lacks."""

    def test_a_machine_that_has_all_lacks_nothing(self) -> None:
        machine = Machine(interfaces={"virbr1": 5}, settings={"net.ipv4.ip_forward": "1"})
        found = preconditions(MemorySystem(machine), _plan(), machine.interfaces)
        assert (found.missing, found.advice) == ((), ())

    def test_all_is_said_together(self) -> None:
        class Bare(MemorySystem):
            def generation(self) -> int:
                raise HostError("the kernel has no nf_tables (module nf_tables)")

        machine = Machine(settings={"net.ipv4.ip_forward": "0"}, computes_checksums=False)
        found = preconditions(
            Bare(machine), _plan(_ASKS_FOR_ZONE), {}, checksum=ChecksumPolicy.REQUIRE, zones=ZonePolicy.ON
        )
        for words in (
            "the kernel has no nf_tables",
            "module act_csum",
            "firewalld does not run",
            "asks for zone 'home'",
            "there is no bridge virbr1",
        ):
            assert _found(found.missing, words), words
        assert _found(found.advice, "does not forward IPv4")

    def test_without_the_right_to_change_networking_only_that_and_the_bridges_are_looked_at(self) -> None:
        class Forbidden(MemorySystem):
            def may_change_networking(self) -> bool:
                return False

            def generation(self) -> int:
                raise AssertionError

        found = preconditions(Forbidden(Machine()), _plan(_ASKS_FOR_ZONE), {}, checksum=ChecksumPolicy.REQUIRE)
        assert len(found.missing) == 2
        assert _found(found.missing, "needs root, or CAP_NET_ADMIN: run it with sudo")
        assert _found(found.missing, "there is no bridge virbr1")

    def test_programs_of_iptables_that_are_missing_are_named(self) -> None:
        machine = Machine(interfaces={"virbr1": 5}, programs={"iptables-save", "iptables-restore"})
        found = preconditions(MemorySystem(machine), _plan(backend=Backend.IPTABLES), machine.interfaces)
        assert [missing.split(":")[0] for missing in found.missing] == [
            "there is no program ip6tables-save",
            "there is no program ip6tables-restore",
        ]

    def test_a_zone_that_many_networks_lack_is_told_once(self) -> None:
        texts = [definition(f"n{number}", f"virbr{number}", f"192.168.{number}") for number in range(3)]
        plan = make_plan([read_network(text.encode()) for text in texts], firewalld=True)
        machine = Machine(interfaces={f"virbr{number}": number + 2 for number in range(3)})
        found = preconditions(MemorySystem(machine), plan, machine.interfaces, firewalld=Firewalld(frozenset()))
        assert [missing.split(":")[0] for missing in found.missing] == [
            "firewalld has no zone 'libvirt', which network 'n0' and 2 more would join"
        ]
        assert "Debian" in found.missing[0]

    @pytest.mark.parametrize("mode", ["open", "bridge"])
    def test_a_network_without_rules_needs_no_bridge(self, mode: str) -> None:
        text = f"<network><name>lab</name><forward mode='{mode}'/><bridge name='virbr1'/></network>"
        machine = Machine()
        assert preconditions(MemorySystem(machine), _plan(text), {}).missing == ()

    def test_forwarding_of_each_family_is_looked_at(self) -> None:
        text = definition().replace("</network>", "<ip family='ipv6' address='fd00:9::1' prefix='64'/></network>")
        machine = Machine(
            interfaces={"virbr1": 5}, settings={"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "0"}
        )
        found = preconditions(MemorySystem(machine), _plan(text), machine.interfaces)
        assert [advice.split(":")[0] for advice in found.advice] == ["the host does not forward IPv6"]


class TestOnTheKernel:
    """The command."""

    pytestmark = needs("nft")

    @pytest.fixture
    def fwplan(self, tmp_path: Path) -> Iterator[Fwplan]:
        with Namespace() as namespace:
            yield Fwplan(namespace, tmp_path / "state")

    @pytest.mark.parametrize("files", [1, 12], ids=["one file", "many, read ahead"])
    def test_that_libnftables_is_missing_is_said_with_all_else(
        self, files: int, fwplan: Fwplan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken = tmp_path / "broken"
        broken.mkdir()
        (broken / "nftables.py").write_text("raise ImportError('libnftables.so.1: no such file')\n", encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(broken))
        paths = [tmp_path / f"{number}.xml" for number in range(files)]
        for number, path in enumerate(paths):
            path.write_text(definition(f"n{number}", f"virbr{number}", f"192.168.{number}"), encoding="utf-8")
        done = fwplan.attempt("apply", *map(str, paths))
        assert (done.returncode, done.stdout) == (2, "")
        assert "libnftables.so.1: no such file): install it (Debian: libnftables1)" in done.stderr
        # of many, the first few are named
        assert done.stderr.count("there is no bridge virbr") == min(files, 4)
        assert ("and so for 8 more networks" in done.stderr) == (files == 12)
        assert not list(tmp_path.rglob("*.json"))

    def test_without_the_right_nothing_is_made_not_even_a_folder(self, fwplan: Fwplan, tmp_path: Path) -> None:
        folder = tmp_path / "none"
        done = fwplan.namespace.attempt(
            "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin",
            FWPLAN, "apply", "-", f"--state-dir={folder}", given=definition(),
        )  # fmt: skip
        assert done.returncode == 2
        assert "needs root, or CAP_NET_ADMIN" in done.stderr
        assert "there is no bridge virbr1" in done.stderr
        assert not folder.exists()
