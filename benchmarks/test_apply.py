"""Changes of a host: whole processes, beside what nft alone needs for the same."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from benchmarks.conftest import Namespace

_ROUNDS = 5
_OF_LIBVIRT = 200
"""Networks for which one process a rule is run; for 1,000 it would take minutes."""

_ONE_MORE = """<network>
  <name>one-more</name>
  <forward mode='nat'/>
  <bridge name='onemore0'/>
  <ip address='172.20.0.1' prefix='24'><dhcp><range start='172.20.0.2' end='172.20.0.9'/></dhcp></ip>
</network>
"""


@pytest.fixture
def flush(namespace: Namespace) -> Callable[[], None]:
    """Take all rules away."""
    return lambda: _run(namespace.command("nft", "flush", "ruleset"))


@pytest.fixture
def apply(fwplan: str, namespace: Namespace, tmp_path: Path) -> Callable[..., list[str]]:
    """The command that applies files."""
    return lambda *files: namespace.command(fwplan, "apply", f"--state-dir={tmp_path}", *files)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _measure(
    benchmark: BenchmarkFixture, command: list[str], *, before: Callable[[], None] | None = None, rounds: int = _ROUNDS
) -> None:
    def set_up() -> tuple[tuple[list[str]], dict[str, object]]:
        if before is not None:
            before()
        return (command,), {}

    benchmark.pedantic(_run, setup=set_up, rounds=rounds)  # type: ignore[no-untyped-call]


@pytest.fixture
def saved(namespace: Namespace, apply: Callable[..., list[str]], definitions: list[str], tmp_path: Path) -> Path:
    """The ruleset of all networks, as nft lists it; it is loaded as well."""
    _run(apply(*definitions))
    file = tmp_path / "saved.nft"
    listed = subprocess.run(namespace.command("nft", "list", "ruleset"), check=True, capture_output=True).stdout
    file.write_bytes(listed)
    return file


@pytest.mark.benchmark(group="apply 1,000 networks")
def test_apply_1000_networks(
    benchmark: BenchmarkFixture,
    apply: Callable[..., list[str]],
    flush: Callable[[], None],
    definitions: list[str],
) -> None:
    _measure(benchmark, apply(*definitions), before=flush)


@pytest.mark.benchmark(group="apply 1,000 networks")
def test_nft_loads_the_ruleset(
    benchmark: BenchmarkFixture, namespace: Namespace, flush: Callable[[], None], saved: Path
) -> None:
    _measure(benchmark, namespace.command("nft", "-f", str(saved)), before=flush)


@pytest.mark.benchmark(group="1,000 networks are there")
def test_apply_again(
    benchmark: BenchmarkFixture,
    apply: Callable[..., list[str]],
    saved: Path,  # noqa: ARG001 - it has to be loaded
    definitions: list[str],
) -> None:
    _measure(benchmark, apply(*definitions))


@pytest.mark.benchmark(group="1,000 networks are there")
def test_apply_one_more(
    benchmark: BenchmarkFixture,
    apply: Callable[..., list[str]],
    namespace: Namespace,
    fwplan: str,
    saved: Path,  # noqa: ARG001 - it has to be loaded
    tmp_path: Path,
) -> None:
    file = tmp_path / "one-more.xml"
    file.write_text(_ONE_MORE, encoding="utf-8")
    subprocess.run(namespace.command("ip", "link", "add", "onemore0", "type", "bridge"), check=False)
    away = namespace.command(fwplan, "remove", f"--state-dir={tmp_path}", "one-more")
    _run(apply(str(file)))
    _measure(benchmark, apply(str(file)), before=lambda: _run(away))


@pytest.mark.benchmark(group="1,000 networks are there")
def test_nft_lists_the_ruleset(
    benchmark: BenchmarkFixture,
    namespace: Namespace,
    saved: Path,  # noqa: ARG001 - it has to be loaded
) -> None:
    _measure(benchmark, namespace.command("nft", "-j", "list", "ruleset"))


@pytest.mark.benchmark(group="apply 200 networks")
def test_apply_200_networks(
    benchmark: BenchmarkFixture,
    apply: Callable[..., list[str]],
    flush: Callable[[], None],
    definitions: list[str],
) -> None:
    _measure(benchmark, apply(*definitions[:_OF_LIBVIRT]), before=flush)


@pytest.mark.benchmark(group="apply 200 networks")
def test_one_process_a_rule(
    benchmark: BenchmarkFixture, namespace: Namespace, flush: Callable[[], None], fwplan: str, definitions: list[str]
) -> None:
    planned = subprocess.run(
        [fwplan, "plan", "--format=commands", *definitions[:_OF_LIBVIRT]], check=True, capture_output=True, text=True
    ).stdout
    commands = "".join(f"{line}\n" for line in planned.splitlines() if line.startswith("nft "))

    def run() -> None:
        subprocess.run(namespace.command("sh", "-e"), input=commands, text=True, check=True, capture_output=True)

    benchmark.pedantic(run, setup=flush, rounds=1)  # type: ignore[no-untyped-call]
