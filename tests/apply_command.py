"""`fwplan` as its user runs it, in a namespace of the test's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from namespaces import Namespace

FWPLAN = str(Path(sys.executable).with_name("fwplan"))


class Fwplan:
    """The command, with a state folder of the test's own."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        """Run it in `namespace`, with its files in `folder`."""
        self.namespace = namespace
        self.folder = folder

    def attempt(self, command: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command that changes a host, whatever comes of it."""
        return self.namespace.attempt(FWPLAN, command, f"--state-dir={self.folder}", *arguments, given=given)

    def __call__(self, command: str, *arguments: str, given: str = "") -> str:
        """What a command prints that has to succeed."""
        done = self.attempt(command, *arguments, given=given)
        assert done.returncode == 0, f"fwplan {command}: status {done.returncode}: {done.stderr}"
        return done.stdout

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command, and do not wait for it."""
        with self.namespace.entered():
            return subprocess.Popen(
                [FWPLAN, command, f"--state-dir={self.folder}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )


def definition(
    name: str = "lab", bridge: str = "virbr1", subnet: str = "192.168.9", forward: str = "<forward mode='nat'/>"
) -> str:
    """A small network with DHCP."""
    return f"""<network>
  <name>{name}</name>
  {forward}
  <bridge name='{bridge}'/>
  <ip address='{subnet}.1' netmask='255.255.255.0'>
    <dhcp><range start='{subnet}.2' end='{subnet}.99'/></dhcp>
  </ip>
</network>
"""
