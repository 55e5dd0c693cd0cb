"""What the kernel says about the rules that packets meet: the trace messages of nf_tables.

Source: linux/netfilter/nf_tables.h and nf_tables_trace.c. Unlike `nft monitor trace`, the messages name a rule by its
handle, also one that iptables-nft made.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

TABLE = "fwplan_trace"
"""The table that switches tracing on. It is there only while packets are sent, and in no listing."""

_SWITCH = f"""
table inet {TABLE} {{
    chain prerouting {{ type filter hook prerouting priority -1000; meta nfproto ipv4 meta nftrace set 1; }}
    chain output {{ type filter hook output priority -1000; meta nfproto ipv4 meta nftrace set 1; }}
}}
"""
_NETLINK_NETFILTER, _GROUP_TRACE = 12, 9
_MESSAGE_TRACE = 10 << 8 | 17
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_SO_RCVBUFFORCE = 33
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_VERDICTS = {
    0: "drop",
    1: "accept",
    2: "stolen",
    3: "queue",
    -1: "continue",
    -2: "break",
    -3: "jump",
    -4: "goto",
    -5: "return",
}
_POLICY, _RULE = 1, 3


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that a packet met, or the policy that it came to at the end of a chain."""

    packet: int
    source: str
    """The source address of the packet, "" where the message does not have it."""
    family: str
    table: str
    chain: str
    handle: int | None
    """The rule, or None: the policy."""
    verdict: str

    @property
    def refuses(self) -> bool:
        """Whether the packet ends here."""
        return self.verdict == "drop"


class Tracer:
    """Listens to the traces of a namespace's packets; a context manager that switches tracing off again."""

    def __init__(self, run: Callable[..., str]) -> None:
        """Take what runs a program of the host."""
        self._run = run

    def __enter__(self) -> Self:
        self._run("nft", "-f", "-", given=_SWITCH)
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP_TRACE)
        self._socket.settimeout(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._socket.close()
        self._run("nft", "delete", "table", "inet", TABLE)

    def steps(self) -> tuple[Step, ...]:
        """Everything since the last call, in order, without the steps in the table that switches tracing on."""
        time.sleep(0.05)
        steps: list[Step] = []
        sources: dict[int, str] = {}
        while True:
            try:
                data = self._socket.recv(1 << 20)
            except BlockingIOError:
                return tuple(steps)
            steps += [step for step in _messages(data, sources) if step.table != TABLE]


def _messages(data: bytes, sources: dict[int, str]) -> Iterator[Step]:
    for kind, body in _netlink_messages(data):
        if kind != _MESSAGE_TRACE:
            continue
        fields = dict(_attributes(body[4:]))
        packet = _number(fields[6])
        header = fields.get(8, b"")
        if len(header) >= 20:
            # The kernel sends headers with the first message of each base chain. The number of a packet that is gone
            # may come again for another.
            sources[packet] = socket.inet_ntoa(header[12:16])
        how = _number(fields[4])
        # A message about a rule without a handle says that the end of a chain is reached.
        if how != _POLICY and not (how == _RULE and 3 in fields):
            continue
        verdict = _number(fields[16]) if how == _POLICY else _number(dict(_attributes(fields[5]))[1])
        yield Step(
            packet,
            sources.get(packet, ""),
            _FAMILIES[body[0]],
            _text(fields[1]),
            _text(fields[2]),
            int.from_bytes(fields[3], "big") if how == _RULE else None,
            _verdict(verdict, fields),
        )


def _verdict(code: int, fields: dict[int, bytes]) -> str:
    signed = code - (1 << 32) if code >= 1 << 31 else code & 0xFF
    word = _VERDICTS.get(signed, str(signed))
    if word in ("jump", "goto"):
        return f"{word} {_text(dict(_attributes(fields[5]))[2])}"
    return word


def _netlink_messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        yield kind, data[at + 16 : at + length]
        at += length + -length % 4


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += length + -length % 4


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode()


def first_packet(steps: tuple[Step, ...], source: str) -> list[Step]:
    """The steps of the first packet that comes from an address, up to where its number is used for another."""
    mine = [step for step in steps if step.source == source]
    met: list[Step] = []
    for step in mine:
        # A packet meets a rule once.
        if step.packet != mine[0].packet or step in met:
            break
        met.append(step)
    return met
