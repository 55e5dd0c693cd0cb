"""Packets from a guest to the outside, and how many come through in a second."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fwplan.bench.cases import Metric
from fwplan.bench.rulesets import bridge, gateway
from fwplan.bench.world import OUTSIDE, await_start, on_processor, run, start
from fwplan.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.bench.world import World

_SMALL = 64
_FLOWS = 30_000
"""First packets that are sent in one measurement, each of a flow of its own: the kernel keeps them all in mind."""
_LOWEST_PORT = 10_000
_NOTHING_OF_THE_MACHINE = ("--no-sock-mem", "--notouch-irq")
"""Options of trafgen: it leaves the machine's settings as they are."""
_FIRST = 1_000
"""Packets after which a flood has begun."""
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
            with _flood(world, number):
                value = _arriving(world, seconds)
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


@contextmanager
def _flood(world: World, number: int) -> Iterator[None]:
    """One packet over and over, from memory that the kernel shares: next to nothing is the guest's own cost."""
    router = gateway(number)
    with world.as_host():
        to = _hardware_address(bridge(number))
    with world.as_guest(number):
        headers = (
            f"eth(da={to}, sa={_hardware_address('eth0')})",
            f"ipv4(ttl=64, df, da={OUTSIDE}, sa={router.ip + 1})",
            f"udp(sp={_LOWEST_PORT}, dp={_LOWEST_PORT})",
            f"fill(0, {_SMALL})",
        )
        flooding = start(
            ("trafgen", "--dev", "eth0", "--cpus", "1", *_NOTHING_OF_THE_MACHINE, f"{{ {', '.join(headers)} }}")
        )
    try:
        yield
    finally:
        # it heeds no other signal while it sends, and has children
        os.killpg(flooding.pid, signal.SIGKILL)
        flooding.wait()


def _hardware_address(interface: str) -> str:
    (link,) = json.loads(run(("ip", "-json", "link", "show", "dev", interface)))
    return str(link["address"])


def _arriving(world: World, seconds: int) -> float:
    """The packets that arrive in a second, once the first have; 0 if none do."""
    before = world.arrived()
    await_start(lambda: world.arrived() - before >= _FIRST)
    begun, before = time.perf_counter(), world.arrived()
    time.sleep(seconds)
    return (world.arrived() - before) / (time.perf_counter() - begun)


def _iperf3(seconds: int) -> dict[str, Any]:
    command = ("iperf3", "--client", OUTSIDE, "--time", f"{seconds}", "--json", *on_processor(0))
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
