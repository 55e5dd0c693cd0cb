"""The comparisons that iptables' matches are made of, in nft's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.iptables.matches import Masked, Range
from fwplan.nft import expressions as nft
from fwplan.nft.expressions import AnonymousSet, Element, Meta, Number, Operation, Prefix, Word
from fwplan.nft.statements import AllOf, AnyOf, Match, Not

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.iptables.matches import Subnet
    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Condition, Operator

ADDRESS = {"source": "saddr", "destination": "daddr"}
"""nft's names of the two sides."""
ALWAYS, NEVER = AllOf(()), AnyOf(())
_ALL = 0xFFFFFFFF


def equal(negated: bool) -> Operator:  # noqa: FBT001 - it is what the function is of
    """The operator of a comparison, or with a `!` the opposite one."""
    return "!=" if negated else "=="


def unless(condition: Condition, *, negated: bool) -> Condition:
    """The condition, or with a `!` that it does not hold."""
    return Not(condition) if negated else condition


def all_of(conditions: Iterable[Condition]) -> Condition:
    """All of them together."""
    found = tuple(conditions)
    return found[0] if len(found) == 1 else AllOf(found)


def any_of(conditions: Iterable[Condition]) -> Condition:
    """At least one of them."""
    found = tuple(conditions)
    return found[0] if len(found) == 1 else AnyOf(found)


def in_subnet(what: Expression, addresses: Subnet | Masked, *, negated: bool) -> Match:
    """An address in a subnet, or under a mask that is no prefix."""
    if isinstance(addresses, Masked):
        masked = Operation("&", (what, Word(str(addresses.mask))))
        return Match(equal(negated), masked, Word(str(addresses.address)))
    start = Word(str(addresses.network_address))
    if addresses.prefixlen == addresses.max_prefixlen:
        return Match(equal(negated), what, start)
    return Match(equal(negated), what, Prefix(start, addresses.prefixlen))


def named(key: str, name: str, *, negated: bool) -> Condition:
    """A name, or with a `+` at the end all names that begin so. In nft's words that is a `*`."""
    if name == "+":
        return NEVER if negated else ALWAYS
    # a `*` that is meant has a backslash there
    last = {"+": "*", "*": "\\*"}.get(name[-1:], name[-1:])
    return Match(equal(negated), Meta(key), Word(f"{name[:-1]}{last}"))


def protocol_is(what: Expression, protocol: str, *, negated: bool) -> Condition:
    """A transport protocol by iptables' name, or by its number."""
    name = protocol.lower()
    if name in {"all", "ip", "0"}:
        return NEVER if negated else ALWAYS
    return Match(equal(negated), what, Word(_PROTOCOLS.get(name, name)))


_PROTOCOLS = {"mh": "135", "ipv6-mh": "135"}
"""iptables' own names."""


def compared(what: Expression, value: int, mask: int, *, negated: bool, full: int = _ALL) -> Condition:
    """Some bits, or all of them."""
    compared = what if mask == full else Operation("&", (what, Number(mask)))
    return Match(equal(negated), compared, Number(value))


def ranges(what: Expression, ranges: Iterable[Range], *, negated: bool = False) -> Match:
    """One of several ranges, those that meet made one."""
    merged: list[Range] = []
    for each in sorted(ranges, key=lambda span: span.first):
        if merged and each.first <= merged[-1].last + 1:
            merged[-1] = Range(merged[-1].first, max(merged[-1].last, each.last))
        else:
            merged.append(each)
    spans = tuple(
        Number(each.first) if each.first == each.last else nft.Range(Number(each.first), Number(each.last))
        for each in merged
    )
    right: Expression = spans[0] if len(spans) == 1 else AnonymousSet(tuple(Element(span) for span in spans))
    return Match(equal(negated), what, right)
