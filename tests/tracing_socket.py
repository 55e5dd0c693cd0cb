"""What the kernel says of a packet that it traces: each rule that it met, as `nft monitor trace` shows it.

A socket of nfnetlink's own, so that thousands of packets can be asked about without a program for each. Source: Linux,
include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Self

_NETFILTER = 12
_SOL_NETLINK, _ADD_MEMBERSHIP, _NO_ENOBUFS = 270, 1, 5
_TRACE_GROUP = 9
_FORCED_BUFFER = 33
_TRACE_MESSAGE = 10 << 8 | 17
_CONNTRACK_DELETE = 1 << 8 | 2
_REQUEST, _ACK = 1, 4

_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID = 1, 2, 3, 4, 5, 6
_NETWORK_HEADER, _FAMILY, _POLICY = 8, 15, 16
_CT_STATE = 21
_TYPES = {1: "policy", 2: "return", 3: "rule"}
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
FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}


@dataclass(frozen=True)
class TraceEvent:
    """One thing that a packet met.

    Attributes:
        packet: a number that is the same for all events of one packet.
        type: `rule`, `return` or `policy`.
        family: of the packet.
        table: its name.
        chain: its name.
        handle: of the rule; None where it is none.
        verdict: what became of it there.
        ct_state: what connection tracking says, in bits; None where it says nothing.
        header: of IP, with the first event of a base chain.
        target: the chain that a jump or goto leads to.
        table_family: of the table, which may be `inet`.
    """

    packet: int
    type: str
    family: str
    table: str
    chain: str
    handle: int | None
    verdict: str
    ct_state: int | None = None
    header: bytes = b""
    target: str = ""
    table_family: str = ""


class TraceSocket:
    """Hears the traces of a network namespace; opened inside it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
        self._socket.setsockopt(socket.SOL_SOCKET, _FORCED_BUFFER, 8 << 20)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _TRACE_GROUP)
        self._socket.settimeout(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def events(self) -> list[TraceEvent]:
        """What has been heard since the last time."""
        found: list[TraceEvent] = []
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return found
            found += _events(data)


def flush_conntrack() -> None:
    """Forget all connections of the namespace that the calling thread is in."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as asked:
        message = struct.pack("=IHHIIBBH", 20, _CONNTRACK_DELETE, _REQUEST | _ACK, 1, 0, 0, 0, 0)
        asked.sendto(message, (0, 0))
        error = struct.unpack_from("=i", asked.recv(4096), 16)[0]
        if error:
            raise OSError(-error, "cannot forget connections")


def _events(data: bytes) -> list[TraceEvent]:
    found: list[TraceEvent] = []
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if kind == _TRACE_MESSAGE:
            found.append(_event(data[16], _attributes(data[20:length])))
        data = data[(length + 3) & ~3 :]
    return found


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def _event(table_family: int, attributes: dict[int, bytes]) -> TraceEvent:
    verdict, target = _number(attributes, _POLICY), b""
    if _VERDICT in attributes:
        decided = _attributes(attributes[_VERDICT])
        code: int = struct.unpack("!i", decided.get(1, b"\0\0\0\0"))[0]
        # above the verdict may stand the number of an error, or of a queue
        verdict = code if code < 0 else code & 0xFF
        target = decided.get(2, b"")
    return TraceEvent(
        _number(attributes, _ID) or 0,
        _TYPES[_number(attributes, _TYPE) or 0],
        FAMILIES[_number(attributes, _FAMILY) or 0],
        attributes[_TABLE].rstrip(b"\0").decode(),
        attributes[_CHAIN].rstrip(b"\0").decode(),
        struct.unpack("!Q", attributes[_HANDLE])[0] if _HANDLE in attributes else None,
        _VERDICTS.get(verdict if verdict is not None else 99, f"verdict {verdict}"),
        _number(attributes, _CT_STATE),
        attributes.get(_NETWORK_HEADER, b""),
        target.rstrip(b"\0").decode(),
        FAMILIES[table_family],
    )


def _number(attributes: dict[int, bytes], which: int) -> int | None:
    if which not in attributes:
        return None
    number: int = struct.unpack("!I", attributes[which])[0]
    return number
