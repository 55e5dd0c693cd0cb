"""What the lab writes into packets, and reads from them: tokens that name probes, ICMP echoes, TCP's first packets."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from fwplan.network.addressing import Address

_MAGIC = b"fwplan! "
_TOKEN = struct.Struct("!8sIH")
_ECHO = struct.Struct("!BBHHH")
_ECHO_REQUEST = {Family.IPV4: 8, Family.IPV6: 128}
_ECHO_REPLY = {Family.IPV4: 0, Family.IPV6: 129}
_SYN, _ACK = 0x02, 0x10
_TCP = 6
_OF_HEADER = {Family.IPV4: (9, slice(16, 20), 20), Family.IPV6: (6, slice(24, 40), 40)}
"""Where the protocol, the destination and what follows stand in a packet without options, as the lab sends them."""


class Message(enum.Enum):
    """What an ICMP message means to a probe."""

    REQUEST = enum.auto()
    REPLY = enum.auto()
    ERROR = enum.auto()


@dataclass(frozen=True, slots=True)
class Token:
    """Which probe a packet is of, and which attempt at it."""

    number: int
    attempt: int

    def __bytes__(self) -> bytes:
        """As it stands in a packet."""
        return _TOKEN.pack(_MAGIC, self.number, self.attempt)


def token_in(packet: bytes) -> Token | None:
    """The token that a packet carries or quotes; None when it is not one of the lab's."""
    place = packet.find(_MAGIC)
    if place < 0 or len(packet) < place + _TOKEN.size:
        return None
    _, number, attempt = _TOKEN.unpack_from(packet, place)
    return Token(number, attempt)


def echo_request(family: Family, token: Token) -> bytes:
    """An ICMP echo request that carries a token; the kernel fills in the checksum of IPv6."""
    kind, identifier = _ECHO_REQUEST[family], token.number & 0xFFFF
    packet = _ECHO.pack(kind, 0, 0, identifier, token.attempt) + bytes(token)
    if family is Family.IPV6:
        return packet
    return _ECHO.pack(kind, 0, _checksum(packet), identifier, token.attempt) + bytes(token)


def message_in(family: Family, packet: bytes) -> Message:
    """What a packet from a raw ICMP socket is; a quoted packet is looked for only in errors."""
    kind = packet[_header_length(packet)] if family is Family.IPV4 else packet[0]
    if kind == _ECHO_REQUEST[family]:
        return Message.REQUEST
    return Message.REPLY if kind == _ECHO_REPLY[family] else Message.ERROR


@dataclass(frozen=True, slots=True)
class Opening:
    """The first packet of a TCP connection: the port that it comes from, and where it goes."""

    source_port: int
    destination: Address
    destination_port: int


def quoted_opening(family: Family, error: bytes) -> Opening | None:
    """The TCP segment that an ICMP error quotes; None when it quotes something else.

    Args:
        family: of the message.
        error: from a raw ICMP socket.
    """
    quoted = error[(_header_length(error) if family is Family.IPV4 else 0) + _ECHO.size :]
    protocol, destination, length = _OF_HEADER[family]
    if len(quoted) < length + 4 or quoted[protocol] != _TCP:
        return None
    source_port, destination_port = struct.unpack_from("!HH", quoted, length)
    return Opening(source_port, ip_address(quoted[destination]), destination_port)


def opening_in(family: Family, packet: bytes, destination: Address | None) -> Opening | None:
    """The opening that a packet from a raw TCP socket is; None when it is of another kind.

    Args:
        family: of the packet.
        packet: with IPv4's header, but without IPv6's, as raw sockets give it.
        destination: of an IPv6 packet.
    """
    start = _header_length(packet) if family is Family.IPV4 else 0
    if len(packet) < start + 14 or packet[start + 13] & (_SYN | _ACK) != _SYN:
        return None
    if family is Family.IPV4:
        destination = ip_address(packet[16:20])
    if destination is None:
        return None
    source_port, destination_port = struct.unpack_from("!HH", packet, start)
    return Opening(source_port, destination, destination_port)


def _header_length(packet: bytes) -> int:
    return (packet[0] & 0x0F) * 4


def _checksum(packet: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
