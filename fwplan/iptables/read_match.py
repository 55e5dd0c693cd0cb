"""The matches that fwplan understands, by the name of their extension.

Source: iptables-extensions(8), and the functions `*_save` of iptables (1.4.21 to 1.8.11).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from fwplan.iptables.extension import Extension, Option, flag, independent, one
from fwplan.iptables.matches import (
    AddressInRange,
    AddressIs,
    AddressTypeIs,
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
    PortOfBridgeIs,
    ProtocolIs,
    ReversePath,
    SourceMacIs,
    StateIs,
    StatusIs,
    TosIs,
)
from fwplan.iptables.read_transport_match import TRANSPORT
from fwplan.iptables.read_value import (
    addresses,
    masked_number,
    number,
    numbers,
    ports,
    several_addresses,
    sides,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fwplan.iptables.matches import ConnectionQuestion, Match, Range, Side

Way = Literal["original", "reply"]
Direction = Literal["in", "out"]

_STATES = frozenset(("INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED", "SNAT", "DNAT"))
_STATUSES = frozenset(("NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"))
_ADDRESS_TYPES = frozenset(
    ("UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT")
)
_PACKET_TYPES: dict[str, Literal["unicast", "broadcast", "multicast", "otherhost"]] = {
    "unicast": "unicast",
    "host": "unicast",
    "broadcast": "broadcast",
    "multicast": "multicast",
    "otherhost": "otherhost",
}
_DIRECTIONS: dict[str, Way] = {"ORIGINAL": "original", "REPLY": "reply"}


def _among(text: str, known: frozenset[str]) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not known.issuperset(found):
        raise ValueError(text)
    return found


# Of iptables itself


def _addresses(side: Side) -> Option[Match]:
    return one(lambda text: AddressIs(side, addresses(text)))


def _interface(direction: Direction) -> Option[Match]:
    return one(lambda text: InterfaceIs(direction, text))


_PROTOCOL: Option[Match] = one(ProtocolIs)
_FRAGMENT: Option[Match] = flag(IsLaterFragment())
OWN_OPTIONS: Mapping[str, Option[Match]] = {
    **dict.fromkeys(("-s", "--source", "--src"), _addresses("source")),
    **dict.fromkeys(("-d", "--destination", "--dst"), _addresses("destination")),
    **dict.fromkeys(("-i", "--in-interface"), _interface("in")),
    **dict.fromkeys(("-o", "--out-interface"), _interface("out")),
    **dict.fromkeys(("-p", "--protocol", "--proto"), _PROTOCOL),
    **dict.fromkeys(("-f", "--fragment", "--fragments"), _FRAGMENT),
}
"""Options of iptables itself."""


# Of connection tracking


def _states(text: str) -> ConnectionQuestion:
    return StateIs(_among(text, _STATES))


def _direction(text: str) -> ConnectionQuestion:
    if text not in _DIRECTIONS:
        raise ValueError(text)
    return DirectionIs(_DIRECTIONS[text])


def _conntrack() -> Mapping[str, Option[ConnectionQuestion]]:
    options: dict[str, Option[ConnectionQuestion]] = {
        "--ctstate": one(_states),
        "--ctstatus": one(lambda text: StatusIs(_among(text, _STATUSES))),
        "--ctdir": one(_direction),
        "--ctproto": one(ConnectionProtocolIs),
        "--ctexpire": one(lambda text: ConnectionExpires(numbers(text))),
    }
    ways: tuple[tuple[str, Way], ...] = (("orig", "original"), ("repl", "reply"))
    both: tuple[tuple[str, Side], ...] = (("src", "source"), ("dst", "destination"))
    for of_way, way in ways:
        for of_side, side in both:
            options[f"--ct{of_way}{of_side}"] = _connection_address(way, side)
            options[f"--ct{of_way}{of_side}port"] = _connection_port(way, side)
    return options


def _connection_address(way: Way, side: Side) -> Option[ConnectionQuestion]:
    return one(lambda text: ConnectionAddressIs(way, side, addresses(text)))


def _connection_port(way: Way, side: Side) -> Option[ConnectionQuestion]:
    return one(lambda text: ConnectionPortIs(way, side, ports(text)))


def _connection(questions: Sequence[ConnectionQuestion]) -> tuple[Match, ...]:
    return (Conntrack(tuple(questions)),)


def _mark(of: Literal["packet", "connection"]) -> Option[Match]:
    return one(lambda text: MarkIs(of, *masked_number(text)))


# Of the host


def _address_type(side: Side) -> Option[Any]:
    def read(text: str) -> AddressTypeIs:
        types = tuple(each.lower() for each in _among(text, _ADDRESS_TYPES))
        return AddressTypeIs(side, types)

    return one(read)


def _address_types(pieces: Sequence[AddressTypeIs | Direction]) -> tuple[Match, ...]:
    """An interface that the types are limited to counts for both sides."""
    limits: list[Direction] = [piece for piece in pieces if not isinstance(piece, AddressTypeIs)]
    if len(limits) > 1:
        raise ValueError(limits)
    limit = limits[0] if limits else None
    return tuple(replace(piece, of_interface=limit) for piece in pieces if isinstance(piece, AddressTypeIs))


_PORT_IN: Option[PortOfBridgeIs | HasPortOfBridge] = one(lambda name: PortOfBridgeIs("in", name))
_PORT_OUT: Option[PortOfBridgeIs | HasPortOfBridge] = one(lambda name: PortOfBridgeIs("out", name))
_PHYSDEV: Mapping[str, Option[PortOfBridgeIs | HasPortOfBridge]] = {
    "--physdev-in": _PORT_IN,
    "--physdev-out": _PORT_OUT,
    "--physdev-is-in": flag(HasPortOfBridge("in")),
    "--physdev-is-out": flag(HasPortOfBridge("out")),
    "--physdev-is-bridged": flag(HasPortOfBridge("bridged")),
}


def _physical_device(questions: Sequence[PortOfBridgeIs | HasPortOfBridge]) -> tuple[Match, ...]:
    return (PhysicalDevice(tuple(questions)),)


def _group(direction: Direction) -> Option[Match]:
    def read(text: str) -> Match:
        # the one name that /etc/iproute2/group has on every host
        return InterfaceGroupIs(direction, *(masked_number("0" if text == "default" else text)))

    return one(read)


def _owner(kind: Literal["user", "group"]) -> Option[Match]:
    return one(lambda text: OwnerIs(kind, numbers(text, "-")))


def _owners(pieces: Sequence[OwnerIs | str]) -> tuple[Match, ...]:
    """Which further groups the owner of a socket is in is no part of a simulation."""
    owners = [piece for piece in pieces if isinstance(piece, OwnerIs)]
    if len(owners) == len(pieces):
        return tuple(owners)
    return tuple(OutOfSight("owner", "--suppl-groups") if owner.kind == "group" else owner for owner in owners)


def _reverse_path(flags: Sequence[str]) -> tuple[Match, ...]:
    return (ReversePath("loose" in flags, "local" in flags, "mark" in flags, "invert" in flags),)


def _in_set(words: Sequence[str]) -> InSet | str:
    return InSet(words[0], sides(words[1]))


def _set_option(option: str, words: int = 0) -> Option[InSet | str]:
    def read(said: Sequence[str]) -> InSet | str:
        return " ".join((option, *said))

    return Option(read, words)


def _sets(pieces: Sequence[InSet | str]) -> tuple[Match, ...]:
    found = [piece for piece in pieces if isinstance(piece, InSet)]
    if len(found) != 1:
        raise ValueError(pieces)
    return (replace(found[0], options=" ".join(piece for piece in pieces if isinstance(piece, str))),)


# Of the packet


def _packet_type(text: str) -> Match:
    if text not in _PACKET_TYPES:
        raise ValueError(text)
    return PacketTypeIs(_PACKET_TYPES[text])


def _mac(text: str) -> Match:
    octets = [number(f"0x{octet}", 255) for octet in text.split(":")]
    if len(octets) != 6:
        raise ValueError(text)
    return SourceMacIs(":".join(f"{octet:02x}" for octet in octets))


def _address_range(side: Side) -> Option[Match]:
    return one(lambda text: AddressInRange(side, *several_addresses(text)))


def _hops(comparison: Literal["==", "<", ">"], extension: Literal["ttl", "hl"]) -> Option[Match]:
    return one(lambda text: HopLimitIs(comparison, number(text, 255), extension=extension))


def _lengths(text: str) -> Match:
    return LengthIs(_length_span(text))


def _length_span(text: str) -> Range:
    return numbers(text, ":", 0xFFFF)


EXTENSIONS: Mapping[str, Extension[Any, tuple[Match, ...]]] = {
    **TRANSPORT,
    "conntrack": Extension(_connection, _conntrack()),
    "state": Extension(_connection, {"--state": one(_states)}),
    "mark": independent(mark=_mark("packet")),
    "connmark": independent(mark=_mark("connection")),
    "addrtype": Extension(
        _address_types,
        {
            "--src-type": _address_type("source"),
            "--dst-type": _address_type("destination"),
            "--limit-iface-in": flag("in"),
            "--limit-iface-out": flag("out"),
        },
    ),
    "physdev": Extension(_physical_device, _PHYSDEV),
    "devgroup": independent(src_group=_group("in"), dst_group=_group("out")),
    "owner": Extension(
        _owners,
        {
            "--uid-owner": _owner("user"),
            "--gid-owner": _owner("group"),
            "--socket-exists": flag(OwnerIs("user", None)),
            "--suppl-groups": flag("supplementary groups as well"),
        },
    ),
    "rpfilter": Extension(
        _reverse_path,
        {
            "--loose": flag("loose"),
            "--accept-local": flag("local"),
            "--validmark": flag("mark"),
            "--invert": flag("invert"),
        },
    ),
    "set": Extension(
        _sets,
        {
            "--match-set": Option(_in_set, words=2),
            "--return-nomatch": _set_option("--return-nomatch"),
            "--update-counters": _set_option("--update-counters"),
            "--update-subcounters": _set_option("--update-subcounters"),
            **{
                f"--{what}-{how}": _set_option(f"--{what}-{how}", 1)
                for what in ("packets", "bytes")
                for how in ("eq", "lt", "gt")
            },
        },
    ),
    "pkttype": independent(pkt_type=one(_packet_type)),
    "mac": independent(mac_source=one(_mac)),
    "iprange": independent(src_range=_address_range("source"), dst_range=_address_range("destination")),
    "length": independent(length=one(_lengths)),
    "ttl": independent(
        ttl_eq=_hops("==", "ttl"), ttl_lt=_hops("<", "ttl"), ttl_gt=_hops(">", "ttl"), ttl=_hops("==", "ttl")
    ),
    "hl": independent(hl_eq=_hops("==", "hl"), hl_lt=_hops("<", "hl"), hl_gt=_hops(">", "hl")),
    "dscp": independent(dscp=one(lambda text: DscpIs(number(text, 63)))),
    "tos": independent(tos=one(lambda text: TosIs(*masked_number(text, 255)))),
    "comment": independent(comment=one(Comment)),
}
"""By name."""
