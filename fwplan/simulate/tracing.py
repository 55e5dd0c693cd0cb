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
    RuleBegun,
    RuleInDoubt,
    RuleMet,
    Translated,
)
from fwplan.simulate.steps import why

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.nft.ruleset import Chain
    from fwplan.simulate.outcome import Met
    from fwplan.simulate.packet import Packet
    from fwplan.simulate.state import State
    from fwplan.simulate.ways import Event


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
            kind, chain = event[:2]
            if kind == "entered" and chain is not None:
                base = chain.chain
            found = _met(event, base)
            if kind == "policy" and met and isinstance(met[-1], ChainEnded):
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


def verdict_text(result: object) -> str:
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
