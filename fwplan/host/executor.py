"""Brings a host to a wanted state, or leaves it as it was.

Every part is read first. Then the journal is written: what is there now. Then the parts are changed, one after the
other. Taking the journal away makes the change final; until then any failure, and after a crash the next run, brings
the parts back in reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.errors import HostError
from fwplan.host.part import ChangedMeanwhileError
from fwplan.host.parts import part_of
from fwplan.host.state import Undo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.host.part import Change, Part
    from fwplan.host.state import Applied, State
    from fwplan.host.system import System
    from fwplan.plan.difference import Difference

_TRIES = 10
"""How often a host that others change at the same moment is read again."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a host is to come to.

    Attributes:
        what: the change, in words: "apply default".
        parts: in the order in which they are changed.
        applied: what fwplan has applied then; what it knows of its own making is what it was before.
    """

    what: str
    parts: tuple[Part, ...]
    applied: Applied


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a goal.

    Attributes:
        changes: what was done about each part; those that had to be planned again because somebody else changed the
            host at the same moment included.
        tries: how often the host was read.
    """

    changes: tuple[Change, ...]
    tries: int

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All that was not as it is wanted, in the order in which it was changed; none when there was nothing to do."""
        return tuple(difference for change in self.changes for difference in change.differences)

    @property
    def unchanged(self) -> int:
        """How many rules were as they are wanted when the host was first read."""
        return sum({change.kind: change.unchanged for change in reversed(self.changes)}.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """What the host is not able to, and was left out."""
        return tuple(dict.fromkeys(note for change in self.changes for note in change.notes))


def compare(system: System, goal: Goal) -> Outcome:
    """What bringing the host to a goal would do; nothing is changed.

    Raises:
        HostError: the host cannot be read, or something is in the way.
    """
    changes = tuple(part.compare(system) for part in goal.parts)
    obstacles = [obstacle for change in changes for obstacle in change.obstacles]
    if obstacles:
        raise HostError("\n".join(obstacles))
    return Outcome(changes, 1)


def bring(system: System, state: State, goal: Goal, *, deadline: float | None = None) -> Outcome:
    """Bring the host to a goal. The lock is held, and no journal is left from an earlier run.

    Args:
        system: the host.
        state: fwplan's own files.
        goal: what the host is to come to.
        deadline: in seconds since the machine started, until when the change can be confirmed; None for at once.

    Raises:
        HostError: it failed; the host is as it was, or the message says that the next run will see to it.
    """
    applied = state.applied()
    outcome = compare(system, goal)
    if not outcome.differences:
        after = _credited(goal.applied, outcome.changes)
        if after != applied:
            state.set_applied(after)
        return outcome
    before = tuple(change.before.document() for change in outcome.changes)
    undo = Undo(goal.what, before, applied, deadline)
    try:
        state.set_journal(undo)
        if deadline is not None:
            system.start_guardian(state.parent, deadline)
        outcome = _change(system, goal, outcome)
        state.set_applied(_credited(goal.applied, outcome.changes))
        if deadline is not None:
            state.set_pending(undo)
        state.set_journal(None)
    except BaseException as error:
        _undo_after(error, system, state, undo)
        raise
    return outcome


def _change(system: System, goal: Goal, outcome: Outcome) -> Outcome:
    done: list[Change] = []
    for attempt in range(1, _TRIES + 1):
        reached = 0
        try:
            for change in outcome.changes:
                if change.differences:
                    change.make(system)
                reached += 1
        except ChangedMeanwhileError as error:
            again = compare(system, goal)
            # Nothing left to do means that it was made, or that somebody else has just done the same.
            made = error.made or not again.changes[reached].differences
            done.extend(outcome.changes[: reached + made])
            outcome = again
        else:
            return Outcome((*done, *outcome.changes), attempt)
    raise HostError(f"somebody else changes the firewall all the time: given up after {_TRIES} tries")


def _credited(applied: Applied, changes: Iterable[Change]) -> Applied:
    """What was applied, with what fwplan now has made itself: only that it takes away one day."""
    for change in changes:
        applied = change.credited(applied)
    return applied


def _undo_after(error: BaseException, system: System, state: State, undo: Undo) -> None:
    try:
        revert(system, state, undo)
    except HostError as failure:
        raise HostError(
            f"{error}\nand undoing what was done failed: {failure}\nthe next run of fwplan completes the undo"
        ) from error


def revert(system: System, state: State, undo: Undo) -> None:
    """Bring back what was there before a change, and forget the change.

    It is the journal from now on, so that the next run goes on where this one is cut off. What fails may fail only
    this once: it is tried a second time.

    Raises:
        HostError: it cannot be brought back; the journal stays.
    """
    try:
        _revert(system, state, undo)
    except HostError:
        _revert(system, state, undo)


def _revert(system: System, state: State, undo: Undo) -> None:
    state.set_journal(undo)
    for document in reversed(undo.before):
        _bring_back(system, part_of(document))
    state.set_applied(undo.applied)
    state.set_pending(None)
    state.set_journal(None)


def _bring_back(system: System, part: Part) -> None:
    for _ in range(_TRIES):
        change = part.compare(system)
        if not change.differences:
            return
        try:
            change.make(system)
        except ChangedMeanwhileError:
            continue
        return
    raise HostError("somebody else changes the firewall all the time")
