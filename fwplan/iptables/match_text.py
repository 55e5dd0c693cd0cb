"""Matches as iptables-save writes them, for people. It reads them back as the same.

A whole rule is shown as it was saved: `fwplan.iptables.ruleset.Rule.written`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.iptables.matches import (
    AddressInRange,
    AddressIs,
    AddressTypeIs,
    Always,
    Comment,
    ConnectionAddressIs,
    ConnectionExpires,
    ConnectionPortIs,
    ConnectionProtocolIs,
    Conntrack,
    DirectionIs,
    DscpIs,
    HasPortOfBridge,
    HopLimitIs,
    IcmpTypeIs,
    InSet,
    InterfaceGroupIs,
    InterfaceIs,
    IsLaterFragment,
    LengthIs,
    MarkIs,
    Masked,
    OutOfSight,
    OwnerIs,
    PacketTypeIs,
    PhysicalDevice,
    PortIs,
    PortOfBridgeIs,
    ProtocolIs,
    Range,
    ReversePath,
    SourceMacIs,
    StateIs,
    StatusIs,
    TcpFlagsAre,
    TosIs,
    UnknownMatch,
)
from fwplan.iptables.read_transport_match import TCP_FLAGS
from fwplan.iptables.text import restore_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.iptables.matches import ConnectionQuestion, Match, Side, Subnet

_SIDE = {"source": "src", "destination": "dst"}
_PORT = {"source": "sport", "destination": "dport", None: "port"}
_ALL = 0xFFFFFFFF


def match_text(match: Match) -> str:
    """One match, with the `-m` of its extension."""
    match match:
        case AddressIs(side, addresses, negated):
            return _own("-s" if side == "source" else "-d", _subnet(addresses), negated=negated)
        case InterfaceIs(direction, name, negated):
            return _own("-i" if direction == "in" else "-o", name, negated=negated)
        case ProtocolIs(protocol, negated):
            return _own("-p", protocol, negated=negated)
        case IsLaterFragment(negated):
            return "! -f" if negated else "-f"
        case PortIs(protocols, side, ports, negated) if len(protocols) == 1:
            return _told(protocols[0], _PORT[side], ",".join(map(_range, ports)), negated=negated)
        case PortIs(_, side, ports, negated):
            return _told("multiport", f"{_PORT[side]}s", ",".join(map(_range, ports)), negated=negated)
        case TcpFlagsAre(mask, flags, negated):
            return _told("tcp", "tcp-flags", f"{_flags(mask)} {_flags(flags)}", negated=negated)
        case IcmpTypeIs(protocol, kind, code, negated):
            written = "any" if kind is None else f"{kind}" if code is None else f"{kind}/{code}"
            extension = "icmp" if protocol == "icmp" else "icmp6"
            return _told(extension, f"{protocol}-type", written, negated=negated)
        case Conntrack(questions):
            return " ".join(("-m conntrack", *map(_question, questions)))
        case MarkIs(of, value, mask, negated):
            return _told("mark" if of == "packet" else "connmark", "mark", _masked(value, mask), negated=negated)
        case _:
            return _of_host(match)


def _of_host(match: Match) -> str:
    match match:
        case AddressTypeIs(side, types, negated, limit):
            limited = "" if limit is None else f" --limit-iface-{limit}"
            return _told("addrtype", f"{_SIDE[side]}-type", ",".join(types).upper(), negated=negated) + limited
        case PhysicalDevice(questions):
            return " ".join(("-m physdev", *map(_bridge_question, questions)))
        case InterfaceGroupIs(direction, value, mask, negated):
            option = "src-group" if direction == "in" else "dst-group"
            return _told("devgroup", option, _masked(value, mask), negated=negated)
        case OwnerIs(_, None, negated):
            return f"-m owner {'! ' if negated else ''}--socket-exists"
        case OwnerIs(kind, Range() as ids, negated):
            return _told("owner", "uid-owner" if kind == "user" else "gid-owner", _range(ids, "-"), negated=negated)
        case ReversePath(loose, accept_local, with_mark, negated):
            flags = {"--loose": loose, "--validmark": with_mark, "--accept-local": accept_local, "--invert": negated}
            return " ".join(("-m rpfilter", *(flag for flag, given in flags.items() if given)))
        case InSet(name, sides, negated, options):
            more = f" {options}" if options else ""
            return _told("set", "match-set", f"{restore_word(name)} {_sides(sides)}", negated=negated) + more
        case _:
            return _of_packet(match)


def _of_packet(match: Match) -> str:
    match match:
        case PacketTypeIs(kind, negated):
            return _told("pkttype", "pkt-type", kind, negated=negated)
        case SourceMacIs(address, negated):
            return _told("mac", "mac-source", address, negated=negated)
        case AddressInRange(side, first, last, negated):
            return _told("iprange", f"{_SIDE[side]}-range", f"{first}-{last}", negated=negated)
        case LengthIs(lengths, negated):
            return _told("length", "length", _range(lengths), negated=negated)
        case HopLimitIs(comparison, value, negated, extension):
            return _told(extension, f"{extension}-{_COMPARISON[comparison]}", str(value), negated=negated)
        case DscpIs(value, negated):
            return _told("dscp", "dscp", f"{value:#04x}", negated=negated)
        case TosIs(value, mask, negated):
            return _told("tos", "tos", f"{value:#04x}/{mask:#04x}", negated=negated)
        case Comment(text):
            return f"-m comment --comment {restore_word(text)}"
        case Always(_, written) | OutOfSight(_, written) | UnknownMatch(_, written):
            return written
        case _:
            return str(match)


_COMPARISON = {"==": "eq", "<": "lt", ">": "gt"}


def _question(question: ConnectionQuestion) -> str:
    match question:
        case StateIs(states, negated):
            return _option("ctstate", ",".join(states), negated=negated)
        case StatusIs(statuses, negated):
            return _option("ctstatus", ",".join(statuses), negated=negated)
        case DirectionIs(direction, negated):
            return _option("ctdir", direction.upper(), negated=negated)
        case ConnectionAddressIs(way, side, addresses, negated):
            return _option(f"ct{_WAY[way]}{_SIDE[side]}", _subnet(addresses), negated=negated)
        case ConnectionPortIs(way, side, ports, negated):
            return _option(f"ct{_WAY[way]}{_SIDE[side]}port", _range(ports), negated=negated)
        case ConnectionProtocolIs(protocol, negated):
            return _option("ctproto", protocol, negated=negated)
        case ConnectionExpires(seconds, negated):
            return _option("ctexpire", _range(seconds), negated=negated)


_WAY = {"original": "orig", "reply": "repl"}


def _bridge_question(question: PortOfBridgeIs | HasPortOfBridge) -> str:
    match question:
        case PortOfBridgeIs(direction, name, negated):
            return _option(f"physdev-{direction}", name, negated=negated)
        case HasPortOfBridge(direction, negated):
            return f"{'! ' if negated else ''}--physdev-is-{direction}"


def _own(option: str, said: str, *, negated: bool) -> str:
    return f"! {option} {said}" if negated else f"{option} {said}"


def _option(option: str, said: str, *, negated: bool) -> str:
    return f"{'! ' if negated else ''}--{option} {said}"


def _told(extension: str, option: str, said: str, *, negated: bool) -> str:
    return f"-m {extension} {_option(option, said, negated=negated)}"


def _range(numbers: Range, separator: str = ":") -> str:
    return f"{numbers.first}" if numbers.first == numbers.last else f"{numbers.first}{separator}{numbers.last}"


def _masked(value: int, mask: int) -> str:
    return f"{value:#x}" if mask == _ALL else f"{value:#x}/{mask:#x}"


def _subnet(addresses: Subnet | Masked) -> str:
    return f"{addresses.address}/{addresses.mask}" if isinstance(addresses, Masked) else str(addresses)


def _flags(bits: int) -> str:
    names = [name for name, bit in TCP_FLAGS.items() if bits & bit and name != "ALL"]
    return ",".join(names) or "NONE"


def _sides(sides: Iterable[Side]) -> str:
    return ",".join(_SIDE[side] for side in sides)
