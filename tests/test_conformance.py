"""The comparison with libvirt's test data notices what it is there to notice."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from conformance.__main__ import compare_firewall, main
from fwplan.network.read import read_network
from fwplan.plan.plan import Backend, make_plan
from fwplan.preview.render import Format, render

if TYPE_CHECKING:
    from pathlib import Path

_DEFINITION = b"""<network>
  <name>lab</name>
  <forward mode='nat'/>
  <bridge name='virbr1'/>
  <ip address='10.9.0.1' prefix='24'/>
</network>
"""


def _commands(backend: Backend) -> list[str]:
    return render(make_plan([read_network(_DEFINITION)], backend=backend), Format.COMMANDS).splitlines()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder as a source tree of libvirt has it, with our own definition and what is right for it."""
    suite = tmp_path / "tests" / "networkxml2firewalldata"
    suite.mkdir(parents=True)
    (suite / "lab.xml").write_bytes(_DEFINITION)
    for backend, of_set_up in ((Backend.NFTABLES, 18), (Backend.IPTABLES, 28)):
        commands = _commands(backend)
        (suite / f"base.{backend.value}").write_text(_as_libvirt(commands[:of_set_up]), encoding="utf-8")
        expected = suite / f"lab-linux.{backend.value}"
        expected.write_text(_as_libvirt(commands[of_set_up:]), encoding="utf-8")
    return tmp_path


def _as_libvirt(commands: list[str]) -> str:
    """One argument a line, continued by a backslash; with a query before each command, which is no operation."""
    lines = [" \\\n".join(map(shlex.quote, shlex.split(line.replace("nft ", "nft -ae ", 1)))) for line in commands]
    return "".join(f"nft list table ip libvirt_network\n{line}\n" for line in lines)


def test_what_agrees_is_counted_and_passes(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tree)]) == 0
    printed = capsys.readouterr().out
    assert "firewall suite, nftables: definitions 1 of 1 100 %" in " ".join(printed.split())


def _differs(tree: Path, backend: Backend) -> None:
    expected = tree / "tests" / "networkxml2firewalldata" / f"lab-linux.{backend.value}"
    text = expected.read_text(encoding="utf-8")
    expected.write_text(text.replace("virbr1", "virbr2", 1), encoding="utf-8")


@pytest.mark.parametrize("backend", Backend)
def test_a_command_that_differs_is_noticed(backend: Backend, tree: Path) -> None:
    _differs(tree, backend)
    assert [len(comparison.differences) > 0 for comparison in compare_firewall(tree / "tests")].count(True) == 2


def test_what_differs_is_shown_and_fails(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _differs(tree, Backend.IPTABLES)
    assert main([str(tree)]) == 1
    assert "virbr2" in capsys.readouterr().out


def test_a_missing_a_doubled_and_a_misplaced_command_fail(tree: Path) -> None:
    expected = tree / "tests" / "networkxml2firewalldata" / "lab-linux.nftables"
    commands = _commands(Backend.NFTABLES)[18:]
    for changed in (commands[:-1], [*commands, commands[-1]], commands[::-1]):
        expected.write_text(_as_libvirt(changed), encoding="utf-8")
        assert any(comparison.differences for comparison in compare_firewall(tree / "tests"))


def test_a_folder_that_is_no_source_tree_is_trouble(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "give a libvirt source tree" in capsys.readouterr().err
    assert main([]) == 2
