"""Every effect on a machine, one method each: nothing else in fwplan changes anything.

Whatever can fail, or be the last thing that a process does, is one of these calls, so that a test can make each of
them fail in turn.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwplan.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Sequence

_CAP_NET_ADMIN = 12
_GENERATION_REQUEST = (10 << 8) | 16
"""NFNL_SUBSYS_NFTABLES and NFT_MSG_GETGEN of linux/netfilter/nf_tables.h."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended."""

    status: int
    output: str
    errors: str


class System:
    """The machine that the process runs on, as seen from its network namespace."""

    def nft(self, commands: str) -> str:
        """Give commands to libnftables, as one transaction; rules are listed as JSON, with handles.

        Raises:
            HostError: libnftables is not there, or the kernel refused; nothing is changed then.
        """
        try:
            import nftables  # noqa: PLC0415 - loads a library, which only this needs

            library = nftables.Nftables()
        except (ImportError, OSError) as error:
            message = f"libnftables cannot be loaded ({error}): install it (Debian: libnftables1)"
            raise HostError(message) from None
        library.set_json_output(True)
        library.set_handle_output(True)
        status, output, errors = library.cmd(commands)
        if status != 0:
            raise HostError(f"nftables: {_first_line(errors)}")
        return str(output)

    def generation(self) -> int:
        """The number of the kernel's ruleset: it changes with every transaction of anybody.

        Raises:
            HostError: the kernel has no nf_tables, or does not answer.
        """
        header = struct.pack("=IHHII", 20, _GENERATION_REQUEST, 1, 1, 0) + struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
                netlink.settimeout(5)
                netlink.send(header)
                answer = netlink.recv(4096)
        except OSError as error:
            raise HostError(f"the kernel does not answer for nf_tables: {error.strerror or error}") from None
        (kind,) = struct.unpack_from("=H", answer, 4)
        if kind != (10 << 8) | 15:
            raise HostError("the kernel has no nf_tables (module nf_tables)")
        (number,) = struct.unpack_from("!I", answer, 24)
        return int(number)

    def run(self, command: Sequence[str], given: str = "") -> Completed:
        """Run a program to its end, with `given` as its standard input.

        Raises:
            HostError: there is no such program.
        """
        try:
            done = subprocess.run(  # noqa: S603 - only programs that are named here and in the backends
                command,
                input=given,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="surrogateescape",
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except FileNotFoundError:
            raise HostError(f"there is no program {command[0]}") from None
        except OSError as error:
            raise HostError(f"{command[0]} cannot be run: {error.strerror}") from None
        return Completed(done.returncode, done.stdout, done.stderr)

    def interfaces(self) -> dict[str, int]:
        """The index of each interface, by name."""
        return {name: index for index, name in socket.if_nameindex()}

    def may_change_networking(self) -> bool:
        """Whether the process has CAP_NET_ADMIN."""
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_NET_ADMIN & 1)
        return False

    def read(self, path: Path) -> bytes | None:
        """The content of a file; None when there is none.

        Raises:
            HostError: it cannot be read.
        """
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _file_error("read", path, error) from None

    def write(self, path: Path, content: bytes) -> None:
        """Write a file, and wait until it is on the disk.

        Raises:
            HostError: it cannot be written.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb", closefd=False) as stream:
                    stream.write(content)
                if path.is_file() and not path.is_relative_to("/proc"):
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _file_error("write", path, error) from None

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in place of any that has it.

        Raises:
            HostError: it cannot be renamed.
        """
        try:
            old.replace(new)
            directory = os.open(new.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise _file_error("rename", old, error) from None

    def remove(self, path: Path) -> None:
        """Delete a file, if it is there.

        Raises:
            HostError: it cannot be deleted.
        """
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _file_error("delete", path, error) from None

    def make_directory(self, path: Path) -> None:
        """Make a directory that only its owner enters, unless it is there.

        Raises:
            HostError: it cannot be made.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _file_error("make", path, error) from None

    def lock(self, path: Path) -> int | None:
        """Lock a file until the process ends or the descriptor is closed; None while another process has it.

        Raises:
            HostError: it cannot be opened.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _file_error("open", path, error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                return None
            raise _file_error("lock", path, error) from None
        return descriptor

    def unlock(self, descriptor: int) -> None:
        """Give a lock back."""
        os.close(descriptor)

    def now(self) -> float:
        """Seconds since the machine started: no change of the clock moves it."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def read_json(system: System, path: Path) -> Any | None:  # noqa: ANN401 - what a file holds, its reader checks
    """What a file of fwplan's own holds; None when there is none.

    Raises:
        HostError: it cannot be read, or is not JSON.
    """
    content = system.read(path)
    if content is None:
        return None
    try:
        return json.loads(content)
    except ValueError:
        raise HostError(f"{path} is damaged: move it away, and look at the host's rules with `fwplan plan`") from None


def write_json(system: System, path: Path, document: object) -> None:
    """Write a file of fwplan's own, so that there is always the old one or the new one, whole.

    Raises:
        HostError: it cannot be written.
    """
    new = path.with_suffix(".new")
    system.write(new, json.dumps(document, separators=(",", ":")).encode())
    system.rename(new, path)


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else "it failed without a word"


def _file_error(what: str, path: Path, error: OSError) -> HostError:
    return HostError(f"cannot {what} {path}: {error.strerror or error}")
