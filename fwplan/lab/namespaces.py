"""Namespaces of the process's own: who makes them has all rights in them, and none outside.

They are held by processes and descriptors alone, so that they go with those, however those end.
"""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fwplan.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

# linux/sched.h
_NEW_MOUNTS = 0x00020000
_NEW_IPC = 0x08000000
_NEW_USER = 0x10000000
_NEW_PROCESSES = 0x20000000
_NEW_NETWORK = 0x40000000
# sys/mount.h, linux/prctl.h
_PRIVATE_RECURSIVELY = 1 << 18 | 1 << 14
_SET_PARENT_DEATH_SIGNAL = 1

SCRATCH = Path("/dev/shm")  # noqa: S108 - a file system of the lab's own lies over it
"""Where the lab has files. There is such a folder on every Linux, and no program in it."""

_LIBC = ctypes.CDLL(None, use_errno=True)


class NotPermittedError(HostError):
    """The kernel does not let this user make namespaces."""


def leave_the_machine() -> None:
    """Go into namespaces of one's own: of users, mounts, IPC, network and, for children, processes.

    It needs no rights. Nothing that happens in there can be felt outside.

    Raises:
        NotPermittedError: the kernel refuses.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        _call("unshare", _NEW_USER)
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
        _call("unshare", _NEW_MOUNTS | _NEW_IPC | _NEW_PROCESSES | _NEW_NETWORK)
        _call("mount", None, b"/", None, _PRIVATE_RECURSIVELY, None)
        _call("mount", b"fwplan", bytes(SCRATCH), b"tmpfs", 0, None)
    except OSError as error:
        raise NotPermittedError(f"{error.strerror}") from error


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends, however it ends."""
    _call("prctl", _SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)


class NetworkNamespace:
    """A network namespace, held by a descriptor."""

    def __init__(self, descriptor: int) -> None:
        """The one that `descriptor` is of."""
        self.descriptor = descriptor

    @classmethod
    def current(cls) -> NetworkNamespace:
        """The one that the calling thread is in."""
        return cls(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    @classmethod
    def new(cls) -> NetworkNamespace:
        """One that nobody is in; the calling thread stays where it is."""
        home = cls.current()
        try:
            _call("unshare", _NEW_NETWORK)
            return cls.current()
        finally:
            home.enter()
            os.close(home.descriptor)

    def enter(self) -> None:
        """Have the calling thread in it: sockets that it opens belong there for ever, programs that it starts too."""
        _call("setns", self.descriptor, _NEW_NETWORK)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have the calling thread in it for a while."""
        home = self.current()
        try:
            self.enter()
            yield
        finally:
            home.enter()
            os.close(home.descriptor)


def _call(name: str, *arguments: int | bytes | None) -> None:
    if _LIBC[name](*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
