"""A kernel that repairs checksums, and one that does not, wherever the tests run.

Where the kernel has act_csum (`modprobe act_csum`), it and tc are used as they are. Where it has not, `tc_with_csum.sh`
stands between: it asks for another action in place of csum. The queues, the filters, their handles and all of tc's
listings are real then too; that packets get their checksums is the one thing that no test here sees.
"""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from fwplan.host.system import System

if TYPE_CHECKING:
    import pytest

_STAND_IN = Path(__file__).with_name("tc_with_csum.sh")
_REFUSES = """#!/bin/sh
case " $* " in *" csum "*) echo "Error: Failed to load TC action module." >&2; exit 2 ;; esac
exec "$REAL_TC" "$@"
"""


def repair_checksums(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """See that the tc which programs find can make filters that compute checksums."""
    if not _kernel_can():
        _put_in_front(monkeypatch, folder, _STAND_IN.read_text(encoding="utf-8"))


def refuse_checksums(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """See that the tc which programs find cannot make filters that compute checksums."""
    if _kernel_can():
        _put_in_front(monkeypatch, folder, _REFUSES)


def _put_in_front(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    real = shutil.which("tc")
    assert real is not None
    (folder / "tc").write_text(text, encoding="utf-8")
    (folder / "tc").chmod(0o755)
    monkeypatch.setenv("REAL_TC", real)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@functools.cache
def _kernel_can() -> bool:
    return System().can_compute_checksums()
