"""The ways that a packet may go where it is not known what a statement does, and what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fwplan.nft.expressions import Meta, Numgen
from fwplan.nft.statements import Match
from fwplan.simulate.outcome import Accept, Doubt, Refuse, Undecided
from fwplan.simulate.verdicts import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.simulate.actions import Result
    from fwplan.simulate.chains import PreparedChain, PreparedRule
    from fwplan.simulate.outcome import Verdict
    from fwplan.simulate.state import State

    Changes = tuple[str, ...]
    Event = tuple[str, PreparedChain | None, PreparedRule | None, Result | int, Changes, Changes]
    """What the packet met, as it is turned into the trace when somebody asks for it.

    Its kind (`entered`, `met`, `begun`, `doubt`, `ended`, `policy` or `translated`), the chain, the rule, what it did,
    or for a doubt the number of the statement, what changed in words, and the statements that were taken to hold.
    """


class Ending(NamedTuple):
    """One of the ways that a packet may go.

    Attributes:
        verdict: at its end.
        state: the packet at its end.
        events: what it met.
        choices: the statements in doubt that decide, and what was chosen.
    """

    verdict: Accept | Refuse
    state: State
    events: tuple[Event, ...]
    choices: tuple[tuple[Doubt, str], ...] = ()


ACCEPTED, DROPPED = Accept(), Refuse()
UNSURE = "?"
"""What the sender is told, where that is not known."""


def after(events: list[Event], endings: list[Ending]) -> list[Ending]:
    """The same ways, with what was met before."""
    if not events:
        return endings
    before = tuple(events)
    return [Ending(verdict, state, before + later, choices) for verdict, state, later, choices in endings]


def merged(ways: list[tuple[str, list[Ending]]], doubt: Doubt, in_doubt: Event | None) -> list[Ending]:
    """The endings of several ways: those of one alone where all end alike.

    Args:
        ways: what was chosen, in words, and the endings that it leads to.
        doubt: between what was chosen.
        in_doubt: what shows in the trace of a way on which a rule was taken not to match.
    """
    alike = [frozenset([(ending.verdict, ending.state.key()) for ending in endings]) for _, endings in ways]
    label, first = ways[0]
    before = [in_doubt] if in_doubt is not None and label == NO_MATCH[0] and len(ways) > 1 else []
    if all(each == alike[0] for each in alike[1:]):
        others = [ending for _, endings in ways[1:] for ending in endings]
        return after(before, [ending._replace(state=_common_state(ending, others)) for ending in first])
    found = after(before, [ending._replace(choices=((doubt, label), *ending.choices)) for ending in first])
    for other, endings in ways[1:]:
        found += [ending._replace(choices=((doubt, other), *ending.choices)) for ending in endings]
    return found


def _common_state(ending: Ending, others: list[Ending]) -> State:
    """The packet with only those assumptions that hold on every way to the same end."""
    state = ending.state
    assumed = state.assumed
    if not assumed:
        return state
    for other in others:
        if other.verdict == ending.verdict and other.state.key() == state.key():
            assumed &= other.state.assumed
    if assumed == state.assumed:
        return state
    changed = state.copy()
    changed.assumed = assumed
    return changed


def remembered(statement: object) -> tuple[object, bool] | None:
    """What the same comparison of the same packet is known by, and the result that its being true is.

    None for what may turn out otherwise the next time.
    """
    match statement:
        case Match(_, Numgen()) | Match(_, Meta("random" | "cpu" | "time")):
            return None
        case Match("!=", left, right):
            return (Match("==", left, right), False)
        case Match("!", left, right):
            return (Match("in", left, right), False)
        case Match():
            return (statement, True)
        case _:
            return None


def verdict_of(endings: Sequence[Ending]) -> Verdict:
    """What all ways together come to."""
    if len(endings) == 1:
        return endings[0].verdict
    verdicts = {ending.verdict for ending in endings}
    if len(verdicts) == 1:
        return endings[0].verdict
    if all(isinstance(verdict, Refuse) for verdict in verdicts):
        return Refuse(UNSURE)
    return Undecided(tuple(dict.fromkeys(deciding(endings))), frozenset(verdicts))


def deciding(endings: Sequence[Ending], depth: int = 0) -> list[Doubt]:
    """The statements in doubt on which the verdict depends, in the order of the walk."""
    if len({type(ending.verdict) for ending in endings}) < 2:
        return []
    doubt = endings[0].choices[depth][0]
    by_choice: dict[str, list[Ending]] = {}
    for ending in endings:
        by_choice.setdefault(ending.choices[depth][1], []).append(ending)
    verdicts = [frozenset([type(ending.verdict) for ending in group]) for group in by_choice.values()]
    found = [doubt] if len(set(verdicts)) > 1 else []
    for group in by_choice.values():
        found += deciding(group, depth + 1)
    return found


def common_events(endings: Sequence[Ending]) -> tuple[Event, ...]:
    """What a packet meets on all ways, before they part."""
    events = endings[0].events
    for ending in endings[1:]:
        same = 0
        for one, other in zip(events, ending.events, strict=False):
            if one is not other and one != other:
                break
            same += 1
        events = events[:same]
    return events
