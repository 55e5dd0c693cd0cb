"""A real firewalld that guards a network namespace of the test's own, on a D-Bus of its own.

It is Debian's, run from where `scripts/test-programs.sh` has unpacked it: it is not installed, so that nothing guards
the machine itself. Its settings, and what it keeps under /run, are the test's own too.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from jeepney import DBusAddress, DBusErrorResponse, new_method_call
from jeepney.io.blocking import open_dbus_connection
from jeepney.wrappers import unwrap_msg
from namespaces import needs

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from namespaces import Namespace

_UNPACKED = Path(sys.prefix) / "firewalld"
_SYSTEM_PYTHON = "/usr/bin/python3"
_START = 30.0
"""Seconds that firewalld may take to start on a busy machine; it takes a third of one."""

_BUS = """<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
_SETTINGS = """\
DefaultZone=public
CleanupOnExit=yes
FirewallBackend=nftables
"""
_ZONES = {
    "libvirt": '<zone target="ACCEPT"><service name="dhcp"/><service name="dns"/></zone>',
    "libvirt-routed": "<zone/>",
}
_POLICY = """\
<policy target="ACCEPT"><ingress-zone name="libvirt-routed"/><egress-zone name="ANY"/></policy>
"""


def needs_firewalld() -> list[pytest.MarkDecorator]:
    """Marks of a module (its `pytestmark`) whose tests need a real firewalld."""
    return [*needs("nft", "dbus-daemon"), pytest.mark.skipif(bool(_why_not()), reason=_why_not())]


def _program() -> Path | None:
    for root in (_UNPACKED, Path("/")):
        if (root / "usr/sbin/firewalld").exists():
            return root / "usr/sbin/firewalld"
    return None


def _why_not() -> str:
    if _program() is None:
        return "there is no firewalld (make test as root unpacks one)"
    modules = subprocess.run(
        [_SYSTEM_PYTHON, "-c", "import dbus, firewall, gi, nftables"], check=False, capture_output=True
    )
    return "" if modules.returncode == 0 else "firewalld lacks its modules of Python (Debian: python3-firewall)"


@functools.cache
def _with_own_run() -> tuple[str, ...]:
    """How a command comes to a /run of its own; in a mere chroot, where nobody may unmount anything, it has none."""
    may = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0
    return ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh") if may else ()


class RealFirewalld:
    """firewalld and its bus; a context manager that ends both.

    Attributes:
        address: of the bus, for DBUS_SYSTEM_BUS_ADDRESS.
    """

    def __init__(self, namespace: Namespace) -> None:
        """Start both in `namespace`."""
        self._namespace = namespace
        # not pytest's folder: the name of a socket has to be short
        self._folder = Path(tempfile.mkdtemp(prefix="fwplan"))
        self.address = f"unix:path={self._folder}/bus"
        settings = self._folder / "bus.conf"
        settings.write_text(_BUS.format(socket=self._folder / "bus"), encoding="utf-8")
        self._bus = self._start("dbus-daemon", f"--config-file={settings}", "--nofork", "--nopidfile")
        self._daemon: subprocess.Popen[bytes] | None = None
        self._write_settings()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._close()

    def start(self) -> None:
        """Start firewalld, and wait until it answers."""
        program = _program()
        assert program is not None
        default = program.parent.parent / "lib/firewalld"
        command = (
            _SYSTEM_PYTHON, program, "--nofork", "--nopid", "--system-config", self._folder / "etc",
            "--default-config", default, "--log-target", "console",
        )  # fmt: skip
        self._daemon = self._start(*_with_own_run(), *map(str, command))
        end = time.monotonic() + _START
        while True:
            try:
                self.ask("getZones")
            except (OSError, DBusErrorResponse):
                assert time.monotonic() < end, f"firewalld did not start: {self._said()}"
                time.sleep(0.05)
            else:
                return

    def reset(self) -> None:
        """Forget which interfaces are in which zones."""
        for zone, members in self.ask("getActiveZones").items():
            for interface in members.get("interfaces", ()):
                self.ask("removeInterface", zone, interface)

    def stop(self) -> None:
        """End firewalld; its bus goes on."""
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait()
            self._daemon = None

    def ask(self, method: str, *words: str, interface: str = "zone") -> Any:  # noqa: ANN401 - a value of D-Bus
        """What firewalld answers."""
        name = "org.fedoraproject.FirewallD1"
        on = f"{name}.{interface}" if interface else name
        address = DBusAddress("/org/fedoraproject/FirewallD1", bus_name=name, interface=on)
        connection = open_dbus_connection(self.address)
        try:
            message = new_method_call(address, method, "s" * len(words) or None, words)
            return (*unwrap_msg(connection.send_and_get_reply(message, timeout=_START)), None)[0]
        finally:
            connection.close()

    def zone_of(self, interface: str) -> str:
        """The zone that an interface was put in; empty for none."""
        return str(self.ask("getZoneOfInterface", interface))

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with self._namespace.entered(), (self._folder / "log").open("a", encoding="utf-8") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address},
            )

    def _said(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8")

    def _write_settings(self) -> None:
        folder = self._folder / "etc"
        for name in ("zones", "policies"):
            (folder / name).mkdir(parents=True)
        (folder / "firewalld.conf").write_text(_SETTINGS, encoding="utf-8")
        for zone, text in _ZONES.items():
            (folder / "zones" / f"{zone}.xml").write_text(text, encoding="utf-8")
        (folder / "policies" / "libvirt-routed-out.xml").write_text(_POLICY, encoding="utf-8")

    def _close(self) -> None:
        self.stop()
        self._bus.terminate()
        self._bus.wait()
        shutil.rmtree(self._folder)
