"""Proofs: the whole process for a hundred networks, beside that for one."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

_ROUNDS = 5


def _measure(benchmark: BenchmarkFixture, command: list[str]) -> bytes:
    def run() -> bytes:
        return subprocess.run(command, check=True, capture_output=True).stdout

    output: bytes = benchmark.pedantic(run, rounds=_ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    return output


@pytest.mark.benchmark(group="prove")
def test_proof_of_1_network(benchmark: BenchmarkFixture, fwplan: str, definitions: list[str]) -> None:
    assert _measure(benchmark, [fwplan, "prove", definitions[0]]).startswith(b"Proved")


@pytest.mark.benchmark(group="prove")
def test_proof_of_100_networks(benchmark: BenchmarkFixture, fwplan: str, definitions: list[str]) -> None:
    assert _measure(benchmark, [fwplan, "prove", *definitions[:100]]).startswith(b"Proved")
