"""`python -m benchmarks.control_plane`: whole commands in the layout maps, at 1 to 4,000 networks.

Beside each stands what nft alone takes for the kernel's part of it in the same round: to check or load the script, or
to list the ruleset. The slope is how the time grows between the two largest numbers: 0 not at all, 1 as they do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from math import log
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from fwplan.bench.rulesets import network
from fwplan.network.write import write_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SIZES = (1, 10, 100, 1000, 4000)
_FWPLAN = str(Path(sys.executable).with_name("fwplan"))
_NFT_OF = {
    "plan": "nft -c -f",
    "apply": "nft -f",
    "apply again": "nft -j list ruleset",
    "add one": "nft -j list ruleset",
    "remove one": "nft -j list ruleset",
    "audit": "nft -j list ruleset",
}
"""What nft does for each command."""


@dataclass(frozen=True)
class _Host:
    """A network namespace, kept by a process that sleeps in it, and files."""

    keeper: subprocess.Popen[bytes]
    folder: Path

    def command(self, *words: str) -> list[str]:
        """The command that runs `words` in it."""
        return ["nsenter", "--target", str(self.keeper.pid), "--net", *words]

    def run(self, *words: str) -> float:
        """The seconds that a command takes in it."""
        begun = time.perf_counter()
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)
        taken = time.perf_counter() - begun
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)[:200]}: {done.stderr[-1000:]}")
        return taken


def _files(folder: Path, networks: int) -> list[str]:
    files = []
    for number in range(networks + 1):
        file = folder / f"net{number:05}.xml"
        if not file.exists():
            file.write_bytes(write_network(network(number)))
        files.append(str(file))
    return files


def _round(host: _Host, networks: int) -> Iterator[tuple[str, float]]:
    """(what, seconds), each command beside its part of nft."""
    files = _files(host.folder, networks)
    *many, more = files[: networks + 1]
    state = f"--state-dir={host.folder / 'state'}"
    shutil.rmtree(host.folder / "state", ignore_errors=True)
    script = host.folder / "script.nft"
    loaded = host.folder / "loaded.nft"
    quiet = ("--checksum=off", "--firewalld=off")

    def fwplan(command: str, *arguments: str) -> float:
        return host.run(_FWPLAN, command, *arguments)

    host.run("nft", "flush", "ruleset")
    yield "plan", fwplan("plan", "--layout=maps", "--format=nft", *many)
    script.write_bytes(
        subprocess.run(
            [_FWPLAN, "plan", "--layout=maps", "--format=nft", *many], check=True, capture_output=True
        ).stdout
    )
    yield "nft -c -f", host.run("nft", "-c", "-f", str(script))
    yield "apply", fwplan("apply", state, *quiet, "--layout=maps", *many)
    listed = subprocess.run(host.command("nft", "list", "ruleset"), check=True, capture_output=True).stdout
    loaded.write_bytes(b"flush ruleset\n" + listed)
    yield "nft -f", host.run("nft", "-f", str(loaded))
    yield "apply again", fwplan("apply", state, *quiet, "--layout=maps", *many)
    yield "nft -j list ruleset", host.run("nft", "-j", "list", "ruleset")
    yield "add one", fwplan("apply", state, *quiet, "--layout=maps", more)
    yield "nft -j list ruleset", host.run("nft", "-j", "list", "ruleset")
    yield "remove one", fwplan("remove", state, "--firewalld=off", network(networks).name)
    yield "nft -j list ruleset", host.run("nft", "-j", "list", "ruleset")
    # bridges are not there, which is a finding
    begun = time.perf_counter()
    subprocess.run(
        host.command(_FWPLAN, "audit", "--layout=maps", "--format=prometheus", *many), capture_output=True, check=False
    )
    yield "audit", time.perf_counter() - begun


def measure(sizes: Sequence[int], rounds: int, tell: Callable[[str], None]) -> dict[int, dict[str, list[float]]]:
    """Seconds by number of networks and by what was done, one for each round."""
    found: dict[int, dict[str, list[float]]] = {networks: defaultdict(list) for networks in sizes}
    with tempfile.TemporaryDirectory() as folder:
        keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        try:
            time.sleep(0.2)
            host = _Host(keeper, Path(folder))
            for number in range(1, rounds + 1):
                for networks in sizes:
                    tell(f"round {number} of {rounds}: {networks} networks")
                    for what, seconds in _round(host, networks):
                        found[networks][what].append(seconds)
        finally:
            keeper.kill()
            keeper.wait()
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.control_plane", description=__doc__)
    parser.add_argument("--networks", default=",".join(map(str, _SIZES)), help="numbers of networks")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured")
    parser.add_argument("--json", type=Path, help="keep all figures in a file")
    given = parser.parse_args(arguments)
    if os.geteuid() != 0 or shutil.which("nft") is None:
        print("control plane: left out, as it needs root and nft")
        return 0
    sizes = sorted(int(word) for word in given.networks.split(","))
    load = os.getloadavg()[0]
    found = measure(sizes, given.rounds, lambda text: print(text, file=sys.stderr))
    medians = {size: {what: median(times) for what, times in of_size.items()} for size, of_size in found.items()}
    print(f"layout maps, milliseconds (and as a multiple of nft's part); load {load:.1f} before, {given.rounds} rounds")
    print(f"{'networks':<12}" + "".join(f"{size:>16,}" for size in sizes) + f"{'slope':>8}")
    for what, nft in _NFT_OF.items():
        cells = [
            f"{medians[size][what] * 1000:8.0f} ({medians[size][what] / medians[size][nft]:4.2f})" for size in sizes
        ]
        print(f"{what:<12}" + "".join(f"{cell:>16}" for cell in cells) + f"{_slope(medians, sizes, what):8.2f}")
    for nft in dict.fromkeys(_NFT_OF.values()):
        cells = [f"{medians[size][nft] * 1000:8.0f}       " for size in sizes]
        print(f"{nft[:20]:<12.12}" + "".join(f"{cell:>16}" for cell in cells) + f"{_slope(medians, sizes, nft):8.2f}")
    if given.json is not None:
        given.json.write_text(json.dumps({"load": load, "seconds": found}, indent=1), encoding="utf-8")
    return 0


def _slope(medians: dict[int, dict[str, float]], sizes: Sequence[int], what: str) -> float:
    if len(sizes) < 2:
        return float("nan")
    one, other = sizes[-2], sizes[-1]
    return log(medians[other][what] / medians[one][what]) / log(other / one)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
