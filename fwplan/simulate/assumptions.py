"""What is taken for granted of an attribute that is not given, on one of the ways that a packet may go.

A comparison is answered on that way as it was before, and so is one that follows from it: what is `virbr0` is not
`virbr1`, and what is in 10.0.0.0/24 is in 10.0.0.0/8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fwplan.nft.datatypes import datatype_of
from fwplan.nft.expressions import AnonymousSet, Jhash, Meta, Numgen, SetReference, Symhash
from fwplan.nft.statements import Match, Not, Unsure, XtMatch
from fwplan.simulate.lookup import beginning, in_span, part_of

if TYPE_CHECKING:
    from fwplan.nft.expressions import Expression
    from fwplan.simulate.lookup import Part


class Comparison(NamedTuple):
    """A comparison that has one answer for one packet.

    Attributes:
        left: what is compared, or what else it is that is not known.
        right: with what: numbers or names where they are understood, else as the rule says it.
        flags: whether it asks for any of some flags.
    """

    left: Expression | Unsure
    right: Part | Expression
    flags: bool


Assumptions = frozenset[tuple[Comparison, bool]]


def comparison_of(statement: object) -> tuple[Comparison, bool] | None:
    """The comparison that a statement makes, and the answer with which it holds.

    None for what may have another answer the next time.
    """
    match statement:
        case Match(_, Numgen() | Jhash() | Symhash()) | Match(_, Meta("random" | "cpu" | "time")):
            return None
        case Match("==" | "!=" as operator, left, right):
            part = None if isinstance(right, AnonymousSet | SetReference) else part_of(right, datatype_of(left))
            return Comparison(left, right if part is None else part, flags=False), operator == "=="
        case Match("in" | "!" as operator, left, right):
            return Comparison(left, right, flags=True), operator == "in"
        case XtMatch(_, Unsure(lasting=True) as condition):
            return Comparison(condition, None, flags=True), True
        case XtMatch(_, Not(Unsure(lasting=True) as condition)):
            return Comparison(condition, None, flags=True), False
        case XtMatch(_, Not(Match() as match)):
            compared = comparison_of(match)
            return None if compared is None else (compared[0], not compared[1])
        case _:
            return None


def answer(assumed: Assumptions, comparison: Comparison) -> bool | None:
    """What follows for a comparison; None where nothing does."""
    for before, holds in assumed:
        if before == comparison:
            return holds
        if before.left == comparison.left and not before.flags and not comparison.flags:
            if holds and _excludes(before.right, comparison.right):
                return False
            if holds and _covers(comparison.right, before.right):
                return True
            if not holds and _covers(before.right, comparison.right):
                return False
    return None


def _span(part: object) -> tuple[int, int] | None:
    return in_span(part) if isinstance(part, int | tuple) else None  # type: ignore[arg-type]


def _excludes(one: object, other: object) -> bool:
    """Whether nothing is both."""
    first, second = _span(one), _span(other)
    if first is not None and second is not None:
        return first[1] < second[0] or second[1] < first[0]
    if isinstance(one, str) and isinstance(other, str):
        return one != other
    return False


def _covers(whole: object, part: object) -> bool:
    """Whether what is the one is the other as well."""
    first, second = _span(whole), _span(part)
    if first is not None and second is not None:
        return first[0] <= second[0] and second[1] <= first[1]
    if isinstance(part, str):
        start = beginning(whole) if isinstance(whole, tuple) else None  # type: ignore[arg-type]
        return start is not None and part.startswith(start)
    return False
