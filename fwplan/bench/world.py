"""A host between guests and the outside, in network namespaces that go with the process."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fwplan.bench.rulesets import CLEARING, UPLINK, Load, bridge, gateway
from fwplan.errors import HostError
from fwplan.lab.namespaces import NetworkNamespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

OUTSIDE = "198.51.100.7"
_UPLINK_ADDRESS = "198.51.100.1"
_PORT = 5201
"""iperf3's."""
# What is not for iperf3 ends before anything is made of it, so that nobody answers.
_SINK = f"""\
table inet sink {{
    chain prerouting {{
        type filter hook prerouting priority raw; policy accept;
        udp dport != {_PORT} drop
    }}
}}
"""
_START = 5.0
"""Seconds that a program has to begin."""
_PACKAGES = {"iperf3": "iperf3", "trafgen": "netsniff-ng", "ip": "iproute2", "nft": "nftables"}
"""Debian's, of programs; all others are of one."""


class World:
    """A host with bridges, a guest on some of them, and a machine outside that runs iperf3."""

    def __init__(self, networks: int, guests: Iterable[int]) -> None:
        """Make it.

        Args:
            networks: how many bridges there are.
            guests: the numbers of the networks that have a guest.

        Raises:
            HostError: the kernel does not let this process, or a program is missing.
        """
        try:
            self._host, self._outside = NetworkNamespace.new(), NetworkNamespace.new()
            self._guests = {number: NetworkNamespace.new() for number in guests}
        except OSError as error:
            raise HostError(f"measuring needs root, for network namespaces: {error.strerror}") from None
        self._server: subprocess.Popen[bytes] | None = None
        self._links(networks)
        self._clear_iptables = False

    def __enter__(self) -> Self:
        """Start iperf3 outside."""
        with self._outside.entered():
            run(("nft", "-f", "-"), _SINK)
            self._server = start(("iperf3", "--server", *on_processor(1)))
        await_start(self._listens)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        """Stop iperf3; namespaces go with their descriptors."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        for namespace in (self._host, self._outside, *self._guests.values()):
            os.close(namespace.descriptor)

    def load(self, rules: Iterable[Load]) -> None:
        """Have these rules on the host, and no others.

        Raises:
            HostError: a program refuses them.
        """
        loads = tuple(rules)
        with self._host.entered():
            for each in (*(CLEARING if self._clear_iptables else CLEARING[:1]), *loads):
                run(each.command, each.given)
        self._clear_iptables = any(each.command[0].startswith("ip") for each in loads)

    @contextmanager
    def as_guest(self, number: int) -> Iterator[None]:
        """The calling thread on the guest of that network."""
        with self._guests[number].entered():
            yield

    @contextmanager
    def as_host(self) -> Iterator[None]:
        """The calling thread on the host."""
        with self._host.entered():
            yield

    def arrived(self) -> int:
        """The packets that have come to the machine outside."""
        with self._outside.entered():
            for line in Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines():
                name, _, counts = line.partition(":")
                if name.strip() == "eth0":
                    return int(counts.split()[1])
        raise HostError("the machine outside has lost its interface")

    def _listens(self) -> bool:
        listening = f":{_PORT:04X} "
        with self._outside.entered():
            tables = [Path(f"/proc/thread-self/net/{name}").read_text(encoding="ascii") for name in ("tcp", "tcp6")]
        return any(listening in table for table in tables)

    def _links(self, networks: int) -> None:
        host = ["link set lo up"]
        host += [f"link add {bridge(number)} type bridge" for number in range(networks)]
        with self._host.entered():
            _batch(host)
        self._connect(self._outside, UPLINK, f"{_UPLINK_ADDRESS}/24", f"{OUTSIDE}/24", _UPLINK_ADDRESS)
        for number, namespace in self._guests.items():
            address = gateway(number)
            given = f"{address.ip + 1}/{address.network.prefixlen}"
            self._connect(namespace, f"port{number}", None, given, str(address.ip))
            with self._host.entered():
                _batch(
                    [
                        f"link set port{number} master {bridge(number)}",
                        f"address add {address} dev {bridge(number)}",
                        f"link set {bridge(number)} up",
                    ]
                )
        with self._host.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")

    def _connect(self, namespace: NetworkNamespace, port: str, on_host: str | None, address: str, router: str) -> None:
        """Lay a cable between the host and another machine."""
        with self._host.entered():
            there = f"/proc/{os.getpid()}/fd/{namespace.descriptor}"
            _batch(
                [
                    f"link add {port} type veth peer name eth0 netns {there}",
                    *([] if on_host is None else [f"address add {on_host} dev {port}"]),
                    f"link set {port} up",
                ]
            )
        with namespace.entered():
            _batch(
                [
                    "link set lo up",
                    f"address add {address} dev eth0",
                    "link set eth0 up",
                    f"route add default via {router}",
                ]
            )


def await_start(has_begun: Callable[[], bool]) -> None:
    """Wait until a program has begun, but not for ever."""
    end = time.monotonic() + _START
    while time.monotonic() < end and not has_begun():
        time.sleep(0.01)


def on_processor(number: int) -> tuple[str, ...]:
    """Options of iperf3 that keep it on one of the processors, where there are several."""
    processors = sorted(os.sched_getaffinity(0))
    return () if len(processors) == 1 else ("--affinity", str(processors[number % len(processors)]))


def _batch(lines: Iterable[str]) -> None:
    run(("ip", "-batch", "-"), "".join(f"{line}\n" for line in lines))


def run(command: tuple[str, ...], given: str = "") -> str:
    """What a program prints that has to succeed.

    Raises:
        HostError: there is none, or it fails.
    """
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise _missing(command[0]) from None
    if done.returncode != 0:
        complaint = (done.stderr or done.stdout).strip().splitlines()
        raise HostError(f"{' '.join(command)}: {complaint[0] if complaint else 'it failed without a word'}")
    return done.stdout


def start(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Begin a program in a process group of its own, and do not wait for it.

    Raises:
        HostError: there is none.
    """
    try:
        return subprocess.Popen(  # noqa: S603 - only programs that are named here
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except FileNotFoundError:
        raise _missing(command[0]) from None


def _missing(program: str) -> HostError:
    return HostError(f"there is no program {program}: install it (Debian: {_PACKAGES.get(program, 'iptables')})")
