"""One packet through a host with 1,000 networks, beside what nft alone needs to list its rules."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from benchmarks.conftest import Namespace

_ROUNDS = 7


@pytest.fixture(scope="module")
def _host(fwplan: str, namespace: Namespace, definitions: list[str]) -> Iterator[None]:
    """All networks are on the host, which forwards."""
    script = subprocess.run([fwplan, "plan", "--format", "nft", *definitions], check=True, capture_output=True).stdout
    subprocess.run(namespace.command("nft", "-f", "-"), input=b"flush ruleset\n" + script, check=True)
    subprocess.run(namespace.command("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"), check=True)
    yield
    subprocess.run(namespace.command("nft", "flush", "ruleset"), check=True)


def _measure(benchmark: BenchmarkFixture, command: list[str]) -> bytes:
    def run() -> bytes:
        return subprocess.run(command, check=True, capture_output=True).stdout

    output: bytes = benchmark.pedantic(run, rounds=_ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    return output


@pytest.mark.benchmark(group="trace")
@pytest.mark.usefixtures("_host")
def test_trace_on_1000_networks(
    benchmark: BenchmarkFixture, fwplan: str, namespace: Namespace, definitions: list[str]
) -> None:
    ends = ["--from", "guest", "--to", "outside", "--out-interface", "uplink0"]
    assert b"It passes" in _measure(benchmark, namespace.command(fwplan, "trace", definitions[0], *ends))


@pytest.mark.benchmark(group="trace")
@pytest.mark.usefixtures("_host")
def test_nft_lists_1000_networks(benchmark: BenchmarkFixture, namespace: Namespace) -> None:
    assert _measure(benchmark, namespace.command("nft", "-j", "-a", "list", "ruleset")).count(b'"rule"') > 10_000
