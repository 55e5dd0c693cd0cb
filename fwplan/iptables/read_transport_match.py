"""The matches of transport protocols: ports, flags, types.

Source: iptables-extensions(8), and the functions `*_save` of iptables (1.4.21 to 1.8.11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fwplan.iptables.extension import Extension, Option, flag, independent, named, one
from fwplan.iptables.icmp_types import ICMP, ICMPV6
from fwplan.iptables.matches import IcmpTypeIs, OutOfSight, PortIs, TcpFlagsAre
from fwplan.iptables.read_value import number, ports, several_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fwplan.iptables.matches import Match, Side

TCP_FLAGS: Mapping[str, int] = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0}
_OPENS = TcpFlagsAre(TCP_FLAGS["SYN"] | TCP_FLAGS["RST"] | TCP_FLAGS["ACK"] | TCP_FLAGS["FIN"], TCP_FLAGS["SYN"])
_TRANSPORT = ("tcp", "udp", "udplite", "sctp", "dccp")


def _port(protocols: tuple[str, ...], side: Side | None) -> Option[Match]:
    return one(lambda text: PortIs(protocols, side, (ports(text),)))


def _ports(side: Side | None) -> Option[Match]:
    return one(lambda text: PortIs(_TRANSPORT, side, several_ports(text)))


def _transport(protocol: str, **more: Option[Match]) -> Extension[Match, tuple[Match, ...]]:
    source, destination = _port((protocol,), "source"), _port((protocol,), "destination")
    options = {
        "--sport": source,
        "--source-port": source,
        "--dport": destination,
        "--destination-port": destination,
    }
    return Extension(tuple, {**options, **named(**more)})


def _flags(text: str) -> int:
    found = 0
    for name in text.split(","):
        if name not in TCP_FLAGS:
            raise ValueError(text)
        found |= TCP_FLAGS[name]
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

    return one(read)


TRANSPORT: Mapping[str, Extension[Match, tuple[Match, ...]]] = {
    "tcp": _transport(
        "tcp",
        tcp_flags=Option(_tcp_flags, words=2),
        syn=flag(_OPENS),
        tcp_option=_unseen("tcp", "--tcp-option"),
    ),
    "udp": _transport("udp"),
    "udplite": _transport("udplite"),
    "sctp": _transport("sctp", chunk_types=_unseen("sctp", "--chunk-types", 2)),
    "dccp": _transport(
        "dccp", dccp_types=_unseen("dccp", "--dccp-types"), dccp_option=_unseen("dccp", "--dccp-option")
    ),
    "multiport": independent(
        sports=_ports("source"),
        source_ports=_ports("source"),
        dports=_ports("destination"),
        destination_ports=_ports("destination"),
        ports=_ports(None),
    ),
    "icmp": independent(icmp_type=_icmp("icmp")),
    "icmp6": independent(icmpv6_type=_icmp("icmpv6")),
}
"""By name."""
