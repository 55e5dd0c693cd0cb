"""Frames as they are sent and received: Ethernet, IPv4 and IPv6, TCP, UDP and ICMP, with right checksums."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
_OUTGOING = 4
_ETHER_TYPES = {4: 0x0800, 6: 0x86DD}
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128}


@dataclass(frozen=True)
class Datagram:
    """An IP packet with what it carries.

    Attributes:
        source: address.
        destination: address.
        protocol: the number of the transport protocol.
        ports: source and destination; for ICMP, type and code.
        flags: of TCP.
        ttl: or hop limit.
        dscp: the number.
        icmp_id: of an echo.
        payload: what follows the header of the transport protocol.
        mark: the identification of IPv4, or the flow label of IPv6, by which the packet is known again.
    """

    source: IPv4Address | IPv6Address
    destination: IPv4Address | IPv6Address
    protocol: int
    ports: tuple[int, int]
    flags: frozenset[str] = frozenset()
    ttl: int = 64
    dscp: int = 0
    icmp_id: int = 0
    payload: bytes = b"fwplan"
    mark: int = 0

    @property
    def version(self) -> int:
        """Of IP."""
        return self.source.version

    def packet(self) -> bytes:
        """The IP packet."""
        body = self._transport()
        if self.version == 4:
            header = struct.pack(
                "!BBHHHBBH4s4s",
                0x45,
                self.dscp << 2,
                20 + len(body),
                self.mark,
                0,
                self.ttl,
                self.protocol,
                0,
                self.source.packed,
                self.destination.packed,
            )
            return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + body
        first = 6 << 28 | self.dscp << 22 | self.mark
        return (
            struct.pack("!IHBB", first, len(body), self.protocol, self.ttl)
            + self.source.packed
            + self.destination.packed
            + body
        )

    def _transport(self) -> bytes:
        first, second = self.ports
        match self.protocol:
            case 6:
                flags = sum(FLAGS[flag] for flag in self.flags)
                # an acknowledgment of nothing, in the window of whoever has sent nothing yet
                start = struct.pack("!HHIIBBHHH", first, second, 1, 1 if flags & 16 else 0, 0x50, flags, 65000, 0, 0)
                return self._summed(start + self.payload, 16)
            case 17:
                start = struct.pack("!HHHH", first, second, 8 + len(self.payload), 0)
                return self._summed(start + self.payload, 6)
            case 1 | 58:
                start = struct.pack("!BBHHH", first, second, 0, self.icmp_id, 1)
                return self._summed(start + self.payload, 2)
            case _:
                return struct.pack("!HH", first, second) + self.payload

    def _summed(self, body: bytes, at: int) -> bytes:
        pseudo = b""
        if self.protocol != ICMP:
            pseudo = self.source.packed + self.destination.packed + struct.pack("!II", len(body), self.protocol)
        found = checksum(pseudo + body)
        if self.protocol == UDP and not found:
            found = 0xFFFF
        return body[:at] + struct.pack("!H", found) + body[at + 2 :]

    @property
    def length(self) -> int:
        """Of the IP packet, in bytes."""
        return len(self.packet())


def checksum(data: bytes) -> int:
    """The checksum of the internet."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(destination: str, source: str, packet: bytes) -> bytes:
    """A frame with an IP packet."""
    return mac(destination) + mac(source) + struct.pack("!H", _ETHER_TYPES[packet[0] >> 4]) + packet


def mac(address: str) -> bytes:
    """A hardware address in bytes."""
    return bytes.fromhex(address.replace(":", ""))


def parse(packet: bytes) -> Datagram | None:
    """An IP packet as it was received; None for what is not of this module's making."""
    version = packet[0] >> 4
    if version == 4:
        start = (packet[0] & 15) * 4
        protocol, ttl, dscp = packet[9], packet[8], packet[1] >> 2
        source, destination = ip_address(packet[12:16]), ip_address(packet[16:20])
        end = struct.unpack_from("!H", packet, 2)[0]
    elif version == 6:
        start, protocol, ttl = 40, packet[6], packet[7]
        dscp = struct.unpack_from("!I", packet)[0] >> 22 & 63
        source, destination = ip_address(packet[8:24]), ip_address(packet[24:40])
        end = 40 + struct.unpack_from("!H", packet, 4)[0]
    else:
        return None
    body = packet[start:end]
    if len(body) < (8 if protocol in {TCP, UDP, ICMP, ICMPV6} else 4):
        return None
    flags: frozenset[str] = frozenset()
    icmp_id, size = 0, 8
    if protocol in {ICMP, ICMPV6}:
        ports = (body[0], body[1])
        icmp_id = struct.unpack_from("!H", body, 4)[0]
    else:
        ports = struct.unpack_from("!HH", body)
        if protocol == TCP:
            size = (body[12] >> 4) * 4
            flags = frozenset(flag for flag, bit in FLAGS.items() if body[13] & bit)
        elif protocol != UDP:
            size = 4
    return Datagram(source, destination, protocol, ports, flags, ttl, dscp, icmp_id, body[size:], mark_of(packet))


def mark_of(packet: bytes) -> int:
    """The mark of an IP packet, of which the beginning is enough."""
    if packet[0] >> 4 == 4:
        return int.from_bytes(packet[4:6], "big")
    return int.from_bytes(packet[:4], "big") & 0xFFFFF


def heard(link: socket.socket) -> Iterator[Datagram]:
    """What has come in at a packet socket since the last time; not what went out by it."""
    while True:
        try:
            data, address = link.recvfrom(4096)
        except BlockingIOError:
            return
        if address[2] != _OUTGOING and data[12:14] in {b"\x08\x00", b"\x86\xdd"}:
            datagram = parse(data[14:])
            if datagram is not None:
                yield datagram
