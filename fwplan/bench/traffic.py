"""Packets from a guest to the outside, and how many come through in a second."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from fwplan.bench.cases import Metric
from fwplan.bench.world import OUTSIDE, on_processor, run
from fwplan.errors import HostError

if TYPE_CHECKING:
    from fwplan.bench.world import World

_SMALL = 64
_FLOWS = 30_000
"""First packets that are sent in one measurement, each of a flow of its own: the kernel keeps them all in mind."""
_LOWEST_PORT = 10_000
_NETFILTER = 12
# linux/netfilter/nfnetlink_conntrack.h: NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_DELETE; linux/netlink.h.
_FORGET, _REQUEST, _ACKNOWLEDGE = 1 << 8 | 2, 1, 4


def measure(world: World, number: int, metric: Metric, seconds: int) -> float:
    """What a guest of the network of that number gets through, a second.

    Raises:
        HostError: nothing comes through.
    """
    forget_connections(world)
    match metric:
        case Metric.PACKETS:
            before = world.arrived()
            with world.as_guest(number):
                found = _iperf3(seconds, "--udp", "--bitrate", "0", "--length", str(_SMALL))
            value = (world.arrived() - before) / found["sum"]["seconds"]
        case Metric.BULK:
            with world.as_guest(number):
                found = _iperf3(seconds)
            value = found["sum_received"]["bits_per_second"]
        case Metric.CONNECTIONS:
            before = world.arrived()
            with world.as_guest(number):
                taken = _send_first_packets()
            value = (world.arrived() - before) / taken
    if value <= 0:
        raise HostError("nothing comes through from a guest to the outside")
    return float(value)


def forget_connections(world: World) -> None:
    """Have the host forget all connections, as if none had been."""
    with world.as_host(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as asked:
        asked.sendto(struct.pack("=IHHIIBBH", 20, _FORGET, _REQUEST | _ACKNOWLEDGE, 1, 0, 0, 0, 0), (0, 0))
        asked.recv(4096)


def _iperf3(seconds: int, *options: str) -> dict[str, Any]:
    command = ("iperf3", "--client", OUTSIDE, "--time", f"{seconds}", "--json", *on_processor(0), *options)
    found: dict[str, Any] = json.loads(run(command))["end"]
    return found


def _send_first_packets() -> float:
    """Send a packet to each of many ports; the seconds that it takes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        content = bytes(_SMALL)
        begun = time.perf_counter()
        for port in range(_LOWEST_PORT, _LOWEST_PORT + _FLOWS):
            sender.sendto(content, (OUTSIDE, port))
        return time.perf_counter() - begun
