"""Whole processes, as a user starts them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from benchmarks.conftest import Namespace

_ROUNDS = 9


def _run(command: list[str]) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout


def _measure(benchmark: BenchmarkFixture, command: list[str], rounds: int) -> bytes:
    output: bytes = benchmark.pedantic(_run, (command,), rounds=rounds, warmup_rounds=1)  # type: ignore[no-untyped-call]
    return output


@pytest.fixture(scope="session")
def script(fwplan: str, definitions: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nft script of all networks."""
    file = tmp_path_factory.mktemp("script") / "all.nft"
    file.write_bytes(_run([fwplan, "plan", "--format", "nft", *definitions]))
    return file


@pytest.mark.benchmark(group="1,000 networks")
def test_preview_of_1000_networks(benchmark: BenchmarkFixture, fwplan: str, definitions: list[str]) -> None:
    command = [fwplan, "plan", "--format", "nft", *definitions]
    assert _measure(benchmark, command, _ROUNDS).count(b"\ninsert rule ") == 10_006


@pytest.mark.benchmark(group="1,000 networks")
def test_nft_checks_the_script(benchmark: BenchmarkFixture, namespace: Namespace, script: Path) -> None:
    command = namespace.command("nft", "-c", "-f", str(script))
    _measure(benchmark, command, _ROUNDS)


@pytest.mark.benchmark(group="1 network")
def test_preview_of_1_network(benchmark: BenchmarkFixture, fwplan: str, definitions: list[str]) -> None:
    command = [fwplan, "plan", definitions[0]]
    assert b"net0" in _measure(benchmark, command, 3 * _ROUNDS)


@pytest.mark.benchmark(group="1 network")
def test_python_imports_lxml(benchmark: BenchmarkFixture) -> None:
    command = [sys.executable, "-c", "import lxml.etree"]
    _measure(benchmark, command, 3 * _ROUNDS)
