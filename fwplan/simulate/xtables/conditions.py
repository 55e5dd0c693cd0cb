"""What iptables' matches ask, in nft's words: a statement of nft that says the same, or conditions joined of several.

What the packet does not have, as the port of an ICMP message, is equal to nothing and is in no range, and most matches
hold then neither with nor without a `!`. Where a negated one does, it says `Not`. Source: Linux, net/netfilter/xt_*.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.iptables.match_text import match_text
from fwplan.iptables.matches import (
    AddressInRange,
    AddressIs,
    AddressTypeIs,
    Always,
    Comment,
    Conntrack,
    DscpIs,
    HopLimitIs,
    IcmpTypeIs,
    InSet,
    InterfaceGroupIs,
    InterfaceIs,
    IsLaterFragment,
    LengthIs,
    MarkIs,
    OutOfSight,
    OwnerIs,
    PacketTypeIs,
    PhysicalDevice,
    PortIs,
    ProtocolIs,
    Range,
    ReversePath,
    SourceMacIs,
    TcpFlagsAre,
    TosIs,
)
from fwplan.nft import expressions as nft
from fwplan.nft.expressions import Concatenation, Ct, ExtensionHeader, Meta, Number, Operation, Payload, Word
from fwplan.nft.statements import AllOf, AnyOf, Match, Unsure, XtMatch
from fwplan.simulate.outcome import BEFORE
from fwplan.simulate.xtables.comparisons import (
    ADDRESS,
    ALWAYS,
    NEVER,
    all_of,
    compared,
    equal,
    in_subnet,
    named,
    protocol_is,
    ranges,
    unless,
)
from fwplan.simulate.xtables.of_connection import tracked
from fwplan.simulate.xtables.of_host import (
    address_type,
    bridge_question,
    in_set,
    way_back,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.iptables.matches import Match as IptablesMatch
    from fwplan.nft.statements import Condition, Statement
    from fwplan.simulate.xtables.of_host import Context


def asked(match: IptablesMatch, context: Context) -> tuple[Statement, ...]:
    """The statements that ask the same; none for what always holds."""
    condition = _condition(match, context)
    if condition == ALWAYS:
        return ()
    if isinstance(condition, Match):
        return (condition,)
    if isinstance(condition, AllOf) and all(isinstance(each, Match) for each in condition.conditions):
        return tuple(each for each in condition.conditions if isinstance(each, Match))
    return (XtMatch(match_text(match), condition),)


def _condition(match: IptablesMatch, context: Context) -> Condition:
    family = context.family
    match match:
        case AddressIs(side, addresses, negated):
            return in_subnet(Payload(family, ADDRESS[side]), addresses, negated=negated)
        case InterfaceIs(direction, name, negated):
            return named("iifname" if direction == "in" else "oifname", name, negated=negated)
        case ProtocolIs(protocol, negated):
            return protocol_is(Meta("l4proto"), protocol, negated=negated)
        case IsLaterFragment(negated):
            return _fragment(family, negated=negated)
        case PortIs():
            return _port(match)
        case TcpFlagsAre(mask, flags, negated):
            return compared(Payload("tcp", "flags"), flags, mask, negated=negated, full=0xFF)
        case IcmpTypeIs():
            return _icmp(match, family)
        case Conntrack(questions):
            return tracked(questions, family)
        case MarkIs(of, value, mask, negated):
            return compared(Meta("mark") if of == "packet" else Ct("mark"), value, mask, negated=negated)
        case _:
            return _of_host(match, context)


def _of_host(match: IptablesMatch, context: Context) -> Condition:
    match match:
        case AddressTypeIs():
            return address_type(match, context.family)
        case PhysicalDevice(questions):
            return all_of([bridge_question(question) for question in questions])
        case InterfaceGroupIs(direction, value, mask, negated):
            key = Meta("iifgroup" if direction == "in" else "oifgroup")
            return compared(key, value, mask, negated=negated)
        case OwnerIs(kind, ids, negated):
            owner = ranges(Meta("skuid" if kind == "user" else "skgid"), (ids or Range(0, 0xFFFFFFFF),))
            return unless(owner, negated=negated)
        case ReversePath():
            return way_back(match, context.family)
        case InSet():
            return in_set(match, context)
        case _:
            return _of_packet(match, context.family)


def _of_packet(match: IptablesMatch, family: str) -> Condition:
    match match:
        case PacketTypeIs(kind, negated):
            return Match(equal(negated), Meta("pkttype"), Word("other" if kind == "otherhost" else kind))
        case SourceMacIs(address, negated):
            # what the host sends to itself has no such header
            of = Match(equal(negated), Payload("ether", "saddr"), Word(address))
            return AllOf((of, Match("!=", Meta("iifname"), Word("lo"))))
        case AddressInRange(side, first, last, negated):
            span = nft.Range(Word(str(first)), Word(str(last)))
            return Match(equal(negated), Payload(family, ADDRESS[side]), span)
        case LengthIs(lengths, negated):
            return ranges(Meta("length"), (lengths,), negated=negated)
        case HopLimitIs(comparison, value, negated):
            # iptables has no negation of the others
            hops = Payload(family, "ttl" if family == "ip" else "hoplimit")
            return Match(equal(negated) if comparison == "==" else comparison, hops, Number(value))
        case DscpIs(value, negated):
            return Match(equal(negated), Payload(family, "dscp"), Number(value))
        case TosIs(value, mask, negated):
            return unless(_tos(family, value, mask), negated=negated)
        case _:
            return _beyond(match)


def _beyond(match: IptablesMatch) -> Condition:
    """What the packet does not decide."""
    match match:
        case Comment() | Always():
            return ALWAYS
        case OutOfSight(extension, written):
            return Unsure(written, _WHY.get(extension, "it is no part of a simulation"), extension not in _PASSING)
        case _:
            return Unsure(match_text(match), "fwplan does not understand it", lasting=False)


_PASSING = frozenset(("connbytes", "connlimit", "hashlimit", "limit", "quota", "rateest", "recent", "statistic"))
"""What may say another thing each time that it is asked."""
_BEFORE, _CARRIED = BEFORE, "it looks into what the packet carries"
_WHY: Mapping[str, str] = {
    **dict.fromkeys(_PASSING, _BEFORE),
    **dict.fromkeys(("bpf", "string", "u32"), _CARRIED),
    "statistic": "it is drawn, or counted",
    "time": "it depends on the time",
    "socket": "it depends on the host's sockets",
    "owner": "the groups of the sender are not given",
    "policy": "it is not given whether IPsec transforms the packet",
}


# The transport protocol


def _fragment(family: str, *, negated: bool) -> Condition:
    if family == "ip":
        offset = Operation("&", (Payload("ip", "frag-off"), Number(0x1FFF)))
        return Match("==" if negated else "!=", offset, Number(0))
    # the first one has the header of a fragment as well
    later = Match("!=", ExtensionHeader("frag", "frag-off"), Number(0))
    return unless(later, negated=negated)


def _port(match: PortIs) -> Condition:
    protocol = match.protocols[0] if len(match.protocols) == 1 else "th"
    source, destination = Payload(protocol, "sport"), Payload(protocol, "dport")
    if match.side is not None:
        return ranges(source if match.side == "source" else destination, match.ports, negated=match.negated)
    if match.negated:
        return AllOf((ranges(source, match.ports, negated=True), ranges(destination, match.ports, negated=True)))
    return AnyOf((ranges(source, match.ports), ranges(destination, match.ports)))


def _icmp(match: IcmpTypeIs, family: str) -> Condition:
    kind, code = Payload(match.protocol, "type"), Payload(match.protocol, "code")
    if match.type is None:
        return NEVER if match.negated else _fragment(family, negated=True)
    if match.code is None:
        return Match(equal(match.negated), kind, Number(match.type))
    both = Concatenation((Number(match.type), Number(match.code)))
    return Match(equal(match.negated), Concatenation((kind, code)), both)


# The packet


def _tos(family: str, value: int, mask: int) -> Condition:
    """The upper six bits are the DSCP, the lower two of congestion notification."""
    if value & ~mask:
        return NEVER
    conditions: list[Condition] = []
    if mask >> 2:
        conditions.append(compared(Payload(family, "dscp"), value >> 2, mask >> 2, negated=False, full=0x3F))
    if mask & 3:
        conditions.append(compared(Payload(family, "ecn"), value & 3, mask & 3, negated=False, full=3))
    return all_of(conditions)
