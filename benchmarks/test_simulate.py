"""A host's ruleset read, and packets walked through it, beside what nft needs to list it."""

from __future__ import annotations

import subprocess
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from fwplan.nft.read_ruleset import read_ruleset
from fwplan.nft.ruleset import Ruleset
from fwplan.simulate.outcome import Accept, Refuse
from fwplan.simulate.packet import TCP, Connection, Interface, Packet
from fwplan.simulate.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from benchmarks.conftest import Namespace

_ROUNDS = 5
_NETWORKS = 1000
_TIMES = 5
_OUTSIDE = Interface("eth0", 1)
_SERVER = ip_address("198.51.100.7")
_NEW, _ANSWER = Connection("new"), Connection("established", "reply")


def _packets() -> Iterator[tuple[str, Packet, bool]]:
    """Hook, packet and whether it gets through: 20 for each network."""
    for number in range(_NETWORKS):
        bridge = Interface(f"virbr{number}", number + 2)
        guest = ip_address(f"10.{number // 250}.{number % 250}.10")
        for port in range(_TIMES):
            out = Packet("ip", bridge, _OUTSIDE, guest, _SERVER, TCP, 40000 + port, 443, connection=_NEW)
            back = Packet("ip", _OUTSIDE, bridge, _SERVER, guest, TCP, 443, 40000 + port, connection=_ANSWER)
            begun = Packet("ip", _OUTSIDE, bridge, _SERVER, guest, TCP, 443, 40000 + port, connection=_NEW)
            yield "forward", out, True
            yield "forward", back, True
            yield "forward", begun, False
            yield "postrouting", out, True


@pytest.fixture(scope="module")
def listing(namespace: Namespace, fwplan: str, definitions: list[str]) -> bytes:
    """What nft lists of the rules of all networks."""
    script = subprocess.run([fwplan, "plan", "--format=nft", *definitions], check=True, capture_output=True).stdout
    subprocess.run(namespace.command("nft", "-f", "-"), input=b"flush ruleset\n" + script, check=True)
    return subprocess.run(namespace.command("nft", "-j", "list", "ruleset"), check=True, capture_output=True).stdout


@pytest.mark.benchmark(group="a ruleset of 1,000 networks")
def test_read_10000_rules(benchmark: BenchmarkFixture, listing: bytes) -> None:
    ruleset = benchmark.pedantic(read_ruleset, (listing,), rounds=_ROUNDS)  # type: ignore[no-untyped-call]
    assert isinstance(ruleset, Ruleset)
    assert sum(1 for _ in ruleset.rules) == 10_006


@pytest.mark.benchmark(group="a ruleset of 1,000 networks")
def test_20_packets_for_each_of_1000_networks(benchmark: BenchmarkFixture, listing: bytes) -> None:
    ruleset = read_ruleset(listing)
    packets = list(_packets())

    def walk() -> None:
        host = Simulator(ruleset)
        for hook, packet, through in packets:
            assert isinstance(host.at(hook, packet).verdict, Accept if through else Refuse)

    benchmark.pedantic(walk, rounds=_ROUNDS)  # type: ignore[no-untyped-call]
