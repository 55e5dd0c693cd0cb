"""1,000 definitions, and a network namespace that has their bridges."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NETWORKS = 1000

_DEFINITION = """<network>
  <name>net{number}</name>
  <forward mode='nat'/>
  <bridge name='virbr{number}'/>
  <ip address='10.{high}.{low}.1' prefix='24'>
    <dhcp>
      <range start='10.{high}.{low}.2' end='10.{high}.{low}.254'/>
    </dhcp>
  </ip>
</network>
"""


@dataclass(frozen=True)
class Namespace:
    """A network namespace, kept by a process that sleeps in it."""

    keeper: int

    def command(self, *words: str) -> list[str]:
        """The command that runs `words` in it."""
        return ["nsenter", "--target", str(self.keeper), "--net", *words]


@pytest.fixture(scope="session")
def fwplan() -> str:
    """The command, as it is installed beside this Python."""
    return str(Path(sys.executable).with_name("fwplan"))


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """1,000 files, a NAT network each."""
    folder = tmp_path_factory.mktemp("definitions")
    files = []
    for number in range(NETWORKS):
        high, low = divmod(number, 250)
        file = folder / f"net{number:04}.xml"
        file.write_text(_DEFINITION.format(number=number, high=high, low=low), encoding="utf-8")
        files.append(str(file))
    return files


@pytest.fixture(scope="session")
def namespace() -> Iterator[Namespace]:
    """A namespace of this run's own, with a bridge for each network."""
    if shutil.which("nft") is None:
        pytest.skip("needs nft (Debian: nftables)")
    if os.geteuid() != 0:
        # A user namespace would not do: nft may not ask it for the buffer that 10,000 rules need.
        pytest.skip("needs root, for a network namespace")
    keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE)
    try:
        if keeper.stdout is None or not keeper.stdout.readline():
            pytest.skip("needs network namespaces, which this machine does not permit")
        made = Namespace(keeper.pid)
        links = "".join(f"link add virbr{number} type bridge\n" for number in range(NETWORKS))
        subprocess.run(made.command("ip", "-batch", "-"), input=links, text=True, check=True)
        yield made
    finally:
        keeper.kill()
        keeper.communicate()
