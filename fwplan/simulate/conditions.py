"""Conditions that are joined of several, as functions of a packet, and targets of iptables, which do not end a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.expression_text import expression_text
from fwplan.nft.statements import AllOf, AnyOf, Match, Not, Unsure
from fwplan.simulate.actions import Change
from fwplan.simulate.matching import test_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.nft.statements import Condition
    from fwplan.simulate.actions import Result, Step
    from fwplan.simulate.matching import Test
    from fwplan.simulate.scope import Scope
    from fwplan.simulate.state import State


def condition_test(condition: Condition, scope: Scope) -> Test:
    """The function that asks."""
    match condition:
        case Match():
            return test_of(condition, scope)
        case Not(inner):
            return _not(condition_test(inner, scope))
        case AllOf(conditions):
            return _joined([condition_test(each, scope) for each in conditions], decides=False)
        case AnyOf(conditions):
            return _joined([condition_test(each, scope) for each in conditions], decides=True)
        case Unsure():
            return lambda _: None


def _not(test: Test) -> Test:
    def opposite(state: State) -> bool | None:
        found = test(state)
        return None if found is None else not found

    return opposite


def _joined(tests: Sequence[Test], *, decides: bool) -> Test:
    """What one of them decides, or none of them, or is not known."""

    def joined(state: State) -> bool | None:
        found: bool | None = not decides
        for test in tests:
            one = test(state)
            if one is decides:
                return decides
            if one is None:
                found = None
        return found

    return joined


def target_step(steps: Sequence[Step]) -> Step:
    """The function that does what a target does.

    What one of its statements finds nothing to do with is left out; a verdict ends it.
    """

    def step(state: State) -> Result:
        words: list[str] = []
        now = state
        for each in steps:
            result = each(now)
            if isinstance(result, Change):
                now = result.state
                words += [result.words] if result.words else []
            elif result is not True and result is not False:
                return result
        return True if now is state else Change(now, ", ".join(words))

    return step


def why_unsure(condition: Condition) -> str:
    """What is missing to know whether a condition holds."""
    parts = list(_parts(condition))
    for part in parts:
        if isinstance(part, Unsure):
            return part.why
    return ", ".join(f"{expression_text(part.left)} is not given" for part in parts if isinstance(part, Match))


def is_lasting(condition: Condition) -> bool:
    """Whether one packet always gets the same answer, as long as it is the same."""
    return all(part.lasting for part in _parts(condition) if isinstance(part, Unsure))


def _parts(condition: Condition) -> Iterator[Match | Unsure]:
    match condition:
        case Not(inner):
            yield from _parts(inner)
        case AllOf(conditions) | AnyOf(conditions):
            for each in conditions:
                yield from _parts(each)
        case Match() | Unsure():
            yield condition
