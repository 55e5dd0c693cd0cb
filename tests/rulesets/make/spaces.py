"""Network namespaces by name, in a mount namespace of our own, so that no name of them is seen by the machine."""

from __future__ import annotations

import ctypes
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of linux/sched.h."""
_LIBC = ctypes.CDLL(None, use_errno=True)

HOST = ""
"""The name of the namespace that the process itself is in: the host that the ruleset is for."""


def run(*command: str, given: str = "") -> str:
    """What a program prints that has to succeed.

    Raises:
        RuntimeError: it failed; the message has what it said.
    """
    done = subprocess.run(command, input=given, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


@contextmanager
def inside(space: str) -> Iterator[None]:
    """The calling thread in a namespace: sockets that it opens belong to it, and stay there."""
    if space == HOST:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{space}", os.O_RDONLY)
    try:
        _enter(there)
        yield
    finally:
        _enter(home)
        os.close(there)
        os.close(home)


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _NEW_NETWORK) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
