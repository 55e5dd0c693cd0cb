"""Several who change one host at the same moment: fwplan beside fwplan, and fwplan beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from apply_command import Fwplan, definition
from namespaces import Namespace, needs

from fwplan.errors import HostError
from fwplan.host.executor import Goal, bring
from fwplan.host.goal import goal_of_apply
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.state import State
from fwplan.host.system import System
from fwplan.network.read import read_network
from fwplan.nft.objects import Chain, Counter, Rule, Table, Verdict
from fwplan.nft.transaction import Append, Make, TakeAway
from fwplan.plan.plan import Layout, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fwplan.nft.listing import Listing
    from fwplan.nft.transaction import Edit

_TIMES = 50


class TestBesideItself:
    """Two runs of the command."""

    pytestmark = needs("nft")

    def test_two_applies_at_once_come_to_one_consistent_result(
        self, tmp_path: Path, record_property: Callable[[str, object], None]
    ) -> None:
        one, two = tmp_path / "one.xml", tmp_path / "two.xml"
        one.write_text(definition(), encoding="utf-8")
        two.write_text(definition(subnet="192.168.77", forward="<forward mode='route'/>"), encoding="utf-8")
        with Namespace() as namespace:
            namespace.bridges(["virbr1"])
            possible = set()
            for file in (one, two):
                Fwplan(namespace, tmp_path / "alone")("apply", str(file))
                possible.add(namespace.run("nft", "-s", "list", "ruleset"))
            for time in range(_TIMES):
                namespace.flush()
                fwplan = Fwplan(namespace, tmp_path / str(time))
                runs = [fwplan.start("apply", str(file)) for file in (one, two)]
                ends = [run.communicate(timeout=60) for run in runs]
                assert [run.returncode for run in runs] == [0, 0], ends
                assert namespace.run("nft", "-s", "list", "ruleset") in possible
        record_property("figure", f"two applies at once: {_TIMES} times, one consistent result each time")

    def test_who_is_waited_for_is_said_and_waiting_has_an_end(self, tmp_path: Path) -> None:
        with Namespace() as namespace, namespace.entered():
            namespace.bridges(["virbr1"])
            fwplan = Fwplan(namespace, tmp_path)
            with State(System(), tmp_path).locked("a long test", 1, lambda _: None):
                done = fwplan.attempt("apply", "-", "--wait=0.3", given=definition())
        assert done.returncode == 2
        assert "waiting for a long test (process " in done.stderr
        assert "did not end in 0.3 seconds" in done.stderr


class _Crowded(MemorySystem):
    """A machine on which somebody else is always a little faster, for some time."""

    def __init__(self, machine: Machine, times: int, edits: Iterable[Edit]) -> None:
        super().__init__(machine)
        self._times = times
        self._edits = tuple(edits)

    def list_nftables(self, tables: Iterable[Table]) -> Listing:
        listing = super().list_nftables(tables)
        if self._times:
            self._times -= 1
            super().commit_nftables(self._edits)
        return listing


_OTHERS = Table("ip", "others")
_LIBVIRT = Table("ip", "libvirt_network")


def _goal_of(system: MemorySystem, state: State) -> Goal:
    plan = make_plan([read_network(definition().encode())])
    return goal_of_apply(plan, state.applied(), system.interfaces())


def test_a_ruleset_that_changes_between_reading_and_writing_is_read_again(tmp_path: Path) -> None:
    machine = Machine(interfaces={"virbr1": 5})
    system = _Crowded(machine, 3, [Make(_OTHERS)])
    state = State(system, tmp_path)
    outcome = bring(system, state, _goal_of(system, state))
    assert outcome.tries == 4
    assert len(outcome.differences) == 30
    assert system.list_nftables([_LIBVIRT]).rule_counts[_LIBVIRT] == 13
    assert _OTHERS in machine.tables


def test_in_the_layout_maps_as_well(tmp_path: Path) -> None:
    machine = Machine()
    quiet = MemorySystem(machine)
    state = State(quiet, tmp_path)
    table = Table("ip", "fwplan")
    plan = make_plan([read_network(definition().encode())], layout=Layout.MAPS)
    bring(quiet, state, goal_of_apply(plan, state.applied(), {}))
    before = machine.elements
    quiet.commit_nftables([TakeAway(table)])
    system = _Crowded(machine, 3, [Make(_OTHERS), Make(table), TakeAway(table)])
    outcome = bring(system, state, goal_of_apply(plan, state.applied(), {}))
    assert outcome.tries == 4
    assert machine.elements == before
    assert _OTHERS in machine.tables


def test_what_somebody_else_takes_away_meanwhile_is_put_back(tmp_path: Path) -> None:
    machine = Machine(interfaces={"virbr1": 5})
    quiet = MemorySystem(machine)
    state = State(quiet, tmp_path)
    bring(quiet, state, _goal_of(quiet, state))
    before = machine.rules
    quiet.commit_nftables([TakeAway(_LIBVIRT), Make(_LIBVIRT)])
    system = _Crowded(machine, 1, [TakeAway(_LIBVIRT)])
    bring(system, state, _goal_of(system, state))
    assert {key: [entry.rule for entry in rules] for key, rules in machine.rules.items() if rules} == {
        key: [entry.rule for entry in rules] for key, rules in before.items() if rules
    }


def test_rules_of_others_that_come_meanwhile_stay(tmp_path: Path) -> None:
    machine = Machine(interfaces={"virbr1": 5})
    chain = Chain(_OTHERS, "forward")
    theirs = Rule(_OTHERS, "forward", (Counter(), Verdict.ACCEPT))
    system = _Crowded(machine, 2, [Make(_OTHERS), Make(chain), Append(theirs)])
    state = State(system, tmp_path)
    bring(system, state, _goal_of(system, state))
    assert [entry.rule for entry in machine.rules[_OTHERS, "forward"]] == [theirs, theirs]


def test_who_never_gets_a_turn_gives_up_and_leaves_the_host_alone(tmp_path: Path) -> None:
    machine = Machine(interfaces={"virbr1": 5})
    system = _Crowded(machine, 1000, [Make(_OTHERS)])
    state = State(system, tmp_path)
    with pytest.raises(HostError, match="changes the firewall all the time"):
        bring(system, state, _goal_of(system, state))
    assert machine.tables == {_OTHERS}
    assert state.journal() is None
