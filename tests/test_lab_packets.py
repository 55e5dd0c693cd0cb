"""What the lab reads from packets: tokens, messages and openings, whatever else comes by."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwplan.lab.packets import (
    Message,
    Opening,
    Token,
    echo_request,
    message_in,
    opening_in,
    quoted_opening,
    token_in,
)
from fwplan.plan.intents import Family

tokens = st.builds(Token, st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))
ports = st.integers(0, 65535)


def ipv4(payload: bytes, protocol: int, source: str = "10.0.0.2", destination: str = "10.0.0.1") -> bytes:
    """A packet as a raw socket of IPv4 gives it."""
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + addresses + payload


def ipv6(payload: bytes, protocol: int, source: str = "fd00::2", destination: str = "fd00::1") -> bytes:
    """A packet as an ICMPv6 error quotes it."""
    addresses = IPv6Address(source).packed + IPv6Address(destination).packed
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + addresses + payload


def segment(source_port: int, destination_port: int, flags: int = 0x02) -> bytes:
    """A TCP header."""
    return struct.pack("!HHIIBBHHH", source_port, destination_port, 1, 0, 5 << 4, flags, 64240, 0, 0)


MAGIC = bytes(Token(0, 0))[:8]
noise = st.binary(max_size=100).filter(lambda packet: MAGIC not in packet)


@given(tokens, noise, noise)
def test_a_token_is_found_in_whatever_carries_it(token: Token, before: bytes, after: bytes) -> None:
    assert token_in(before + bytes(token) + after) == token


@given(noise)
def test_what_carries_none_has_none(packet: bytes) -> None:
    assert token_in(packet) is None


@given(tokens)
def test_a_token_that_is_cut_off_is_none(token: Token) -> None:
    assert token_in(bytes(token)[:-1]) is None


@given(tokens)
def test_an_echo_request_of_ipv4_has_the_checksum_that_makes_the_sum_of_all_words_right(token: Token) -> None:
    packet = echo_request(Family.IPV4, token)
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
    assert token_in(packet) == token


@pytest.mark.parametrize(
    ("family", "kind", "message"),
    [
        (Family.IPV4, 8, Message.REQUEST),
        (Family.IPV4, 0, Message.REPLY),
        (Family.IPV4, 3, Message.ERROR),
        (Family.IPV6, 128, Message.REQUEST),
        (Family.IPV6, 129, Message.REPLY),
        (Family.IPV6, 1, Message.ERROR),
    ],
)
def test_a_message_is_known_by_its_type(family: Family, kind: int, message: Message) -> None:
    packet = bytes([kind]) + bytes(7)
    assert message_in(family, ipv4(packet, 1) if family is Family.IPV4 else packet) is message


@given(ports, ports)
def test_a_connection_is_opened_by_its_first_segment_alone(source_port: int, destination_port: int) -> None:
    for flags, opens in ((0x02, True), (0x12, False), (0x10, False), (0x04, False)):
        tcp = segment(source_port, destination_port, flags)
        of_ipv4 = opening_in(Family.IPV4, ipv4(tcp, 6), None)
        of_ipv6 = opening_in(Family.IPV6, tcp, ip_address("fd00::1"))
        if opens:
            assert of_ipv4 == Opening(source_port, IPv4Address("10.0.0.1"), destination_port)
            assert of_ipv6 == Opening(source_port, IPv6Address("fd00::1"), destination_port)
        else:
            assert (of_ipv4, of_ipv6) == (None, None)


@given(ports, ports)
def test_an_error_quotes_the_segment_that_was_refused(source_port: int, destination_port: int) -> None:
    tcp = segment(source_port, destination_port)
    unreachable = bytes([3, 3]) + bytes(6)
    assert quoted_opening(Family.IPV4, ipv4(unreachable + ipv4(tcp, 6), 1)) == Opening(
        source_port, IPv4Address("10.0.0.1"), destination_port
    )
    assert quoted_opening(Family.IPV6, unreachable + ipv6(tcp, 6)) == Opening(
        source_port, IPv6Address("fd00::1"), destination_port
    )


@given(noise)
def test_what_is_no_segment_opens_nothing(packet: bytes) -> None:
    quoted_opening(Family.IPV6, packet)
    quoted_opening(Family.IPV4, ipv4(packet, 1))
    opening_in(Family.IPV6, packet, ip_address("fd00::1"))
    opening_in(Family.IPV4, ipv4(packet, 6), None)
    assert quoted_opening(Family.IPV4, ipv4(bytes(8) + ipv4(packet, 17), 1)) is None
