"""Sockets of the kinds that a rehearsal needs. Each belongs for ever to the namespace in which it is made."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from fwplan.network.addressing import Address

VERSIONS = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_ANY = {Family.IPV4: "0.0.0.0", Family.IPV6: "::"}  # noqa: S104 - all addresses of a machine of the lab
_ICMP = {Family.IPV4: socket.IPPROTO_ICMP, Family.IPV6: socket.IPPROTO_ICMPV6}
# linux/in.h, linux/in6.h: not all versions of Python name them
_IP_TRANSPARENT, _IPV6_TRANSPARENT = 19, 75
_IP_PKTINFO = 8
_MULTICAST_LOOP = {
    Family.IPV4: (socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP),
    Family.IPV6: (socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP),
}
_LONGEST = 2048
_ANCILLARY = socket.CMSG_SPACE(20)
_AT_ONCE = struct.pack("ii", 1, 0)


def raw_icmp(family: Family) -> socket.socket:
    """Gets every ICMP message that the machine gets."""
    return _socket(family, socket.SOCK_RAW, _ICMP[family])


def raw_tcp(family: Family) -> socket.socket:
    """Gets every TCP segment that the machine gets."""
    made = _socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
    if family is Family.IPV6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    return made


def udp(
    family: Family,
    address: Address | None,
    port: int,
    *,
    spoofed: bool = False,
    mark: int = 0,
    device: str = "",
) -> socket.socket:
    """A UDP socket.

    Args:
        family: of its packets.
        address: that it gets packets for and sends under; None for any.
        port: of its own.
        spoofed: whether the address may be one that the machine does not have.
        mark: of its packets, for routing.
        device: the only one that it sends by.
    """
    made = _socket(family, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if spoofed and family is Family.IPV4:
        made.setsockopt(socket.IPPROTO_IP, _IP_TRANSPARENT, 1)
    elif spoofed:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
    if mark:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    if device:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        # The sender itself does not count as one who hears it.
        made.setsockopt(*_MULTICAST_LOOP[family], 0)
    made.bind((_ANY[family] if address is None else str(address), port))
    return made


def udp_to_itself() -> socket.socket:
    """A UDP socket that gets what it sends, by the loopback interface."""
    made = _socket(Family.IPV4, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.connect(made.getsockname())
    return made


def tcp(family: Family, address: Address, port: int) -> socket.socket:
    """A TCP socket with an address of its own, which ends its connection at once when it is closed."""
    made = _socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    made.bind((str(address), port))
    return made


def send_under(raw: socket.socket, family: Family, source: Address, destination: Address, packet: bytes) -> None:
    """Send by a raw socket under one of the machine's addresses."""
    if family is Family.IPV4:
        under = (socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=i4s4s", 0, source.packed, bytes(4)))
    else:
        under = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16si", source.packed, 0))
    raw.sendmsg([packet], [under], 0, (str(destination), 0))


def receive(raw: socket.socket) -> tuple[bytes, Address, Address | None]:
    """The next packet of a raw socket: what is in it, its source and, where IPV6_RECVPKTINFO is set, its destination.

    Raises:
        BlockingIOError: there is none.
    """
    packet, ancillary, _, sender = raw.recvmsg(_LONGEST, _ANCILLARY)
    destination = None
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            destination = ip_address(data[:16])
    return packet, ip_address(sender[0].partition("%")[0]), destination


def _socket(family: Family, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
    made = socket.socket(VERSIONS[family], kind, protocol)
    made.settimeout(0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family is Family.IPV6 and kind is not socket.SOCK_RAW:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made
