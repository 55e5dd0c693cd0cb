"""Comparisons as functions of a packet: whether it matches, or None where that is not known."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING

from fwplan.nft.datatypes import Form, datatype_of
from fwplan.nft.expressions import (
    AnonymousSet,
    Boolean,
    Concatenation,
    Element,
    Fib,
    Jhash,
    Meta,
    Numgen,
    Payload,
    SetReference,
    Symhash,
)
from fwplan.simulate.constants import constant
from fwplan.simulate.lookup import ABSENT, MISS, Possible, beginning, in_span, part_of
from fwplan.simulate.state import State
from fwplan.simulate.values import getter, key_getter

if TYPE_CHECKING:
    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Match
    from fwplan.simulate.lookup import Part
    from fwplan.simulate.scope import Scope
    from fwplan.simulate.values import Getter

Test = Callable[[State], bool | None]


def test_of(match: Match, scope: Scope) -> Test:
    """The function that compares."""
    quick = _quick(match)
    if quick is not None:
        return quick
    match match.left, match.right:
        case _, AnonymousSet() | SetReference():
            return _lookup_test(match, match.right, scope)
        case Concatenation(), _:
            return _lookup_test(match, AnonymousSet((Element(match.right),)), scope)
        case Fib(result), Boolean(value) if result != "type":
            exists = value == (match.operator == "==")
            return _name_test(getter(match.left, scope), "", equal=not exists)
        case Numgen() | Jhash() | Symhash(), _:
            return _nothing
        case _:
            return _value_test(match, scope)


def _value_test(match: Match, scope: Scope) -> Test:
    get = getter(match.left, scope)
    datatype = datatype_of(match.left)
    number = constant(match.right, datatype)
    match match.operator:
        case "in" | "!":
            return _bits_test(get, number, none_set=match.operator == "!")
        case "==" | "!=":
            return _equality_test(get, part_of(match.right, datatype), match.left, equal=match.operator == "==")
        case _:
            return _order_test(get, match.operator, number)


def _equality_test(get: Getter, part: Part, left: Expression, *, equal: bool) -> Test:
    if (text := beginning(part)) is not None:
        return _beginning_test(get, text, equal=equal)
    if (span := in_span(part)) is not None:
        return _span_test(get, *span, inside=equal)
    if not isinstance(part, str):
        return _nothing
    if part.isdigit() and (datatype := datatype_of(left)) is not None and datatype.form is Form.INTERFACE_INDEX:
        # nft lists the number of an interface that is gone; 0 is that of none
        return _name_test(get, "" if part == "0" else part, equal=equal)
    return _name_test(get, part, equal=equal)


def _nothing(_: State) -> None:
    return None


def _bits_test(get: Getter, bits: int | str | None, *, none_set: bool) -> Test:
    if not isinstance(bits, int):
        return _nothing

    def test(state: State) -> bool | None:
        value = get(state)
        if isinstance(value, int):
            return (not value & bits) is none_set
        return None if value is None else False

    return test


def _span_test(get: Getter, start: int, end: int, *, inside: bool) -> Test:
    def test(state: State) -> bool | None:
        value = get(state)
        if isinstance(value, int):
            return (start <= value <= end) is inside
        return None if value is None else False

    return test


def _name_test(get: Getter, name: str, *, equal: bool) -> Test:
    def test(state: State) -> bool | None:
        value = get(state)
        if isinstance(value, str):
            return (value == name) is equal
        return None if value is None else False

    return test


def _beginning_test(get: Getter, text: str, *, equal: bool) -> Test:
    def test(state: State) -> bool | None:
        value = get(state)
        if isinstance(value, str):
            return value.startswith(text) is equal
        return None if value is None else False

    return test


_ORDER: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _order_test(get: Getter, which: str, bound: int | str | None) -> Test:
    holds = _ORDER[which]
    if not isinstance(bound, int):
        return _nothing

    def test(state: State) -> bool | None:
        value = get(state)
        if isinstance(value, int):
            return holds(value, bound)
        return None if value is None else False

    return test


def _lookup_test(match: Match, data: Expression, scope: Scope) -> Test:
    if match.operator not in {"==", "!=", "in"}:
        return _nothing
    if isinstance(match.left, Numgen | Jhash | Symhash):
        return _nothing
    lookup = scope.lookup(data, match.left)
    if lookup is None:
        return _nothing
    inside = match.operator != "!="
    read = key_getter(match.left, scope)
    find = lookup.find
    name = data.name if isinstance(data, SetReference) else ""

    def test(state: State) -> bool | None:
        key = read(state)
        if key is ABSENT:
            return False
        found = find(key)
        if found is MISS:
            # what the packet itself was put into, or taken out of, is no longer what was listed
            return not inside if name not in state.touched else None
        if isinstance(found, Possible):
            return None if found.or_none else inside
        return inside if name not in state.touched else None

    return test


def _quick(match: Match) -> Test | None:
    """The commonest comparisons, without a function in between."""
    if match.operator != "==":
        return None
    match match.left:
        case Meta("iif" | "iifname" | "oif" | "oifname" as key):
            name = part_of(match.right, datatype_of(match.left))
            if not isinstance(name, str) or name.isdigit():
                return None
            if key.startswith("iif"):
                return lambda state: None if state.iifname is None else state.iifname == name
            return lambda state: None if state.oifname is None else state.oifname == name
        case Payload("ip" | "ip6" as family, "saddr" | "daddr" as field, None):
            span = in_span(part_of(match.right, datatype_of(match.left)))
            return None if span is None else _address_test(family, field, *span)
        case _:
            return None


def _address_test(family: str, field: str, start: int, end: int) -> Test:
    if field == "saddr":

        def of_source(state: State) -> bool | None:
            if state.family != family:
                return False
            number = state.saddr
            return None if number is None else start <= number <= end

        return of_source

    def of_destination(state: State) -> bool | None:
        if state.family != family:
            return False
        number = state.daddr
        return None if number is None else start <= number <= end

    return of_destination
