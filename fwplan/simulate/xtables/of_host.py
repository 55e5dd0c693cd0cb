"""What iptables' matches ask that depends on the host: its addresses, routes, bridges and sets, in nft's words.

Source: Linux, net/netfilter/xt_addrtype.c, xt_physdev.c and xt_set.c, net/ipv4/netfilter/ipt_rpfilter.c and
net/ipv6/netfilter/ip6t_rpfilter.c.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fwplan.iptables.match_text import match_text
from fwplan.iptables.matches import HasPortOfBridge, PortOfBridgeIs
from fwplan.nft.expressions import (
    AnonymousSet,
    Boolean,
    Concatenation,
    Element,
    Fib,
    Meta,
    Payload,
    Prefix,
    SetReference,
    Word,
)
from fwplan.nft.statements import AllOf, AnyOf, Match, Not, Unsure
from fwplan.simulate.xtables.comparisons import ADDRESS, all_of, any_of, equal, named, unless

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fwplan.iptables.matches import AddressTypeIs, InSet, ReversePath, Side
    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Condition


@dataclass(frozen=True, slots=True)
class Context:
    """What the matches of a table are read in.

    Attributes:
        family: whose packets its rules see.
        sets: the keys of the sets that are given, by name: see `fwplan.simulate.xtables.sets`.
        changed: names of sets that rules of the host put packets into, or take them out of.
    """

    family: Literal["ip", "ip6"]
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()


def address_type(match: AddressTypeIs, family: str) -> Condition:
    """`-m addrtype`: what an address is to the host."""
    return _address_type4(match) if family == "ip" else _address_type6(match)


def _address_type4(match: AddressTypeIs) -> Condition:
    right: Expression = Word(match.types[0])
    if len(match.types) > 1:
        right = AnonymousSet(tuple(Element(Word(each)) for each in match.types))
    return Match(equal(match.negated), _type(match), right)


def _type(match: AddressTypeIs) -> Fib:
    by = {None: (), "in": ("iif",), "out": ("oif",)}[match.of_interface]
    return Fib("type", (ADDRESS[match.side], *by))


def _address_type6(match: AddressTypeIs) -> Condition:
    """For IPv6 some types are told by the address alone, and all of these have to hold; of the others one has to."""
    what = Payload("ip6", ADDRESS[match.side])
    conditions: list[Condition] = []
    if "multicast" in match.types:
        conditions.append(Match("==", what, _MULTICAST6))
    if "unicast" in match.types:
        conditions += [Match("!=", what, _MULTICAST6), Match("!=", what, Word("::")), Match("!=", what, _MAPPED6)]
    if "unspec" in match.types:
        conditions.append(Match("==", what, Word("::")))
    looked_up = [word for each in match.types for word in _LOOKED_UP6.get(each, ())]
    if looked_up:
        conditions.append(any_of(Match("==", _type(match), Word(word)) for word in looked_up))
    return unless(all_of(conditions), negated=match.negated)


_MULTICAST6 = Prefix(Word("ff00::"), 8)
_MAPPED6 = Prefix(Word("::ffff:0:0"), 96)
_LOOKED_UP6 = {
    "local": ("local",),
    "anycast": ("anycast",),
    "unreachable": ("unreachable", "blackhole", "prohibit"),
}


def bridge_question(question: PortOfBridgeIs | HasPortOfBridge) -> Condition:
    """`-m physdev`: ports of a bridge. Where no bridge has carried the packet, only negated questions hold."""
    came_in, goes_out = Match("!=", Meta("physin"), Word("")), Match("!=", Meta("physout"), Word(""))
    match question:
        case HasPortOfBridge("in", negated):
            return unless(came_in, negated=negated)
        case HasPortOfBridge(_, negated):
            return unless(goes_out, negated=negated)
        case PortOfBridgeIs("in", name, negated):
            return unless(named("physin", name, negated=False), negated=negated)
        case PortOfBridgeIs(_, name, False):
            return AllOf((goes_out, named("physout", name, negated=False)))
        case PortOfBridgeIs(_, name, _):
            # a frame that came in by a port, but is not known to go out by one, does not match in either way
            return AnyOf((Not(came_in), AllOf((goes_out, Not(named("physout", name, negated=False))))))


def way_back(match: ReversePath, family: str) -> Condition:
    """`-m rpfilter`: where the way back to the source leads."""
    return unless(_back4(match) if family == "ip" else _back6(match), negated=match.negated)


_LOOPBACK = Match("==", Meta("iifname"), Word("lo"))


_THIS_NETWORK = Prefix(Word("0.0.0.0"), 8)  # noqa: S104 - nothing is bound to it


def _back4(match: ReversePath) -> Condition:
    source, destination = Payload("ip", "saddr"), Payload("ip", "daddr")
    unspecified = AllOf(
        (
            Match("==", source, _THIS_NETWORK),
            AnyOf(
                (
                    Match("==", destination, Word("255.255.255.255")),
                    Match("==", destination, Prefix(Word("224.0.0.0"), 24)),
                )
            ),
        )
    )
    return AnyOf((_LOOPBACK, unspecified, *_ways_back(match)))


def _back6(match: ReversePath) -> Condition:
    return AnyOf((_LOOPBACK, Match("==", Payload("ip6", "saddr"), Word("::")), *_ways_back(match)))


def _ways_back(match: ReversePath) -> list[Condition]:
    by = ("saddr", "mark") if match.with_mark else ("saddr",)
    exists = Match("==", Fib("oif", by if match.loose else (*by, "iif")), Boolean(value=True))
    unicast = Match("==", Fib("type", ("saddr",)), Word("unicast"))
    ways: list[Condition] = [AllOf((unicast, exists))]
    if match.accept_local:
        ways.append(Match("==", Fib("type", ("saddr",) if match.loose else ("saddr", "iif")), Word("local")))
    return ways


def in_set(match: InSet, context: Context) -> Condition:
    """`-m set`: decided where the set is given."""
    parts = context.sets.get(match.set)
    if parts is None or match.options or len(parts) > len(match.sides):
        lasting = match.set not in context.changed
        return Unsure(match_text(match), "what is in the set is not given", lasting)
    key = set_key(parts, match.sides, context.family)
    return unless(Match("==", key, SetReference(match.set)), negated=match.negated)


def set_key(parts: Iterable[str], sides: Iterable[Side], family: str) -> Expression:
    """What of a packet is looked up in a set with such parts."""
    found: list[Expression] = []
    for part, side in zip(parts, sides, strict=False):
        match part:
            case "ip" | "net":
                found.append(Payload(family, ADDRESS[side]))
            case "port" | "port of any protocol":
                found += [Meta("l4proto")] if part == "port" else []
                found.append(Payload("th", "sport" if side == "source" else "dport"))
            case "mac":
                found.append(Payload("ether", ADDRESS[side]))
            case "iface":
                found.append(Meta("iifname" if side == "source" else "oifname"))
            case _:
                found.append(Meta("mark"))
    return found[0] if len(found) == 1 else Concatenation(tuple(found))
