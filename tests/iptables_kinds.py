"""iptables-nft and iptables-legacy under the names that programs call them by: two programs of one syntax."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from namespaces import Namespace

PROGRAMS = ("iptables", "ip6tables")
KINDS = ("nft", "legacy")


def link_programs(namespace: Namespace, kind: str, links: Path) -> None:
    """Make links in a folder, for PATH to begin with; where there is no such kind, the test is skipped."""
    for program in PROGRAMS:
        for part in ("", "-restore", "-save"):
            found = shutil.which(f"{program}-{kind}{part}")
            if found is None:
                pytest.skip(f"there is no program {program}-{kind}{part}")
            (links / f"{program}{part}").symlink_to(found)
    if namespace.attempt(f"{links}/iptables", "--list").returncode != 0:
        pytest.skip(f"the kernel has nothing that iptables-{kind} drives")
