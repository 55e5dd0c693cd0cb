"""Network namespaces of a test's own, so that the real kernel can be asked without a change to the machine.

A namespace is held open by a descriptor alone: it goes, with its interfaces and rules, when it is closed or when the
process ends, however it ends. Making one takes a few milliseconds; a test of many examples makes one and flushes it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

fewer_examples = settings(max_examples=max(settings().max_examples // 4, 1), deadline=None)
"""For properties that the kernel is asked about: an answer takes it tens of milliseconds, most of it waiting."""

_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of linux/sched.h."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace in which nobody else is; a context manager that closes it."""

    def __init__(self) -> None:
        with _back_home():
            _call("unshare", _NEW_NETWORK)
            self._descriptor = _own_namespace()
        self._interfaces: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread inside: sockets that it opens, and programs that it starts, belong to the namespace."""
        with _back_home():
            _call("setns", self._descriptor, _NEW_NETWORK)
            yield

    def attempt(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program inside, with `given` as its standard input."""
        with self.entered():
            return subprocess.run(
                command,
                input=given,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )

    def run(self, *command: str, given: str = "") -> str:
        """What a program prints that has to succeed."""
        done = self.attempt(*command, given=given)
        assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}: {done.stderr}\n{given}"
        return done.stdout

    def bridges(self, names: Iterable[str]) -> None:
        """See that there are bridges of these names."""
        missing = set(names) - self._interfaces
        for name in sorted(missing):
            self.run("ip", "link", "add", "name", name, "type", "bridge")
        self._interfaces |= missing

    def flush(self) -> None:
        """Take all rules away that are nftables', which those of iptables-nft are; interfaces stay."""
        self.run("nft", "flush", "ruleset")


def needs(*programs: str) -> list[pytest.MarkDecorator]:
    """Marks of a module (its `pytestmark`) whose tests need network namespaces and these programs."""
    return [
        pytest.mark.kernel,
        pytest.mark.program,
        pytest.mark.skipif(bool(_why_not()), reason=_why_not()),
        *(
            pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no program {program}")
            for program in ("ip", *programs)
        ),
    ]


@functools.cache
def _why_not() -> str:
    try:
        Namespace().__exit__(None, None, None)
    except OSError as error:
        return f"needs root and network namespaces: {error.strerror}"
    return ""


def _own_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


@contextmanager
def _back_home() -> Iterator[None]:
    """Return to the namespace of now, whatever happens."""
    home = _own_namespace()
    try:
        yield
    finally:
        try:
            _call("setns", home, _NEW_NETWORK)
        finally:
            os.close(home)


def _call(name: str, *arguments: int) -> None:
    if _LIBC[name](*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
