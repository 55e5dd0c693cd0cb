"""The matches that fwplan understands, by the name of their extension.

Source: iptables-extensions(8), and the functions `*_save` of iptables (1.4.21 to 1.8.11).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from fwplan.iptables.extension import Extension, Option
from fwplan.iptables.icmp_types import ICMP, ICMPV6
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
    PortOfBridgeIs,
    ProtocolIs,
    ReversePath,
    SourceMacIs,
    StateIs,
    StatusIs,
    TcpFlagsAre,
    TosIs,
)
from fwplan.iptables.read_value import (
    addresses,
    masked_number,
    number,
    numbers,
    ports,
    several_addresses,
    several_ports,
    sides,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fwplan.iptables.matches import ConnectionQuestion, Match, Range, Side

P = TypeVar("P")
Way = Literal["original", "reply"]
Direction = Literal["in", "out"]

TCP_FLAGS: Mapping[str, int] = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0}
_OPENS = TcpFlagsAre(TCP_FLAGS["SYN"] | TCP_FLAGS["RST"] | TCP_FLAGS["ACK"] | TCP_FLAGS["FIN"], TCP_FLAGS["SYN"])
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
_TRANSPORT = ("tcp", "udp", "udplite", "sctp", "dccp")


def _one(read: Callable[[str], P]) -> Option[P]:
    """An option that is told one thing."""
    return Option(lambda words: read(words[0]))


def _flag(piece: P) -> Option[P]:
    """An option that is told nothing."""
    return Option(lambda _: piece, words=0)


def _all(pieces: Sequence[Match]) -> tuple[Match, ...]:
    return tuple(pieces)


def _among(text: str, known: frozenset[str]) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not known.issuperset(found):
        raise ValueError(text)
    return found


# Of iptables itself


def _addresses(side: Side) -> Option[Match]:
    return _one(lambda text: AddressIs(side, addresses(text)))


def _interface(direction: Direction) -> Option[Match]:
    return _one(lambda text: InterfaceIs(direction, text))


_PROTOCOL: Option[Match] = _one(ProtocolIs)
_FRAGMENT: Option[Match] = _flag(IsLaterFragment())
OWN_OPTIONS: Mapping[str, Option[Match]] = {
    **dict.fromkeys(("-s", "--source", "--src"), _addresses("source")),
    **dict.fromkeys(("-d", "--destination", "--dst"), _addresses("destination")),
    **dict.fromkeys(("-i", "--in-interface"), _interface("in")),
    **dict.fromkeys(("-o", "--out-interface"), _interface("out")),
    **dict.fromkeys(("-p", "--protocol", "--proto"), _PROTOCOL),
    **dict.fromkeys(("-f", "--fragment", "--fragments"), _FRAGMENT),
}
"""Options of iptables itself."""


# Of the transport protocol


def _port(protocols: tuple[str, ...], side: Side | None) -> Option[Match]:
    return _one(lambda text: PortIs(protocols, side, (ports(text),)))


def _ports(side: Side | None) -> Option[Match]:
    return _one(lambda text: PortIs(_TRANSPORT, side, several_ports(text)))


def _transport(protocol: str, **more: Option[Match]) -> Extension[Match, tuple[Match, ...]]:
    source, destination = _port((protocol,), "source"), _port((protocol,), "destination")
    options = {
        "--sport": source,
        "--source-port": source,
        "--dport": destination,
        "--destination-port": destination,
    }
    return Extension(_all, options | {f"--{name.replace('_', '-')}": option for name, option in more.items()})


def _flags(text: str) -> int:
    found = 0
    for flag in text.split(","):
        if flag not in TCP_FLAGS:
            raise ValueError(text)
        found |= TCP_FLAGS[flag]
    return found


def _tcp_flags(words: Sequence[str]) -> Match:
    return TcpFlagsAre(_flags(words[0]), _flags(words[1]))


def _unseen(extension: str, option: str, words: int = 1) -> Option[Match]:
    """An option about what no packet of a simulation has."""

    def read(said: Sequence[str]) -> Match:
        return OutOfSight(extension, " ".join((option, *said)))

    return Option(read, words)


def _icmp(protocol: Literal["icmp", "icmpv6"]) -> Option[Match]:
    names = ICMP if protocol == "icmp" else ICMPV6

    def read(text: str) -> Match:
        if text == "any":
            return IcmpTypeIs(protocol, None, None)
        kind, found, code = text.partition("/")
        if not found and kind in names:
            return IcmpTypeIs(protocol, *names[kind])
        return IcmpTypeIs(protocol, number(kind, 255), number(code, 255) if found else None)

    return _one(read)


# Of connection tracking


def _states(text: str) -> ConnectionQuestion:
    return StateIs(_among(text, _STATES))


def _direction(text: str) -> ConnectionQuestion:
    if text not in _DIRECTIONS:
        raise ValueError(text)
    return DirectionIs(_DIRECTIONS[text])


def _conntrack() -> Mapping[str, Option[ConnectionQuestion]]:
    options: dict[str, Option[ConnectionQuestion]] = {
        "--ctstate": _one(_states),
        "--ctstatus": _one(lambda text: StatusIs(_among(text, _STATUSES))),
        "--ctdir": _one(_direction),
        "--ctproto": _one(ConnectionProtocolIs),
        "--ctexpire": _one(lambda text: ConnectionExpires(numbers(text))),
    }
    ways: tuple[tuple[str, Way], ...] = (("orig", "original"), ("repl", "reply"))
    both: tuple[tuple[str, Side], ...] = (("src", "source"), ("dst", "destination"))
    for of_way, way in ways:
        for of_side, side in both:
            options[f"--ct{of_way}{of_side}"] = _connection_address(way, side)
            options[f"--ct{of_way}{of_side}port"] = _connection_port(way, side)
    return options


def _connection_address(way: Way, side: Side) -> Option[ConnectionQuestion]:
    return _one(lambda text: ConnectionAddressIs(way, side, addresses(text)))


def _connection_port(way: Way, side: Side) -> Option[ConnectionQuestion]:
    return _one(lambda text: ConnectionPortIs(way, side, ports(text)))


def _connection(questions: Sequence[ConnectionQuestion]) -> tuple[Match, ...]:
    return (Conntrack(tuple(questions)),)


def _mark(of: Literal["packet", "connection"]) -> Option[Match]:
    return _one(lambda text: MarkIs(of, *masked_number(text)))


# Of the host


def _address_type(side: Side) -> Option[Any]:
    def read(text: str) -> AddressTypeIs:
        types = tuple(each.lower() for each in _among(text, _ADDRESS_TYPES))
        return AddressTypeIs(side, types)

    return _one(read)


def _address_types(pieces: Sequence[AddressTypeIs | Direction]) -> tuple[Match, ...]:
    """An interface that the types are limited to counts for both sides."""
    limits: list[Direction] = [piece for piece in pieces if not isinstance(piece, AddressTypeIs)]
    if len(limits) > 1:
        raise ValueError(limits)
    limit = limits[0] if limits else None
    return tuple(replace(piece, of_interface=limit) for piece in pieces if isinstance(piece, AddressTypeIs))


_PORT_IN: Option[PortOfBridgeIs | HasPortOfBridge] = _one(lambda name: PortOfBridgeIs("in", name))
_PORT_OUT: Option[PortOfBridgeIs | HasPortOfBridge] = _one(lambda name: PortOfBridgeIs("out", name))
_PHYSDEV: Mapping[str, Option[PortOfBridgeIs | HasPortOfBridge]] = {
    "--physdev-in": _PORT_IN,
    "--physdev-out": _PORT_OUT,
    "--physdev-is-in": _flag(HasPortOfBridge("in")),
    "--physdev-is-out": _flag(HasPortOfBridge("out")),
    "--physdev-is-bridged": _flag(HasPortOfBridge("bridged")),
}


def _physical_device(questions: Sequence[PortOfBridgeIs | HasPortOfBridge]) -> tuple[Match, ...]:
    return (PhysicalDevice(tuple(questions)),)


def _group(direction: Direction) -> Option[Match]:
    return _one(lambda text: InterfaceGroupIs(direction, *masked_number(text)))


def _owner(kind: Literal["user", "group"]) -> Option[Match]:
    return _one(lambda text: OwnerIs(kind, numbers(text, "-")))


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
    return _one(lambda text: AddressInRange(side, *several_addresses(text)))


def _hops(comparison: Literal["==", "<", ">"], extension: Literal["ttl", "hl"]) -> Option[Match]:
    return _one(lambda text: HopLimitIs(comparison, number(text, 255), extension=extension))


def _lengths(text: str) -> Match:
    return LengthIs(_length_span(text))


def _length_span(text: str) -> Range:
    return numbers(text, ":", 0xFFFF)


def _simple(**options: Option[Match]) -> Extension[Match, tuple[Match, ...]]:
    return Extension(_all, {f"--{name.replace('_', '-')}": option for name, option in options.items()})


EXTENSIONS: Mapping[str, Extension[Any, tuple[Match, ...]]] = {
    "tcp": _transport(
        "tcp",
        tcp_flags=Option(_tcp_flags, words=2),
        syn=_flag(_OPENS),
        tcp_option=_unseen("tcp", "--tcp-option"),
    ),
    "udp": _transport("udp"),
    "udplite": _transport("udplite"),
    "sctp": _transport("sctp", chunk_types=_unseen("sctp", "--chunk-types", 2)),
    "dccp": _transport(
        "dccp", dccp_types=_unseen("dccp", "--dccp-types"), dccp_option=_unseen("dccp", "--dccp-option")
    ),
    "multiport": _simple(
        sports=_ports("source"),
        source_ports=_ports("source"),
        dports=_ports("destination"),
        destination_ports=_ports("destination"),
        ports=_ports(None),
    ),
    "icmp": _simple(icmp_type=_icmp("icmp")),
    "icmp6": _simple(icmpv6_type=_icmp("icmpv6")),
    "conntrack": Extension(_connection, _conntrack()),
    "state": Extension(_connection, {"--state": _one(_states)}),
    "mark": _simple(mark=_mark("packet")),
    "connmark": _simple(mark=_mark("connection")),
    "addrtype": Extension(
        _address_types,
        {
            "--src-type": _address_type("source"),
            "--dst-type": _address_type("destination"),
            "--limit-iface-in": _flag("in"),
            "--limit-iface-out": _flag("out"),
        },
    ),
    "physdev": Extension(_physical_device, _PHYSDEV),
    "devgroup": _simple(src_group=_group("in"), dst_group=_group("out")),
    "owner": Extension(
        _owners,
        {
            "--uid-owner": _owner("user"),
            "--gid-owner": _owner("group"),
            "--socket-exists": _flag(OwnerIs("user", None)),
            "--suppl-groups": _flag("supplementary groups as well"),
        },
    ),
    "rpfilter": Extension(
        _reverse_path,
        {
            "--loose": _flag("loose"),
            "--accept-local": _flag("local"),
            "--validmark": _flag("mark"),
            "--invert": _flag("invert"),
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
    "pkttype": _simple(pkt_type=_one(_packet_type)),
    "mac": _simple(mac_source=_one(_mac)),
    "iprange": _simple(src_range=_address_range("source"), dst_range=_address_range("destination")),
    "length": _simple(length=_one(_lengths)),
    "ttl": _simple(
        ttl_eq=_hops("==", "ttl"), ttl_lt=_hops("<", "ttl"), ttl_gt=_hops(">", "ttl"), ttl=_hops("==", "ttl")
    ),
    "hl": _simple(hl_eq=_hops("==", "hl"), hl_lt=_hops("<", "hl"), hl_gt=_hops(">", "hl")),
    "dscp": _simple(dscp=_one(lambda text: DscpIs(number(text, 63)))),
    "tos": _simple(tos=_one(lambda text: TosIs(*masked_number(text, 255)))),
    "comment": _simple(comment=_one(Comment)),
}
"""By name."""

IMPLIED: Mapping[str, str] = {
    "tcp": "tcp",
    "udp": "udp",
    "udplite": "udplite",
    "sctp": "sctp",
    "dccp": "dccp",
    "icmp": "icmp",
    "icmpv6": "icmp6",
    "ipv6-icmp": "icmp6",
    "6": "tcp",
    "17": "udp",
    "1": "icmp",
    "58": "icmp6",
}
"""Extensions whose options administrators write without `-m`, after the `-p` of their protocol."""

OUT_OF_SIGHT = frozenset(
    (
        "ah",
        "bpf",
        "cgroup",
        "cluster",
        "connbytes",
        "connlabel",
        "connlimit",
        "cpu",
        "dst",
        "ecn",
        "esp",
        "eui64",
        "frag",
        "hashlimit",
        "hbh",
        "helper",
        "ipcomp",
        "ipv6header",
        "ipvs",
        "l2tp",
        "limit",
        "mh",
        "nfacct",
        "osf",
        "policy",
        "quota",
        "rateest",
        "realm",
        "recent",
        "rt",
        "socket",
        "srh",
        "statistic",
        "string",
        "tcpmss",
        "time",
        "u32",
    )
)
"""Extensions that ask for what no packet of a simulation has."""
