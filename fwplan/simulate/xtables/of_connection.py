"""What `-m conntrack` and `-m state` ask, in nft's words. Source: Linux, net/netfilter/xt_conntrack.c."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.iptables.matches import (
    ConnectionAddressIs,
    ConnectionExpires,
    ConnectionPortIs,
    ConnectionProtocolIs,
    DirectionIs,
    StateIs,
    StatusIs,
)
from fwplan.nft.expressions import Ct, Flags, Word
from fwplan.nft.statements import AllOf, AnyOf, Match, Not, Unsure
from fwplan.simulate.xtables.comparisons import (
    ADDRESS,
    NEVER,
    all_of,
    any_of,
    equal,
    in_subnet,
    protocol_is,
    ranges,
    unless,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.iptables.matches import ConnectionQuestion
    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Condition

_NO_CONNECTION = Match("in", Ct("state"), Flags((Word("invalid"), Word("untracked"))))
_TRANSLATED = {"SNAT": "snat", "DNAT": "dnat"}


def tracked(questions: Iterable[ConnectionQuestion], family: str) -> Condition:
    """All of the questions. Where there is no connection only the state counts; what asks for none does not hold."""
    states = [_state(question) for question in questions if isinstance(question, StateIs)]
    others = [_of_connection(question, family) for question in questions if not isinstance(question, StateIs)]
    if not others:
        return all_of(states)
    if states:
        return AllOf((*states, AnyOf((_NO_CONNECTION, all_of(others)))))
    return AllOf((Not(_NO_CONNECTION), *others))


def _state(question: StateIs) -> Condition:
    words = tuple(Word(state.lower()) for state in question.states if state not in _TRANSLATED)
    flags = tuple(Word(_TRANSLATED[state]) for state in question.states if state in _TRANSLATED)
    if not flags:
        return Match("!" if question.negated else "in", Ct("state"), _flags(words))
    return unless(
        any_of([_some("state", words)] * bool(words) + [_some("status", flags)] * bool(flags)),
        negated=question.negated,
    )


def _some(key: str, words: tuple[Word, ...]) -> Match:
    return Match("in", Ct(key), _flags(words))


def _flags(words: tuple[Word, ...]) -> Expression:
    return words[0] if len(words) == 1 else Flags(words)


def _of_connection(question: ConnectionQuestion, family: str) -> Condition:
    match question:
        case StatusIs(statuses, negated):
            words = tuple(Word(status.lower().replace("_", "-")) for status in statuses if status != "NONE")
            return unless(_some("status", words) if words else NEVER, negated=negated)
        case DirectionIs(direction, negated):
            return Match(equal(negated), Ct("direction"), Word(direction))
        case ConnectionAddressIs(way, side, addresses, negated):
            return in_subnet(Ct(f"{family} {ADDRESS[side]}", way), addresses, negated=negated)
        case ConnectionPortIs(way, side, ports, negated):
            return ranges(Ct("proto-src" if side == "source" else "proto-dst", way), (ports,), negated=negated)
        case ConnectionProtocolIs(protocol, negated):
            return protocol_is(Ct("protocol"), protocol, negated=negated)
        case ConnectionExpires():
            return Unsure("--ctexpire", "how long a connection is left is no part of a simulation")
        case StateIs():
            return _state(question)
