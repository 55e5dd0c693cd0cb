"""Zones of firewalld under `fwplan apply` and `fwplan remove`, with a real firewalld on a D-Bus of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from apply_command import Fwplan, definition
from namespaces import Namespace, needs
from real_firewalld import RealFirewalld, needs_firewalld

from fwplan.errors import HostError
from fwplan.host.executor import bring
from fwplan.host.firewalld import Firewalld
from fwplan.host.goal import goal_of_apply
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.recovery import undo_pending
from fwplan.host.state import State
from fwplan.host.zones import ZonesPart, has_routed_zone
from fwplan.network.read import read_network
from fwplan.plan.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ADDRESS = "DBUS_SYSTEM_BUS_ADDRESS"
_ROUTED = definition(forward="<forward mode='route'/>")
_OPEN = "<network><name>lab</name><forward mode='open'/><bridge name='virbr1'/></network>"


def _in_zone(zone: str, text: str = definition()) -> str:
    return text.replace("<bridge name='virbr1'/>", f"<bridge name='virbr1' zone='{zone}'/>")


@pytest.fixture(scope="module")
def real() -> Iterator[tuple[Namespace, RealFirewalld]]:
    with Namespace() as namespace:
        namespace.bridges(["virbr1", "virbr2"])
        with RealFirewalld(namespace) as firewalld:
            yield namespace, firewalld


class TestWithFirewalld:
    """The commands, where firewalld runs."""

    pytestmark = needs_firewalld()

    @pytest.fixture
    def namespace(self, real: tuple[Namespace, RealFirewalld], monkeypatch: pytest.MonkeyPatch) -> Namespace:
        namespace, firewalld = real
        for table in ("ip libvirt_network", "ip6 libvirt_network"):
            namespace.run("nft", f"add table {table}; delete table {table}")
        firewalld.reset()
        monkeypatch.setenv(_ADDRESS, firewalld.address)
        return namespace

    @pytest.fixture
    def firewalld(self, real: tuple[Namespace, RealFirewalld], namespace: Namespace) -> RealFirewalld:  # noqa: ARG002 - as it is reset there
        return real[1]

    @pytest.fixture
    def fwplan(self, namespace: Namespace, tmp_path: Path) -> Fwplan:
        return Fwplan(namespace, tmp_path / "state")

    @pytest.mark.parametrize(
        ("text", "zone"),
        [
            (definition(), "libvirt"),
            (definition(forward=""), "libvirt"),
            (_ROUTED, "libvirt-routed"),
            (_in_zone("home"), "home"),
            (_in_zone("home", _ROUTED), "home"),
            (_in_zone("home", _OPEN), "home"),
            (_OPEN, ""),
        ],
        ids=["nat", "isolated", "route", "nat, asks", "route, asks", "open, asks", "open"],
    )
    def test_the_bridge_joins_the_zone_that_libvirt_puts_it_in(
        self, text: str, zone: str, fwplan: Fwplan, firewalld: RealFirewalld
    ) -> None:
        fwplan("apply", "-", given=text)
        assert firewalld.zone_of("virbr1") == zone
        assert fwplan("apply", "-", given=text).startswith("Nothing to do")
        fwplan("remove", "lab")
        assert firewalld.zone_of("virbr1") == ""

    def test_with_the_backend_iptables_too(self, fwplan: Fwplan, firewalld: RealFirewalld) -> None:
        fwplan("apply", "-", "--backend=iptables", given=definition())
        assert firewalld.zone_of("virbr1") == "libvirt"
        fwplan("remove", "lab")
        assert firewalld.zone_of("virbr1") == ""

    def test_a_bridge_in_another_zone_is_a_difference_and_is_moved(
        self, fwplan: Fwplan, firewalld: RealFirewalld
    ) -> None:
        fwplan("apply", "-", given=definition())
        firewalld.ask("changeZoneOfInterface", "trusted", "virbr1")
        shown = fwplan("apply", "-", "--dry-run", given=definition())
        assert shown.splitlines()[:2] == ["- firewalld zone trusted: virbr1", "+ firewalld zone libvirt: virbr1"]
        assert firewalld.zone_of("virbr1") == "trusted"
        document = json.loads(fwplan("apply", "-", "--format=json", given=definition()))
        assert [(entry["step"], entry["kind"], entry["text"]) for entry in document["differences"]] == [
            ("delete", "zone membership", "trusted: virbr1"),
            ("add", "zone membership", "libvirt: virbr1"),
        ]
        assert firewalld.zone_of("virbr1") == "libvirt"

    def test_undo_puts_it_back(self, fwplan: Fwplan, firewalld: RealFirewalld) -> None:
        firewalld.ask("changeZoneOfInterface", "trusted", "virbr1")
        fwplan("apply", "-", "--confirm=60", given=definition())
        assert firewalld.zone_of("virbr1") == "libvirt"
        fwplan("confirm", "--undo")
        assert firewalld.zone_of("virbr1") == "trusted"

    def test_remove_leaves_a_bridge_in_the_zone_that_it_was_moved_to(
        self, fwplan: Fwplan, firewalld: RealFirewalld
    ) -> None:
        fwplan("apply", "-", given=definition())
        firewalld.ask("changeZoneOfInterface", "trusted", "virbr1")
        fwplan("remove", "lab")
        assert firewalld.zone_of("virbr1") == "trusted"

    def test_a_network_that_libvirt_started_leaves_its_zone_too(
        self, fwplan: Fwplan, firewalld: RealFirewalld, namespace: Namespace, tmp_path: Path
    ) -> None:
        Fwplan(namespace, tmp_path / "another")("apply", "-", given=_ROUTED)
        fwplan("remove", "-", given=_ROUTED)
        assert firewalld.zone_of("virbr1") == ""

    def test_a_zone_that_does_not_exist_is_said_before_anything_changes(
        self, fwplan: Fwplan, namespace: Namespace
    ) -> None:
        before = namespace.run("nft", "list", "ruleset")
        done = fwplan.attempt("apply", "-", given=_in_zone("nowhere"))
        assert (done.returncode, done.stdout) == (2, "")
        assert "firewalld has no zone 'nowhere'" in done.stderr
        assert "firewall-cmd --permanent --new-zone=nowhere" in done.stderr
        assert namespace.run("nft", "list", "ruleset") == before

    def test_zones_are_left_alone_when_asked_for(self, fwplan: Fwplan, firewalld: RealFirewalld) -> None:
        fwplan("apply", "-", "--firewalld=off", given=_in_zone("nowhere"))
        assert firewalld.zone_of("virbr1") == ""
        fwplan("apply", "-", given=definition())
        fwplan("apply", "-", "--firewalld=off", given=_ROUTED)
        assert firewalld.zone_of("virbr1") == "libvirt"
        fwplan("remove", "lab", "--firewalld=off")
        assert firewalld.zone_of("virbr1") == "libvirt"

    def test_a_zone_that_was_left_alone_once_is_known_at_the_end(
        self, fwplan: Fwplan, firewalld: RealFirewalld
    ) -> None:
        fwplan("apply", "-", given=definition())
        fwplan("apply", "-", "--firewalld=off", given=_ROUTED)
        fwplan("remove", "lab")
        assert firewalld.zone_of("virbr1") == ""

    def test_the_firewalld_of_another_network_namespace_is_none(self, firewalld: RealFirewalld, tmp_path: Path) -> None:
        with Namespace() as other:
            other.bridges(["virbr1"])
            fwplan = Fwplan(other, tmp_path / "elsewhere")
            fwplan("apply", "-", given=definition())
            done = fwplan.attempt("apply", "-", "--firewalld=on", given=definition())
        assert firewalld.zone_of("virbr1") == ""
        assert done.returncode == 2
        assert "firewalld does not run" in done.stderr

    def test_rules_of_firewalld_stay_as_they_are(
        self, fwplan: Fwplan, namespace: Namespace, firewalld: RealFirewalld
    ) -> None:
        firewalld.ask("changeZoneOfInterface", "libvirt", "virbr1")  # it makes a zone's chains when somebody joins
        firewalld.reset()
        before = namespace.run("nft", "-s", "list", "table", "inet", "firewalld")
        fwplan("apply", "-", given=definition())
        fwplan("remove", "lab")
        assert namespace.run("nft", "-s", "list", "table", "inet", "firewalld") == before


class TestReloads:
    """firewalld reloads, ends and starts; libvirt's networks run on."""

    pytestmark = needs_firewalld()

    @pytest.mark.parametrize("what", ["reload", "completeReload", "restart", "flush and restart"])
    def test_apply_brings_back_what_a_reload_took_away(
        self, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Namespace() as namespace, RealFirewalld(namespace) as firewalld:
            namespace.bridges(["virbr1", "virbr2"])
            monkeypatch.setenv(_ADDRESS, firewalld.address)
            fwplan = Fwplan(namespace, tmp_path / "state")
            files = [str(tmp_path / name) for name in ("lab.xml", "other.xml")]
            for file, text in zip(files, (definition(), definition("other", "virbr2", "192.168.10")), strict=True):
                (tmp_path / file).write_text(text, encoding="utf-8")
            fwplan("apply", *files)
            firewalld.ask("changeZoneOfInterface", "home", "eth9")
            before = _libvirts(namespace)
            match what:
                case "restart":
                    firewalld.stop()
                    firewalld.start()
                case "flush and restart":  # it cannot reload then
                    namespace.flush()
                    firewalld.stop()
                    firewalld.start()
                case _:
                    firewalld.ask(what, interface="")
            rules_are_gone, zone_is_gone = _libvirts(namespace) != before, firewalld.zone_of("virbr1") == ""
            assert rules_are_gone == ("flush" in what)
            assert zone_is_gone or "estart" not in what, "what it has not stored, it forgets when it ends"
            done = fwplan("apply", *files)
            assert ("2 zone memberships" in done) == zone_is_gone
            assert ("2 tables" in done) == rules_are_gone
            assert _libvirts(namespace) == before
            assert [firewalld.zone_of(bridge) for bridge in ("virbr1", "virbr2")] == ["libvirt", "libvirt"]
            assert fwplan("apply", *files).startswith("Nothing to do")


class TestWithoutFirewalld:
    """Where it does not run, or there is no bus."""

    pytestmark = needs("nft")

    @pytest.fixture
    def fwplan(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Fwplan]:
        monkeypatch.setenv(_ADDRESS, f"unix:path={tmp_path}/no-bus")
        with Namespace() as namespace:
            namespace.bridges(["virbr1"])
            yield Fwplan(namespace, tmp_path / "state")

    def test_zones_are_no_matter(self, fwplan: Fwplan) -> None:
        fwplan("apply", "-", given=definition())
        assert fwplan("apply", "-", given=definition()).startswith("Nothing to do")
        fwplan("remove", "lab")

    def test_a_zone_that_is_asked_for_is_said_before_anything_changes(self, fwplan: Fwplan) -> None:
        done = fwplan.attempt("apply", "-", given=_in_zone("home"))
        assert (done.returncode, done.stdout) == (2, "")
        assert "network 'lab' asks for zone 'home' of firewalld, which does not run" in done.stderr
        assert "systemctl start firewalld" in done.stderr
        assert not fwplan.namespace.run("nft", "list", "ruleset")
        fwplan("apply", "-", "--firewalld=off", given=_in_zone("home"))

    def test_it_has_to_run_when_that_is_asked_for(self, fwplan: Fwplan) -> None:
        done = fwplan.attempt("apply", "-", "--firewalld=on", given=definition())
        assert (done.returncode, done.stdout) == (2, "")
        assert "firewalld does not run: start it" in done.stderr

    def test_a_bus_that_is_none_is_trouble_that_can_be_avoided(
        self, fwplan: Fwplan, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(_ADDRESS, "tcp:host=localhost,port=1")
        done = fwplan.attempt("apply", "-", given=definition())
        assert (done.returncode, done.stdout) == (2, "")
        assert "D-Bus cannot be asked for firewalld" in done.stderr
        fwplan("apply", "-", "--firewalld=off", given=definition())


class TestInMemory:
    """What a machine in memory tells more simply."""

    @pytest.mark.parametrize(
        ("zones", "policies", "routed"),
        [
            ({"libvirt", "libvirt-routed"}, {"libvirt-routed-out"}, True),
            ({"libvirt", "libvirt-routed"}, set(), False),
            ({"libvirt"}, {"libvirt-routed-out"}, False),
        ],
    )
    def test_routed_networks_have_a_zone_of_their_own_where_firewalld_has_all_of_it(
        self, zones: set[str], policies: set[str], *, routed: bool
    ) -> None:
        assert has_routed_zone(Firewalld(frozenset(zones), frozenset(policies))) is routed

    def test_a_zone_that_is_gone_does_not_keep_a_change_from_being_undone(self, tmp_path: Path) -> None:
        machine = Machine(
            interfaces={"virbr1": 5},
            firewalld=Firewalld(frozenset({"libvirt", "mine"}), zone_of={"virbr1": "mine"}),
        )
        system, state = MemorySystem(machine), State(MemorySystem(machine), tmp_path)
        plan = make_plan([read_network(definition().encode())], firewalld=True)
        goal = goal_of_apply(plan, state.applied(), machine.interfaces, firewalld=True)
        bring(system, state, goal, deadline=system.now() + 60)
        assert machine.firewalld is not None
        assert machine.firewalld.zone_of == {"virbr1": "libvirt"}
        machine.firewalld = Firewalld(frozenset({"libvirt"}), zone_of={"virbr1": "libvirt"})
        assert undo_pending(system, state) is not None
        assert machine.tables == set()

    def test_where_firewalld_has_ended_there_is_nothing_to_undo(self) -> None:
        system = MemorySystem(Machine())
        assert not ZonesPart({"virbr1": "libvirt"}, as_it_was=True).compare(system).differences
        with pytest.raises(HostError, match="does not run"):
            system.change_zone("libvirt", "virbr1")


def _libvirts(namespace: Namespace) -> str:
    """libvirt's tables, without what their rules have counted."""
    return "".join(
        namespace.attempt("nft", "-s", "list", "table", family, "libvirt_network").stdout for family in ("ip", "ip6")
    )
