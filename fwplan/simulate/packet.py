"""A packet, as far as it is known. An attribute that is None is *not given*: what depends on it is undecided.

Names are nftables' where it has words (`mark`, `dscp`, `ct state`). Addresses, ports and interfaces are those at the
moment when the packet is looked at, before anything rewrites it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    Address = IPv4Address | IPv6Address

PacketFamily = Literal["ip", "ip6", "arp"]
State = Literal["new", "established", "related", "invalid", "untracked"]
Direction = Literal["original", "reply"]
PacketType = Literal["host", "broadcast", "multicast", "other"]

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of the host.

    Attributes:
        name: as the kernel knows it.
        index: its number; None where it is not given, so that it is told by its name.
        kind: `bridge`, `veth` and so on; empty for hardware; None where it is not given.
        type: what it carries: `ether`, `loopback`, `none`; None where it is not given.
        group: its group's number.
        bridge: the name of the bridge that it is a port of; empty for none.
        mac: its hardware address; None where it is not given.
    """

    name: str
    index: int | None = None
    kind: str | None = None
    type: str | None = None
    group: int | None = None
    bridge: str = ""
    mac: str | None = None


NO_INTERFACE = Interface("", 0, kind="", type="", group=0)
"""Where there is none: what the host itself sends came in by none, what is for it leaves by none."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """From where to where, one way, as connection tracking remembers it."""

    source: Address | None = None
    destination: Address | None = None
    source_port: int | None = None
    destination_port: int | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """What connection tracking knows of a packet once it has looked at it.

    Attributes:
        state: of the packet in its connection.
        direction: whether it goes the way of the first packet.
        status: flags of the connection: `snat`, `dnat`, `seen-reply`, `assured`, `confirmed`, ...
        mark: of the connection.
        original: the way of the first packet, as it came.
        reply: the way of replies, as they come. It differs from `original` reversed where addresses are translated.
        helper: the name of the helper; empty for none.
        zone: the zone.
    """

    state: State | None = None
    direction: Direction | None = None
    status: frozenset[str] | None = None
    mark: int | None = None
    original: Endpoints | None = None
    reply: Endpoints | None = None
    helper: str | None = None
    zone: int | None = 0


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet.

    Attributes:
        family: the protocol of the network layer.
        in_interface: by which it came in; `NO_INTERFACE` for what the host itself sends.
        out_interface: by which it leaves, as soon as that is decided.
        source: address.
        destination: address.
        protocol: the number of the transport protocol.
        source_port: of TCP, UDP, SCTP, DCCP and UDP-Lite.
        destination_port: of the same.
        tcp_flags: `syn`, `ack`, `rst`, ...; those that are set.
        icmp_type: of ICMP or ICMPv6.
        icmp_code: of the same.
        icmp_id: of an echo.
        connection: what connection tracking makes of it.
        mark: of the packet.
        type: to whom the frame was addressed.
        source_mac: hardware address, `00:16:3e:12:34:56`.
        destination_mac: the same.
        vlan: the tag; 0 for none.
        length: of the IP packet in bytes.
        ttl: or hop limit.
        dscp: the number.
        fragment_offset: in bytes; 0 for what is not a later fragment.
        more_fragments: whether it is a fragment that others follow.
        uid: of the user whose socket sends it.
        gid: of the group whose socket sends it.
        priority: of the packet, as a number.
    """

    family: PacketFamily
    in_interface: Interface | None = None
    out_interface: Interface | None = None
    source: Address | None = None
    destination: Address | None = None
    protocol: int | None = None
    source_port: int | None = None
    destination_port: int | None = None
    tcp_flags: frozenset[str] | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmp_id: int | None = None
    connection: Connection | None = None
    mark: int | None = 0
    type: PacketType | None = None
    source_mac: str | None = None
    destination_mac: str | None = None
    vlan: int = 0
    length: int | None = None
    ttl: int | None = None
    dscp: int | None = None
    fragment_offset: int = 0
    more_fragments: bool = False
    uid: int | None = None
    gid: int | None = None
    priority: int | None = None
