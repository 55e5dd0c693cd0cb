"""What iptables-save prints of a host read, and packets walked through it, beside what iptables-save needs itself."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from fwplan.iptables.read_ruleset import read_ruleset
from fwplan.iptables.ruleset import Ruleset
from fwplan.simulate.outcome import Accept, Refuse
from fwplan.simulate.packet import TCP, Connection, Interface, Packet
from fwplan.simulate.simulator import Simulator
from fwplan.simulate.xtables.host import host_ruleset

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from benchmarks.conftest import Namespace

_ROUNDS = 5
_NETWORKS = 1000
_SAVE = ("iptables-nft-save", "-c")


@pytest.fixture(scope="module")
def saved(namespace: Namespace, fwplan: str, definitions: list[str]) -> str:
    """What iptables-save prints of the rules of all networks: 19 for each."""
    if shutil.which(_SAVE[0]) is None:
        pytest.skip(f"needs {_SAVE[0]} (Debian: iptables)")
    plan = [fwplan, "plan", "--backend=iptables", "--format=restore", *definitions]
    script = subprocess.run(plan, check=True, capture_output=True, text=True).stdout
    subprocess.run(namespace.command("iptables-nft-restore"), input=script, check=True, text=True)
    return subprocess.run(namespace.command(*_SAVE), check=True, capture_output=True, text=True).stdout


@pytest.mark.benchmark(group="iptables' rules of 1,000 networks")
def test_iptables_saves_the_ruleset(benchmark: BenchmarkFixture, namespace: Namespace, saved: str) -> None:
    command = namespace.command(*_SAVE)
    benchmark.pedantic(subprocess.run, (command,), {"stdout": subprocess.DEVNULL}, rounds=_ROUNDS)  # type: ignore[no-untyped-call]
    assert saved


@pytest.mark.benchmark(group="iptables' rules of 1,000 networks")
def test_read_saved_rules(benchmark: BenchmarkFixture, saved: str) -> None:
    ruleset = benchmark.pedantic(read_ruleset, (saved,), rounds=_ROUNDS)  # type: ignore[no-untyped-call]
    assert isinstance(ruleset, Ruleset)
    assert sum(1 for _ in ruleset.rules) > 10_000


@pytest.mark.benchmark(group="iptables' rules of 1,000 networks")
def test_walk_through_saved_rules(benchmark: BenchmarkFixture, saved: str) -> None:
    ruleset = read_ruleset(saved)

    def walk() -> None:
        host = Simulator(host_ruleset(None, [ruleset]))
        outside, server = Interface("eth0"), ip_address("198.51.100.7")
        for number in range(_NETWORKS):
            bridge, guest = Interface(f"virbr{number}"), ip_address(f"10.{number // 250}.{number % 250}.10")
            out = Packet("ip", bridge, outside, guest, server, TCP, 40000, 443, connection=Connection("new"))
            into = Packet("ip", outside, bridge, server, guest, TCP, 443, 40000, connection=Connection("new"))
            assert isinstance(host.at("forward", out).verdict, Accept)
            assert isinstance(host.at("forward", into).verdict, Refuse)

    benchmark.pedantic(walk, rounds=_ROUNDS)  # type: ignore[no-untyped-call]
