"""Thousands of networks in one transaction, and what the kernel takes from whom."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from apply_command import FWPLAN, Fwplan
from hypothesis import settings
from namespaces import Namespace, needs

from fwplan.host.system import System

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs("nft")

_DEFINITION = """<network>
  <name>net{number}</name>
  <forward mode='nat'/>
  <bridge name='virbr{number}'/>
  <ip address='10.{high}.{low}.1' prefix='24'/>
</network>
"""
_MANY = 4000 if settings.get_current_profile_name() == "long" else 1000
_TOO_MANY = 100
"""Their rules are more than a socket takes by default (212,992 bytes), which only root of the machine may change."""


def _files(folder: Path, networks: int) -> list[str]:
    files = []
    for number in range(networks):
        high, low = divmod(number, 250)
        file = folder / f"{number}.xml"
        file.write_text(_DEFINITION.format(number=number, high=high, low=low), encoding="utf-8")
        files.append(str(file))
    return files


def _links(networks: int) -> str:
    """Interfaces with the names of bridges: no kernel makes a namespace while it takes bridges away, at 16 ms each."""
    return "".join(f"link add virbr{number} type veth peer name peer{number}\n" for number in range(networks))


def test_thousands_of_networks_are_one_transaction(tmp_path: Path) -> None:
    files = _files(tmp_path, _MANY)
    with Namespace() as namespace:
        namespace.run("ip", "-batch", "-", given=_links(_MANY))
        fwplan = Fwplan(namespace, tmp_path / "state")
        before = _generation(namespace)
        assert f"{_MANY * 10 + 6} rules" in fwplan("apply", *files)
        assert _generation(namespace) == before + 1
        assert fwplan("apply", *files).startswith("Nothing to do")
        assert _generation(namespace) == before + 1
        assert "2 tables" in fwplan("remove", *files)
        assert _generation(namespace) == before + 2
        assert not namespace.run("nft", "list", "ruleset")


def test_from_a_user_namespace_too_many_rules_are_refused_and_that_is_said(tmp_path: Path) -> None:
    files = _files(tmp_path, _TOO_MANY)
    commands = f"""
        ip -batch - >/dev/null
        {FWPLAN} apply --state-dir={tmp_path}/state {" ".join(files)}; echo $?
        nft list ruleset
        {FWPLAN} apply --state-dir={tmp_path}/state {" ".join(files[:20])} >&2; echo $?
        nft list ruleset | grep --count masquerade
    """
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", commands],
        input=_links(_TOO_MANY),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stderr.startswith("unshare:"):
        pytest.skip("needs user namespaces, which this machine does not permit")
    assert done.stdout.split() == ["2", "0", "60"], done.stderr
    assert "from a user namespace, and none was made: apply fewer networks in a run" in done.stderr


def _generation(namespace: Namespace) -> int:
    with namespace.entered():
        return System().generation()
