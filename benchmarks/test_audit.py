"""An audit of a host with 1,000 networks, beside what nft alone needs to list its rules."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.conftest import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from benchmarks.conftest import Namespace

_ROUNDS = 7
_DOCKER = Path(__file__).parent.parent / "tests/rulesets/docker/alone/iptables.save"
"""What a real host with Docker has."""


@pytest.fixture(scope="module")
def _host(fwplan: str, namespace: Namespace, definitions: list[str]) -> Iterator[None]:
    """All networks are on the host, which is ready for them."""
    script = subprocess.run([fwplan, "plan", "--format", "nft", *definitions], check=True, capture_output=True).stdout
    subprocess.run(namespace.command("nft", "-f", "-"), input=b"flush ruleset\n" + script, check=True)
    lines = ["link add uplink0 type veth peer name uplink1", "link set uplink0 up"]
    lines += ["address add 203.0.113.10/24 dev uplink0", "route add default via 203.0.113.1"]
    for number in range(NETWORKS):
        high, low = divmod(number, 250)
        lines += [f"link set virbr{number} up", f"address add 10.{high}.{low}.1/24 dev virbr{number}"]
    subprocess.run(namespace.command("ip", "-batch", "-"), input="\n".join(lines), text=True, check=True)
    subprocess.run(namespace.command("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"), check=True)
    yield
    subprocess.run(namespace.command("nft", "flush", "ruleset"), check=True)
    subprocess.run(namespace.command("ip", "link", "delete", "uplink0"), check=True)


@pytest.fixture
def _with_docker(_host: None, namespace: Namespace) -> Iterator[None]:
    """Docker is on the host as well, and refuses to forward."""
    subprocess.run(namespace.command("iptables-nft-restore", str(_DOCKER)), check=True)
    yield
    for family in ("ip filter", "ip nat"):
        subprocess.run(namespace.command("nft", "delete", "table", *family.split()), check=True)


def _measure(benchmark: BenchmarkFixture, command: list[str], status: int = 0) -> bytes:
    def run() -> bytes:
        done = subprocess.run(command, check=False, capture_output=True)
        assert done.returncode == status, done.stderr
        return done.stdout

    output: bytes = benchmark.pedantic(run, rounds=_ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    return output


@pytest.fixture
def audit(fwplan: str, namespace: Namespace) -> Callable[..., list[str]]:
    """The command that audits."""
    return lambda *files: namespace.command(fwplan, "audit", *files)


@pytest.mark.benchmark(group="audit")
@pytest.mark.usefixtures("_host")
def test_audit_of_1000_networks(
    benchmark: BenchmarkFixture, audit: Callable[..., list[str]], definitions: list[str]
) -> None:
    assert b"1000 networks, 10006 rules: " in _measure(benchmark, audit(*definitions))


@pytest.mark.benchmark(group="audit")
@pytest.mark.usefixtures("_host")
def test_nft_lists_what_is_audited(benchmark: BenchmarkFixture, namespace: Namespace) -> None:
    assert _measure(benchmark, namespace.command("nft", "-j", "list", "ruleset")).count(b'"rule"') > 10_000


@pytest.mark.benchmark(group="audit beside Docker")
@pytest.mark.usefixtures("_with_docker")
def test_audit_of_1000_networks_beside_docker(
    benchmark: BenchmarkFixture, audit: Callable[..., list[str]], definitions: list[str]
) -> None:
    assert b"1000 networks, 10006 rules: 1000 errors" in _measure(benchmark, audit(*definitions), 1)


@pytest.mark.benchmark(group="audit beside Docker")
@pytest.mark.usefixtures("_with_docker")
def test_nft_lists_what_is_audited_beside_docker(benchmark: BenchmarkFixture, namespace: Namespace) -> None:
    assert _measure(benchmark, namespace.command("nft", "-j", "list", "ruleset")).count(b'"rule"') > 10_000
