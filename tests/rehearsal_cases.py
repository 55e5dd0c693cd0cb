"""Where rehearsals can be held, and what is rehearsed in tests."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

import fwplan
from fwplan import Network

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "rehearsals"
MODES = ROOT / "examples" / "modes"

CASES: dict[str, tuple[Path, ...]] = {
    **{mode: (MODES / f"{mode}.xml",) for mode in ("nat", "route", "isolated", "open")},
    "modes": tuple(MODES / f"{mode}.xml" for mode in ("nat", "route", "isolated", "open")),
    "nat-ranges": (FOLDER / "nat-ranges.xml",),
    "nat-device": (FOLDER / "nat-device.xml",),
    "route-device": (FOLDER / "route-device.xml", FOLDER / "route-device-2.xml"),
    "wire": (FOLDER / "wire.xml",),
    "isolated-ports": (FOLDER / "isolated-ports.xml",),
    "overlapping": (FOLDER / "overlapping.xml", FOLDER / "overlapping-2.xml"),
}
"""Definitions that are rehearsed together, by a name."""


def networks(case: str) -> list[Network]:
    """The definitions of a case."""
    return [fwplan.load(file) for file in CASES[case]]


def needs_a_lab() -> list[pytest.MarkDecorator]:
    """Marks of a module (its `pytestmark`) whose tests make namespaces of users, and apply both backends in them."""
    return [
        pytest.mark.kernel,
        pytest.mark.program,
        pytest.mark.skipif(not namespaces_are_permitted(), reason="needs user and network namespaces"),
        *(
            pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no program {program}")
            for program in ("nft", "iptables-restore")
        ),
    ]


@functools.cache
def namespaces_are_permitted() -> bool:
    """Whether this user may make namespaces."""
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, check=False).returncode == 0
