"""`fwplan plan`: what it prints where, its options, and its exit status."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from fwplan.cli.program import program

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

OPEN = "<network><name>lab</name><forward mode='open'/><bridge name='virbr7'/></network>"
NAT = """\
<network>
  <name>desk</name>
  <forward mode='nat'/>
  <bridge name='virbr8'/>
  <ip address='10.20.8.1' prefix='24'/>
</network>
"""
ISOLATED = "<network><name>cell</name><bridge name='virbr9'/></network>"
INVALID = "<network>\n  <name>out</name>\n  <forward mode='nat'/>\n</network>\n"

WHY_OPEN_IS_EMPTY = (
    "fwplan: network 'lab' has no rules: mode 'open' means that the administrator or another system owns the rules: "
    "libvirt adds none, whatever else the definition says\n"
)


def plan(*arguments: str, given: str | bytes = "") -> Result:
    return CliRunner().invoke(program, ["plan", *arguments], input=given)


def commands(*arguments: str) -> list[str]:
    result = plan("--format", "commands", *arguments)
    assert result.exit_code == 0
    return result.stdout.splitlines()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a definition of each sort, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("open", OPEN), ("nat", NAT), ("isolated", ISOLATED), ("invalid", INVALID)):
        (tmp_path / f"{name}.xml").write_text(text)
    return tmp_path


# Status, and what goes where


def test_status_0_and_nothing_on_standard_error_for_a_network_with_rules() -> None:
    result = plan("nat.xml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("network desk · nat, managed, bridge virbr8 · 10 rules, 2 tc steps\n")


def test_the_text_itself_says_why_there_are_no_rules() -> None:
    result = plan("open.xml")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "\n  No rules: mode 'open' means that the administrator or another system owns" in result.stdout


@pytest.mark.parametrize("format_name", ["commands", "nft", "json", "restore"])
def test_what_machines_read_has_the_reason_for_no_rules_on_standard_error(format_name: str) -> None:
    result = plan("--format", format_name, "open.xml")
    assert (result.exit_code, result.stderr) == (0, WHY_OPEN_IS_EMPTY)


def test_status_1_and_nothing_on_standard_output_for_an_invalid_definition() -> None:
    result = plan("nat.xml", "invalid.xml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("invalid.xml:3: <forward>: ")


def test_status_1_for_definitions_that_exclude_each_other(folder: Path) -> None:
    (folder / "twin.xml").write_text(OPEN)
    result = plan("open.xml", "twin.xml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "twin.xml:1: <name>: a network 'lab' was given before" in result.stderr


def test_status_2_and_nothing_on_standard_output_for_a_file_that_is_not_there() -> None:
    result = plan("nat.xml", "missing.xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "fwplan: cannot read missing.xml: No such file or directory\n"


def test_trouble_outweighs_findings_and_both_are_told() -> None:
    result = plan("missing.xml", "invalid.xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["fwplan", "invalid.xml"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--frmat", "nft", "nat.xml"],
        ["--format", "yaml", "nat.xml"],
        ["--backend", "pf", "nat.xml"],
        ["--layout", "other", "nat.xml"],
        ["--width", "10", "nat.xml"],
    ],
)
def test_status_2_for_a_wrong_use(arguments: list[str]) -> None:
    result = plan(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: " in result.stderr


@pytest.mark.parametrize(
    ("format_name", "backend"), [("nft", "iptables"), ("json", "iptables"), ("restore", "nftables")]
)
def test_status_2_for_a_format_that_is_not_for_the_backend(format_name: str, backend: str) -> None:
    result = plan("--format", format_name, "--backend", backend, "nat.xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"fwplan: format '{format_name}' is not for backend '{backend}'\n"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("a&quot;b", ["--format", "text"]),
        ("a&quot;b", ["--format", "commands"]),
        ("a&quot;b", ["--format", "nft"]),
        ("@a", ["--format", "json"]),
        ("a+", ["--format", "text", "--backend", "iptables"]),
        ("a+", ["--format", "commands", "--backend", "iptables"]),
        ("a+", ["--format", "restore"]),
    ],
)
def test_status_2_and_no_part_of_the_plan_for_a_name_that_the_format_cannot_carry(
    name: str, arguments: list[str]
) -> None:
    given = NAT.replace("virbr8", name)
    result = plan(*arguments, "isolated.xml", "-", given=given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot be written" in result.stderr


# Input


def test_standard_input_is_a_file_named_by_a_hyphen() -> None:
    assert plan("-", given=NAT).stdout == plan("nat.xml").stdout
    assert plan("-", given=INVALID).stderr.startswith("-:3: <forward>: ")


def test_several_files_are_planned_together_with_one_set_up() -> None:
    both = commands("nat.xml", "isolated.xml")
    assert both == [*commands("nat.xml"), *commands("--no-setup", "isolated.xml")]


def test_the_text_counts_the_networks() -> None:
    shown = plan("--width", "100", "nat.xml", "open.xml", "isolated.xml").stdout
    assert "\n3 networks, 19 rules, 10 chains, 2 tables, 4 tc steps; nftables in libvirt's layout.\n" in shown


# Options


def test_without_set_up_no_table_and_no_chain_is_made() -> None:
    made = commands("nat.xml")
    own = commands("--no-setup", "nat.xml")
    assert made[-len(own) :] == own
    assert {" ".join(line.split()[:3]) for line in own} == {"nft insert rule", "tc qdisc add", "tc filter add"}


def test_a_format_brings_its_backend() -> None:
    assert plan("--format", "restore", "nat.xml").stdout.startswith("*filter\n")
    assert commands("--backend", "iptables", "nat.xml")[0].startswith("iptables ")


def test_an_open_network_leads_to_no_operation_with_any_option() -> None:
    for backend in ("nftables", "iptables"):
        for options in ([], ["--no-setup"], ["--remove"], ["--firewalld"], ["--remove", "--firewalld", "--no-setup"]):
            assert commands("--backend", backend, *options, "open.xml") == []


def test_firewalld_puts_the_bridge_in_a_zone_before_all_rules() -> None:
    assert commands("--no-setup", "--firewalld", "nat.xml")[0] == (
        "firewall-cmd --zone=libvirt --change-interface=virbr8"
    )


def test_a_zone_that_is_asked_for_without_firewalld_is_told(folder: Path) -> None:
    (folder / "zone.xml").write_text(OPEN.replace("'virbr7'", "'virbr7' zone='lab'"))
    assert plan("zone.xml").stderr == (
        "fwplan: network 'lab' asks for zone 'lab': libvirt starts it only where firewalld runs "
        "(plan with --firewalld)\n"
    )
    assert plan("--firewalld", "zone.xml").stderr == ""


def test_a_removal_warns_that_tables_go_with_all_that_is_in_them() -> None:
    result = plan("--remove", "--format", "nft", "nat.xml")
    assert result.exit_code == 0
    assert "delete table ip libvirt_network\n" in result.stdout
    assert result.stderr == (
        "fwplan: the tables go with all that is in them, the rules of other networks included; "
        "--no-setup with --ruleset takes away these networks' rules only\n"
    )


def test_a_removal_without_set_up_needs_the_rules_of_the_host(folder: Path) -> None:
    refused = plan("--remove", "--no-setup", "--format", "nft", "nat.xml")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "give the host's rules with --ruleset" in refused.stderr
    (folder / "saved.json").write_text('{"nftables": []}')
    told = plan("--remove", "--no-setup", "--format", "nft", "--ruleset", "saved.json", "nat.xml")
    assert told.exit_code == 0
    assert "delete" not in "".join(line for line in told.stdout.splitlines() if not line.startswith("#"))


@pytest.mark.parametrize("saved", ["", "no JSON", "[]", "{}", '{"nftables": 1}', '{"nftables": [{"rule": {}}]}'])
def test_status_2_for_a_ruleset_that_is_none(folder: Path, saved: str) -> None:
    (folder / "saved.json").write_text(saved)
    result = plan("--remove", "--ruleset", "saved.json", "nat.xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "fwplan: not a ruleset as `nft -j -a list ruleset` prints it\n"


def test_status_2_for_a_ruleset_that_is_not_there() -> None:
    result = plan("--remove", "--ruleset", "missing.json", "nat.xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "fwplan: cannot read missing.json: No such file or directory\n"


@pytest.mark.parametrize("width", [40, 80, 160])
def test_the_width_is_that_of_the_terminal_unless_given(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert plan("nat.xml").stdout == plan("--width", str(width), "nat.xml").stdout


def test_help_shows_examples_and_what_each_format_is_for() -> None:
    shown = plan("--help").stdout
    assert "  virsh net-dumpxml default | fwplan plan - " in shown
    for option in ("--backend", "--format", "--remove", "--ruleset", "--no-setup", "--firewalld", "--width"):
        assert f"\n  {option} " in shown


# As a program


def on_a_terminal(*arguments: str, environment: dict[str, str]) -> str:
    """What the program prints on a terminal of its own."""
    main, terminal = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-c", "from fwplan.cli import main; main()", *arguments],
        stdout=terminal,
        env={"PATH": os.environ["PATH"], "COLUMNS": "80", "TERM": "xterm-256color", **environment},
    )
    os.close(terminal)
    shown = b""
    with os.fdopen(main, "rb", buffering=0) as screen:
        try:
            while part := screen.read(65536):
                shown += part
        except OSError:  # Linux: the last program that had the terminal open has ended
            pass
    assert started.wait() == 0
    return shown.decode().replace("\r\n", "\n")


def test_there_is_colour_on_a_terminal_and_the_same_text() -> None:
    shown = on_a_terminal("plan", "nat.xml", environment={})
    assert "\x1b[" in shown
    lines = [_without_colour(line).rstrip() for line in shown.splitlines()]
    assert lines == plan("--width", "80", "nat.xml").stdout.splitlines()


def test_no_color_is_obeyed() -> None:
    assert on_a_terminal("plan", "nat.xml", environment={"NO_COLOR": "1"}) == plan("--width", "80", "nat.xml").stdout


def test_there_is_no_colour_in_what_machines_read() -> None:
    shown = on_a_terminal("plan", "--format", "json", "nat.xml", environment={})
    assert json.loads(shown)["nftables"]


def _without_colour(line: str) -> str:
    first, *rest = line.split("\x1b[")
    return first + "".join(part.partition("m")[2] for part in rest)
