"""The flows that a network's promises are about, each sent with real packets.

A flow *passes* when the other side's answer comes back. Otherwise it is *refused*: either an error came back (TCP's
reset, or ICMP), or nothing did.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spaces import HOST, inside
from world import BRIDGE_ADDRESS, GUEST, GUEST_2, HOST_ADDRESS, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 1.2
"""Seconds after which an answer is not expected any more: a TCP connection has tried twice by then."""

_PATIENCE_OFFER = 5
"""The same for DHCP: the server first looks for three seconds whether somebody has the address."""

_ECHO_REQUEST = 8


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a flow."""

    answer: str
    """`answered`; `error`, the other side or a rule said no; or `silence`."""
    seen_as: str = ""
    """The source address that the other side saw, "" if it saw nothing or was not asked."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A packet and its answer, between two places."""

    name: str
    source: str
    destination: str
    """Address, port and protocol, as `198.51.100.7:443/tcp`."""
    promise: str
    """What mode `nat` promises: `passes`, `refused`, or "" where it promises nothing."""
    promised_source: str
    """The address that the other side is promised to see, "" where none is."""
    send: Callable[[], Result]


def flows() -> tuple[Flow, ...]:
    """The flows that bear on what a network of mode `nat` promises."""
    return (
        _tcp("guest-outside-tcp", ("guest1", GUEST), ("outside", OUTSIDE), 443),
        _udp("guest-outside-udp", ("guest1", GUEST), ("outside", OUTSIDE), 123),
        _ping("guest-outside-ping", ("guest1", GUEST), OUTSIDE),
        Flow("guest-host-dhcp", "0.0.0.0:68", "255.255.255.255:67/udp", "passes", "", _dhcp),
        Flow("guest-host-dns-udp", GUEST, f"{BRIDGE_ADDRESS}:53/udp", "passes", "", _dns_udp),
        Flow("guest-host-dns-tcp", GUEST, f"{BRIDGE_ADDRESS}:53/tcp", "passes", "", _dns_tcp),
        _tcp("host-guest-tcp", (HOST, BRIDGE_ADDRESS), ("guest1", GUEST), 22),
        _tcp("outside-guest-tcp", ("outside", OUTSIDE), ("guest1", GUEST), 22),
        _ping("outside-guest-ping", ("outside", OUTSIDE), GUEST),
        _tcp("guest-guest-tcp", ("guest1", GUEST), ("guest2", GUEST_2), 22),
        _ping("guest-guest-ping", ("guest1", GUEST), GUEST_2),
    )


def _promises(name: str) -> tuple[str, str]:
    """What mode `nat` promises of a flow: its outcome, and its source as the other side sees it."""
    if name.startswith("host"):
        return "", ""
    if name.startswith("outside"):
        return "refused", ""
    # An echo request has no port, and the outside machine itself answers it: nobody looks at its source there.
    asked = name.startswith("guest-outside") and not name.endswith("ping")
    return "passes", HOST_ADDRESS if asked else ""


def _tcp(name: str, source: tuple[str, str], target: tuple[str, str], port: int) -> Flow:
    def send() -> Result:
        with inside(target[0]):
            server = socket.create_server((target[1], port))
        server.settimeout(_PATIENCE)
        with server, _tcp_socket(source) as client:
            try:
                client.connect((target[1], port))
                return Result("answered", server.accept()[1][0])
            except TimeoutError:
                return Result("silence")
            except OSError:
                return Result("error")

    return Flow(name, source[1], f"{target[1]}:{port}/tcp", *_promises(name), send)


@contextmanager
def _tcp_socket(source: tuple[str, str]) -> Iterator[socket.socket]:
    with inside(source[0]):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(_PATIENCE)
    if source[0] != HOST:
        client.bind((source[1], 0))
    # A connection that ends without more packets leaves none for the trace of the next flow.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with client:
        yield client


