"""Verdicts, and what leads to one: verdict maps, reject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.expression_text import expression_text
from fwplan.nft.expressions import Goto, Jhash, Jump, Number, Numgen, Symhash, Verdict, Word
from fwplan.simulate import actions
from fwplan.simulate.actions import Either, End, Into
from fwplan.simulate.lookup import ABSENT, MISS, Hit
from fwplan.simulate.values import TCP, key_getter

if TYPE_CHECKING:
    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Reject, VerdictMap
    from fwplan.simulate.actions import Result, Step
    from fwplan.simulate.lookup import Data, Lookup
    from fwplan.simulate.scope import Scope
    from fwplan.simulate.state import State

_RESULTS: dict[Verdict, Result] = {
    Verdict.ACCEPT: End.ACCEPT,
    Verdict.DROP: End.DROP,
    Verdict.RETURN: End.RETURN,
    Verdict.CONTINUE: True,
}
NO_MATCH = ("that the rule does not match", False)
ANYTHING = Either(
    (NO_MATCH, ("accept", End.ACCEPT), ("drop", End.DROP), ("that the rule goes on", True)),
    "fwplan does not understand it",
)
"""Of what is not understood."""
_MOST_NUMBERS = 4096
"""As many numbers as one may be drawn of are tried one by one."""


def result_of(verdict: Expression | None) -> Result:
    """What a verdict does."""
    match verdict:
        case Verdict():
            return _RESULTS[verdict]
        case Jump(chain):
            return Into(chain, back=True)
        case Goto(chain):
            return Into(chain, back=False)
        case _:
            return ANYTHING


def vmap_step(statement: VerdictMap, scope: Scope) -> Step:
    """`iifname vmap { "virbr0" : jump guests }`."""
    lookup = scope.lookup(statement.data, statement.key)
    if lookup is None:
        return lambda _: ANYTHING
    results = {verdict: result_of(verdict) for verdict in lookup.data}
    text = expression_text(statement.key)
    if isinstance(statement.key, Numgen | Jhash | Symhash):
        drawn = _drawn(statement.key, lookup, results, f"{text} is not known beforehand")
        return lambda _: drawn
    read, find, reason = key_getter(statement.key, scope), lookup.find, f"{text} is not given"

    def step(state: State) -> Result:
        key = read(state)
        if key is ABSENT:
            return False
        found = find(key)
        if isinstance(found, Hit):
            return results[found.data]
        return False if found is MISS else _one_of(found.data, results, reason, or_none=found.or_none)

    return step


def _one_of(verdicts: tuple[Data, ...], results: dict[Data, Result], reason: str, *, or_none: bool) -> Result:
    choices = [("" if verdict is None else expression_text(verdict), results[verdict]) for verdict in verdicts]
    choices += [NO_MATCH] if or_none else []
    return choices[0][1] if len(choices) == 1 else Either(tuple(choices), reason)


def _drawn(key: Numgen | Jhash | Symhash, lookup: Lookup, results: dict[Data, Result], reason: str) -> Result:
    """A number that nobody knows beforehand leads to each of the elements that it can be."""
    numbers = range(key.offset, key.offset + min(key.modulus, _MOST_NUMBERS))
    found = [lookup.find(number) for number in numbers]
    verdicts = tuple(dict.fromkeys(hit.data for hit in found if isinstance(hit, Hit)))
    missed = key.modulus > _MOST_NUMBERS or any(not isinstance(hit, Hit) for hit in found)
    return _one_of(verdicts, results, reason, or_none=missed)


_ICMPX = {
    "no-route": ("net-unreachable", "no-route"),
    "port-unreachable": ("port-unreachable", "port-unreachable"),
    "host-unreachable": ("host-unreachable", "addr-unreachable"),
    "admin-prohibited": ("admin-prohibited", "admin-prohibited"),
}
"""What each word of `icmpx` is in ICMP and in ICMPv6."""


def reject_step(statement: Reject) -> Step:
    """`reject with icmpx admin-prohibited`. A kind of one protocol asks for packets of that protocol."""
    reason = _reason(statement)
    for_ip = actions.Reject(f"icmp {_ICMPX.get(reason, (reason, reason))[0]}")
    for_ip6 = actions.Reject(f"icmpv6 {_ICMPX.get(reason, (reason, reason))[1]}")
    match statement.type:
        case "tcp reset":
            return _reset
        case "icmp":
            exact = actions.Reject(f"icmp {reason}")
            return lambda state: exact if state.family == "ip" else False
        case "icmpv6":
            exact6 = actions.Reject(f"icmpv6 {reason}")
            return lambda state: exact6 if state.family == "ip6" else False
        case _:
            return lambda state: for_ip6 if state.family == "ip6" else for_ip


_RESET = actions.Reject("tcp reset")


def _reset(state: State) -> Result:
    """Only what is TCP can be reset; nft leaves out that the rule asks for it."""
    if state.protocol is None:
        return Either((NO_MATCH, ("reject", _RESET)), "meta l4proto is not given")
    return _RESET if state.protocol == TCP else False


def _reason(statement: Reject) -> str:
    match statement.reason:
        case Word(text):
            return text
        case Number(value):
            return str(value)
        case _:
            return "port-unreachable"
