"""Whatever fails, and wherever the process ends, on a machine in memory that has every part at once.

It is to the parts that the real machine of `test_faults.py` has not, or has not all at once, what that is to the rest:
a firewalld with zones, a kernel that repairs checksums, rules and forwarding.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from apply_command import definition
from faults import Died, Fault, faulty

from fwplan.errors import HostError
from fwplan.host.executor import bring
from fwplan.host.firewalld import Firewalld
from fwplan.host.forwarding import FORWARDING, SettingsPart
from fwplan.host.goal import goal_of_apply, goal_of_removal
from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.recovery import confirm, recover, undo_pending
from fwplan.host.state import State
from fwplan.network.read import read_network
from fwplan.plan.intents import Family
from fwplan.plan.plan import Layout, make_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.host.system import System
    from fwplan.nft.listing import ListedRule

    Act = Callable[[System, State], None]

_FOLDER = Path("/run/fwplan")
_FORWARDING = FORWARDING[Family.IPV4]
_FAILURES = {Fault.FAILS, Fault.FAILS_WITHIN, Fault.FAILS_LATE}

_LAB, _EDITED, _OPEN, _OTHER, _AROUND = (
    text.encode()
    for text in (
        definition(),
        definition(bridge="virbr3", forward="<forward mode='route'/>"),
        "<network><name>lab</name><forward mode='open'/><bridge name='virbr1' zone='mine'/></network>",
        definition("other", "virbr2", "192.168.10"),
        definition("around", "virbr2").replace("255.255.255.0", "255.255.0.0"),
    )
)


def _machine() -> Machine:
    """A machine on which somebody has put a bridge in a zone."""
    zones = frozenset({"libvirt", "libvirt-routed", "mine"})
    return Machine(
        interfaces={"virbr1": 5, "virbr2": 6, "virbr3": 7},
        settings={_FORWARDING: "0", "kernel.random.boot_id": "memory"},
        firewalld=Firewalld(zones, frozenset({"libvirt-routed-out"}), {"virbr1": "mine", "eth0": "mine"}),
    )


def _apply(*definitions: bytes, layout: Layout = Layout.LIBVIRT, deadline: float | None = None) -> Act:
    def act(system: System, state: State) -> None:
        with state.locked("test", 0, lambda _: None):
            recover(system, state)
            plan = make_plan([read_network(text) for text in definitions], layout=layout, firewalld=True)
            goal = goal_of_apply(plan, state.applied(), system.interfaces(), firewalld=True)
            goal = replace(goal, parts=(*goal.parts, SettingsPart({_FORWARDING: "1"})))
            bring(system, state, goal, deadline=deadline)

    return act


def _remove(*names: str) -> Act:
    def act(system: System, state: State) -> None:
        with state.locked("test", 0, lambda _: None):
            recover(system, state)
            bring(system, state, goal_of_removal([], names, state.applied(), firewalld=system.firewalld()))

    return act


def _confirm(_: System, state: State) -> None:
    with state.locked("test", 0, lambda _: None):
        confirm(state)


def _undo(system: System, state: State) -> None:
    with state.locked("test", 0, lambda _: None):
        undo_pending(system, state)


@dataclass(frozen=True)
class _Run:
    """A kind of run: what was done before, and what is done now."""

    earlier: tuple[Act, ...]
    act: Act


_RUNS = {
    "a first network": _Run((), _apply(_LAB)),
    "two networks": _Run((), _apply(_LAB, _OTHER)),
    "an edited definition, on another bridge": _Run((_apply(_LAB, _OTHER),), _apply(_EDITED)),
    "a network that becomes open": _Run((_apply(_LAB),), _apply(_OPEN)),
    "the removal of one of two": _Run((_apply(_LAB, _OTHER),), _remove("lab")),
    "the removal of the last": _Run((_apply(_LAB, _OTHER),), _remove("lab", "other")),
    "a first network of the layout maps": _Run((), _apply(_LAB, layout=Layout.MAPS)),
    "a network that moves to the layout maps": _Run((_apply(_LAB, _OTHER),), _apply(_LAB, layout=Layout.MAPS)),
    "a network that moves back": _Run((_apply(_LAB, _AROUND, layout=Layout.MAPS),), _apply(_LAB)),
    "an edited definition in the layout maps": _Run(
        (_apply(_LAB, _AROUND, layout=Layout.MAPS),), _apply(_EDITED, layout=Layout.MAPS, deadline=10.0**9)
    ),
    "the removal of one of two that overlap": _Run((_apply(_LAB, _AROUND, layout=Layout.MAPS),), _remove("lab")),
    "the removal of both": _Run((_apply(_LAB, _AROUND, layout=Layout.MAPS),), _remove("lab", "around")),
    "a change that is to be confirmed": _Run((_apply(_LAB),), _apply(_EDITED, deadline=10.0**9)),
    "its confirmation": _Run((_apply(_LAB), _apply(_EDITED, deadline=10.0**9)), _confirm),
    "its undo": _Run((_apply(_LAB), _apply(_EDITED, deadline=10.0**9)), _undo),
}


def _shot(machine: Machine) -> tuple[object, ...]:
    """All that a run changes on the machine; handles are as they come."""
    state = State(MemorySystem(machine), _FOLDER)
    return (
        machine.tables,
        machine.chains,
        machine.maps,
        machine.elements,
        {key: [replace(entry.rule, handle=None) for entry in rules if entry.rule] for key, rules in _rules(machine)},
        {bridge: (found.root, len(found.filters)) for bridge, found in machine.queueing.items()},
        machine.firewalld,
        machine.settings,
        (state.applied(), state.pending()),
    )


def _rules(machine: Machine) -> list[tuple[object, list[ListedRule]]]:
    return [(key, rules) for key, rules in machine.rules.items() if rules]


def _end() -> NoReturn:
    raise Died


def _befallen(machine: Machine, run: _Run, fault: Fault | None = None, place: int = -1) -> list[str]:
    """The calls of a run that meets with a fault."""
    system, calls = faulty(MemorySystem(machine), fault, place, _end)
    try:
        run.act(system, State(system, _FOLDER))
    except HostError:
        assert fault in _FAILURES
    except Died:
        assert fault not in _FAILURES
    machine.crash()
    return calls


def _begun(run: _Run) -> Machine:
    machine = _machine()
    for act in run.earlier:
        act(MemorySystem(machine), State(MemorySystem(machine), _FOLDER))
    return machine


@pytest.mark.parametrize("name", _RUNS)
def test_a_fault_leaves_the_machine_as_it_was_or_as_planned(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    run = _RUNS[name]
    begun = _begun(run)
    before = _shot(begun)
    well = deepcopy(begun)
    calls = _befallen(well, run)
    planned = _shot(well)
    assert planned != before
    tried = 0
    for place, call in enumerate(calls):
        for fault in Fault:
            if not fault.befalls(call):
                continue
            tried += 1
            where = f"call {place} ({call}) {fault.value}"
            machine = deepcopy(begun)
            _befallen(machine, run, fault, place)
            if fault in _FAILURES:
                assert _shot(machine)[:-1] in (before[:-1], planned[:-1]), f"{where}: at once"
            recover(MemorySystem(machine), State(MemorySystem(machine), _FOLDER))
            assert _shot(machine) in (before, planned), where
    record_property("figure", f"faults in memory: {name}: {len(calls)} calls, {tried} faults")


def test_the_runs_make_every_kind_of_change() -> None:
    calls = {call for run in _RUNS.values() for call in _befallen(_begun(run), run)}
    assert calls >= {"commit_nftables", "change_queueing", "change_zone", "leave_zone", "change_setting", "write"}