def _udp(name: str, source: tuple[str, str], target: tuple[str, str], port: int) -> Flow:
    def send() -> Result:
        with inside(target[0]):
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with server:
            server.bind((target[1], port))
            server.settimeout(_PATIENCE)
            seen: list[str] = []

            def echo() -> None:
                with suppress(TimeoutError):
                    data, sender = server.recvfrom(100)
                    seen.append(sender[0])
                    server.sendto(data, sender)

            answering = threading.Thread(target=echo)
            answering.start()
            answer = _ask(source, (target[1], port), b"hello")
            answering.join()
        return Result(answer, *seen)

    return Flow(name, source[1], f"{target[1]}:{port}/udp", *_promises(name), send)


def _ask(source: tuple[str, str], target: tuple[str, int], data: bytes) -> str:
    with inside(source[0]):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.bind((source[1], 0))
        client.settimeout(_PATIENCE)
        try:
            client.connect(target)
            client.send(data)
            client.recv(2000)
        except TimeoutError:
            return "silence"
        except OSError:
            return "error"
    return "answered"


def _ping(name: str, source: tuple[str, str], target: str) -> Flow:
    def send() -> Result:
        with inside(source[0]):
            client = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        with client:
            client.bind((source[1], 0))
            number = os.getpid() & 0xFFFF
            echo = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, number, 1) + b"fwplan"
            client.sendto(echo[:2] + struct.pack("!H", _checksum(echo)) + echo[4:], (target, 0))
            deadline = time.monotonic() + _PATIENCE
            while (left := deadline - time.monotonic()) > 0:
                client.settimeout(left)
                with suppress(TimeoutError):
                    packet = client.recv(2000)
                    kind = packet[(packet[0] & 15) * 4]
                    if kind != _ECHO_REQUEST:
                        return Result("answered" if kind == 0 else "error")
        return Result("silence")

    return Flow(name, source[1], f"{target}/icmp", *_promises(name), send)


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


_NAME = b"\x05probe\x07example\x00"
_QUESTION = struct.pack("!HHHHHH", 0x4657, 0x0100, 1, 0, 0, 0) + _NAME + struct.pack("!HH", 1, 1)


def _dns_udp() -> Result:
    return Result(_ask(("guest1", GUEST), (BRIDGE_ADDRESS, 53), _QUESTION))


def _dns_tcp() -> Result:
    with _tcp_socket(("guest1", GUEST)) as client:
        try:
            client.connect((BRIDGE_ADDRESS, 53))
            client.send(struct.pack("!H", len(_QUESTION)) + _QUESTION)
            return Result("answered" if client.recv(2000) else "error")
        except TimeoutError:
            return Result("silence")
        except OSError:
            return Result("error")


def _dhcp() -> Result:
    """A client's DISCOVER, as it is sent before there is an address, and the server's OFFER."""
    mac = bytes.fromhex("525400000a01")
    with inside("guest1"):
        client = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        client.bind(("eth0", 0x0800))
    number = b"fwpl"
    discover = struct.pack("!BBBB4sHH16x", 1, 1, 6, 0, number, 0, 0x8000) + mac + bytes(10 + 64 + 128)
    # magic cookie, DHCPDISCOVER, end
    discover += bytes.fromhex("63825363 350101 ff") + bytes(40)
    datagram = struct.pack("!HHHH", 68, 67, 8 + len(discover), 0) + discover
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 1, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    header = header[:10] + struct.pack("!H", _checksum(header)) + header[12:]
    with client:
        client.send(b"\xff" * 6 + mac + b"\x08\x00" + header + datagram)
        deadline = time.monotonic() + _PATIENCE_OFFER
        while (left := deadline - time.monotonic()) > 0:
            client.settimeout(left)
            with suppress(TimeoutError):
                packet = client.recv(2000)[14:]
                answer = packet[28:]
                if packet[9] == socket.IPPROTO_UDP and answer[:1] == b"\x02" and answer[4:8] == number:
                    return Result("answered")
    return Result("silence")
