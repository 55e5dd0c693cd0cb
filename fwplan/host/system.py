"""Every effect on a machine, one method each: nothing else in fwplan changes anything.

Whatever can fail, or be the last thing that a process does, is one of these calls, so that a test can make each of
them fail in turn.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from fwplan.errors import HostError
from fwplan.host import firewalld, reading, tc
from fwplan.nft.listing import read_listing
from fwplan.nft.transaction import script

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from fwplan.host.firewalld import Firewalld
    from fwplan.nft.listing import Listing, Name
    from fwplan.nft.objects import Table
    from fwplan.nft.transaction import Edit
    from fwplan.plan.checksums import QueueEdit, Queueing

_TOO_LONG = os.strerror(errno.EMSGSIZE)
# libnftables keeps what it knows of interfaces in one place for all its contexts: two threads in it crash the process.
_ONE_AT_A_TIME = Lock()
_CAP_NET_ADMIN = 12
_SO_NETNS_COOKIE = 71
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

    def load_nftables(self) -> None:
        """See that there is libnftables.

        Raises:
            HostError: there is none.
        """
        with _ONE_AT_A_TIME:
            _nftables()

    def list_nftables(self, tables: Iterable[Table]) -> Listing:
        """What those of the tables hold that there are, with handles.

        Raises:
            HostError: libnftables is not there, or the kernel does not answer.
        """
        return reading.tables(_listed, tables)

    def list_nftables_outline(self, tables: Iterable[Table], maps: Iterable[str]) -> Listing:
        """Only the chains of those of the tables that there are, and maps of these names with their elements.

        Raises:
            HostError: libnftables is not there, or the kernel does not answer.
        """
        return reading.outline(_listed, tables, maps)

    def list_nftables_rules(self, outline: Listing, chains: Iterable[Name]) -> Listing:
        """An outline with the rules of those of the chains that there are, and perhaps of others.

        Raises:
            HostError: libnftables is not there, or the kernel does not answer.
        """
        return reading.with_rules(_listed, outline, chains)

    def list_ruleset(self) -> str:
        """All that the host has of nftables, with handles, as JSON.

        Raises:
            HostError: libnftables is not there, or the kernel does not answer.
        """
        status, output, errors = _nft("list ruleset")
        if status != 0:
            raise HostError(f"nftables: {_first_line(errors)}")
        return output

    def commit_nftables(self, edits: Iterable[Edit]) -> None:
        """Make edits, all or none of them: one transaction of the kernel.

        Raises:
            HostError: libnftables is not there, or the kernel refused; nothing is changed then.
            NotExpressibleError: nft's syntax cannot carry the name of an interface.
        """
        status, _, errors = _nft(script(edits))
        if _TOO_LONG in errors:
            raise HostError(
                "nftables: the kernel does not take so many rules at once from a user namespace, and none was made: "
                "apply fewer networks in a run, or raise net.core.wmem_default outside of the namespace"
            )
        if status != 0:
            raise HostError(f"nftables: {_first_line(errors)}")

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

    def has_program(self, name: str) -> bool:
        """Whether there is a program of that name."""
        return shutil.which(name) is not None

    def queueing(self, bridges: Iterable[str], going: AbstractSet[str] = frozenset()) -> dict[str, Queueing]:
        """The queues of those of the bridges that have some of their own.

        Args:
            bridges: the bridges that are asked about.
            going: those of them whose queue may be taken away, so that classes on it matter.

        Raises:
            HostError: tc is not there, or cannot tell.
        """
        return tc.read_queueing(self.run, bridges, going)

    def change_queueing(self, edits: Iterable[QueueEdit]) -> None:
        """Make edits of queues, one after the other: those before one that fails are made.

        Raises:
            HostError: tc is not there, or the kernel refused.
        """
        tc.make_edits(self.run, edits)

    def can_compute_checksums(self) -> bool:
        """Whether the kernel can compute checksums in a filter; nothing of the host is changed to find out.

        Raises:
            HostError: there is no program for it.
        """
        return tc.can_compute_checksums(self.run)

    def firewalld(self) -> Firewalld | None:
        """What the firewalld of this network namespace knows of zones; None where none runs.

        Raises:
            HostError: it does not answer.
        """
        return firewalld.find()

    def change_zone(self, zone: str, interface: str) -> None:
        """Put an interface in a zone of firewalld, out of any that it is in.

        Raises:
            HostError: firewalld does not run, or refused.
        """
        firewalld.change_zone(zone, interface)

    def leave_zone(self, zone: str, interface: str) -> None:
        """Take an interface out of its zone of firewalld.

        Raises:
            HostError: firewalld does not run, or refused.
        """
        firewalld.leave_zone(zone, interface)

    def interfaces(self) -> dict[str, int]:
        """The index of each interface, by name.

        Raises:
            HostError: the kernel does not answer.
        """
        try:
            return {name: index for index, name in socket.if_nameindex()}
        except OSError as error:
            raise HostError(f"the kernel does not list its interfaces: {error.strerror}") from None

    def may_change_networking(self) -> bool:
        """Whether the process has CAP_NET_ADMIN.

        Raises:
            HostError: the kernel does not tell.
        """
        for line in (self.read(Path("/proc/self/status")) or b"").splitlines():
            if line.startswith(b"CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_NET_ADMIN & 1)
        return False

    def setting(self, name: str) -> str:
        """A setting of the kernel, named as for sysctl(8); empty where the kernel does not have it.

        Raises:
            HostError: it cannot be read.
        """
        return (self.read(_setting_file(name)) or b"").decode().strip()

    def change_setting(self, name: str, value: str) -> None:
        """Change a setting of the kernel.

        Raises:
            HostError: the kernel refused, or does not have it.
        """
        path = _setting_file(name)
        try:
            path.write_bytes(f"{value}\n".encode())
        except OSError as error:
            raise _file_error("write", path, error) from None

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

    def namespace(self) -> str:
        """What names the network namespace of the process, until the machine is started anew: no other has had it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            try:
                cookie = own.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
            except OSError:  # before Linux 5.14; an inode may come back once the namespace is gone
                return f"inode-{Path('/proc/self/ns/net').stat().st_ino}"
        return f"net-{int.from_bytes(cookie, sys.byteorder)}"

    def boot(self) -> str:
        """What names this run of the machine.

        Raises:
            HostError: the kernel does not tell.
        """
        return self.setting("kernel.random.boot_id")

    def start_guardian(self, folder: Path, deadline: float) -> None:
        """Start a process of its own that undoes, at the deadline, what nobody has confirmed; it outlives this one.

        Raises:
            HostError: it cannot be started.
        """
        try:
            subprocess.Popen(  # noqa: S603 - this Python, and a module of fwplan's own
                [sys.executable, "-m", "fwplan.host.guardian", str(folder), str(deadline)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"the process that would undo the change cannot be started: {error.strerror}") from None

    def process(self) -> int:
        """The number of this process."""
        return os.getpid()

    def now(self) -> float:
        """Seconds since the machine started: no change of the clock moves it."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def _nft(commands: str) -> tuple[int, str, str]:
    """What libnftables makes of commands: status, JSON, errors."""
    with _ONE_AT_A_TIME:
        library = _nftables()
        library.set_json_output(True)
        library.set_handle_output(True)
        status, output, errors = library.cmd(commands)
        del library
    return status, output, errors


def _listed(what: str) -> Listing | None:
    """What nft lists; None where the kernel has no such thing."""
    status, output, errors = _nft(f"list {what}")
    if status == 0:
        return read_listing(output)
    # Asking for a table that may not be there costs nothing; `list tables` reads all rules first.
    if errors.startswith("Error: No such file or directory"):
        return None
    raise HostError(f"nftables: {_first_line(errors)}")


def _nftables() -> Any:  # noqa: ANN401 - python-nftables carries no types
    try:
        import nftables  # noqa: PLC0415 - loads a library, which only this needs

        return nftables.Nftables()
    except (ImportError, OSError) as error:
        raise HostError(f"libnftables cannot be loaded ({error}): install it (Debian: libnftables1)") from None


def _setting_file(name: str) -> Path:
    """The file of a setting; the name of an interface in it has `/` for a dot, as for sysctl(8)."""
    return Path("/proc/sys", *(part.replace("/", ".") for part in name.split(".")))


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else "it failed without a word"


def _file_error(what: str, path: Path, error: OSError) -> HostError:
    return HostError(f"cannot {what} {path}: {error.strerror or error}")
