"""The trace of a walk, made when somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.expressions import Goto, Jump
from fwplan.nft.rule_text import statement_text
from fwplan.simulate.actions import End, Into, Reject, Translate
from fwplan.simulate.outcome import (
    ChainEnded,
    ChainEntered,
    Doubt,
    Refuse,
    RuleBegun,
    RuleInDoubt,
    RuleMet,
    Translated,
    Undecided,
)
from fwplan.simulate.steps import why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.nft.ruleset import Chain
    from fwplan.simulate.actions import Result
    from fwplan.simulate.outcome import Met, Verdict
    from fwplan.simulate.packet import Packet
    from fwplan.simulate.state import State
    from fwplan.simulate.walk import Ending, Event

UNSURE = "?"
"""What the sender is told, where that is not known."""


class Gone:
    """One way of a packet through a hook."""

    __slots__ = ("_events", "_first", "_state")

    def __init__(self, state: State, events: Sequence[Event], first: Doubt | None = None) -> None:
        self._state = state
        self._events = events
        self._first = first

    def packet(self) -> Packet:
        """The packet at its end."""
        return self._state.as_packet()

    def trace(self) -> tuple[Met, ...]:
        """What it met."""
        met: list[Met] = []
        base: Chain | None = None
        for event in self._events:
            if event.kind == "entered" and event.chain is not None:
                base = event.chain.chain
            found = _met(event, base)
            if event.kind == "policy" and met and isinstance(met[-1], ChainEnded):
                # the end of the base chain, or of one that it went to
                met.pop()
            if found is not None:
                met.append(found)
        if self._first is not None and self._first.rule is not None and self._first.position is not None:
            met.append(RuleInDoubt(self._first.rule, self._first.position, self._first))
        return tuple(met)


def _met(event: Event, base: Chain | None) -> Met | None:
    kind, chain, rule, result, changes, assumed = event
    if kind == "entered" and chain is not None:
        return ChainEntered(chain.chain)
    if kind == "met" and rule is not None:
        return RuleMet(rule.rule, rule.position, verdict_text(result), changes, assumed)
    if kind == "begun" and rule is not None:
        return RuleBegun(rule.rule, rule.position, changes)
    if kind == "doubt" and rule is not None and isinstance(result, int):
        statement = rule.statements[result]
        text = statement_text(statement, rule.rule.place.family)
        doubt = Doubt(text, why(statement), rule.rule.place, rule.rule, rule.position)
        return RuleInDoubt(rule.rule, rule.position, doubt)
    if kind == "ended" and chain is not None:
        return ChainEnded(chain.chain, None)
    if kind == "policy" and base is not None:
        return ChainEnded(base, "drop" if result is End.DROP else "accept")
    return Translated(changes) if kind == "translated" else None


def verdict_text(result: Result | int) -> str:
    """What a rule that held did."""
    match result:
        case End():
            return result.value
        case Into(chain, back):
            return statement_text(Jump(chain) if back else Goto(chain))
        case Reject(told):
            return f"reject with {told}" if told else "reject"
        case Translate(kind):
            return kind
        case _:
            return "continue"


def verdict_of(endings: Sequence[Ending]) -> Verdict:
    """What all ways together come to."""
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


def common(endings: Sequence[Ending]) -> tuple[Event, ...]:
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
