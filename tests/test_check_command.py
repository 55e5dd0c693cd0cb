"""`fwplan check`: what it prints where, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from fwplan.cli.program import program

if TYPE_CHECKING:
    from click.testing import Result

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.xml"))

VALID = "<network>\n  <name>lab</name>\n</network>\n"
WARNED = "<network>\n  <name>wire</name>\n  <frwd/>\n</network>\n"
INVALID = "<network>\n  <name>out</name>\n  <uuid>5</uuid>\n  <forward mode='bridged'/>\n</network>\n"


def check(*arguments: str, given: str | bytes = "") -> Result:
    return CliRunner().invoke(program, ["check", *arguments], input=given)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file of each sort, in which the command runs."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("valid", VALID), ("warned", WARNED), ("invalid", INVALID)):
        (tmp_path / f"{name}.xml").write_text(text)
    return tmp_path


# Exit status


def test_status_0_and_nothing_on_standard_output_for_valid_definitions() -> None:
    result = check("valid.xml")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 definition: no errors, no warnings\n"


def test_the_examples_have_no_error_and_no_warning_each_and_together() -> None:
    result = check("--strict", *map(str, EXAMPLES))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{len(EXAMPLES)} definitions: no errors, no warnings\n"


def test_status_1_and_a_line_for_each_error_of_an_invalid_definition() -> None:
    result = check("invalid.xml")
    assert result.exit_code == 1
    modes = "none, nat, route, open, bridge, private, vepa, passthrough, hostdev"
    assert result.stdout.splitlines() == [
        "invalid.xml:3: <uuid>: '5' is not a UUID; write 32 hexadecimal digits, or leave it out: libvirt makes one",
        f"invalid.xml:4: <forward>: forward mode 'bridged' is unknown; use one of: {modes}",
    ]
    assert result.stderr == "1 definition: 2 errors, no warnings\n"


def test_status_0_for_a_warning_and_1_with_strict() -> None:
    line = "warned.xml:3: warning: <frwd>: <frwd> is unknown here: libvirt ignores it; was 'forward' meant?\n"
    assert (check("warned.xml").exit_code, check("warned.xml").stdout) == (0, line)
    assert (check("--strict", "warned.xml").exit_code, check("--strict", "warned.xml").stdout) == (1, line)


def test_status_2_for_a_file_that_is_not_there() -> None:
    result = check("missing.xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "fwplan: cannot read missing.xml: No such file or directory\n" in result.stderr


def test_status_2_for_a_folder_and_a_hint_to_the_files_in_it(folder: Path) -> None:
    result = check(str(folder))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{folder} is a folder: give the files in it, such as {folder}/*.xml" in result.stderr


def test_status_2_for_a_file_that_opens_and_cannot_be_read() -> None:
    result = check("/proc/self/mem")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "fwplan: cannot read /proc/self/mem: Input/output error\n" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--frmat", "json", "valid.xml"], ["--format", "yaml", "valid.xml"]])
def test_status_2_for_a_wrong_use(arguments: list[str]) -> None:
    result = check(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: " in result.stderr


def test_a_wrong_option_is_told_with_the_one_that_was_meant() -> None:
    assert "--format" in check("--frmat", "json", "valid.xml").stderr


def test_trouble_outweighs_findings_and_all_files_are_still_looked_at() -> None:
    result = check("missing.xml", "invalid.xml", "warned.xml")
    assert result.exit_code == 2
    assert [line.split(": ")[0] for line in result.stdout.splitlines()] == [
        "invalid.xml:3",
        "invalid.xml:4",
        "warned.xml:3",
    ]
    assert result.stderr.endswith("3 definitions: 2 errors, 1 warning\n")


# Input


def test_standard_input_is_a_file_named_by_a_hyphen() -> None:
    result = check("-", given=INVALID)
    assert result.exit_code == 1
    assert result.stdout.startswith("-:3: <uuid>: ")
    assert check("-", given=VALID).exit_code == 0


def test_a_file_whose_name_begins_with_a_hyphen_comes_after_two() -> None:
    Path("-odd.xml").write_text(INVALID, encoding="utf-8")
    assert check("--", "-odd.xml").stdout.startswith("-odd.xml:3: ")


def test_definitions_are_checked_as_for_one_host() -> None:
    Path("twin.xml").write_text(VALID, encoding="utf-8")
    result = check("valid.xml", "twin.xml")
    assert result.exit_code == 1
    assert result.stdout == "twin.xml:2: <name>: a network 'lab' was given before; rename one of them\n"


def test_an_invalid_definition_has_no_conflict_with_others() -> None:
    """What is wrong with it is told; what it would collide with, once it is right, nobody knows."""
    Path("broken.xml").write_text("<network><name>lab</name><mtu size='1'/></network>", encoding="utf-8")
    assert check("valid.xml", "broken.xml").stdout.count("\n") == 1


def test_a_name_cannot_make_a_second_line_or_move_the_cursor() -> None:
    text = "<network><name>lab</name><forward mode='&#10;lab.xml:1: fine&#27;[2J&#x9b;'/></network>"
    for output in (check("-", given=text.replace("&#27;", "&#13;")).stdout, check("-", given=text).stdout):
        assert output.count("\n") == 1
        assert output.rstrip("\n").isprintable()


# JSON


def test_json_has_every_problem_with_its_place() -> None:
    result = check("--format", "json", "warned.xml", "invalid.xml")
    assert result.exit_code == 1
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert set(document) == {"fwplan", "problems"}
    assert document["fwplan"] == 1
    assert document["problems"][0] == {
        "file": "warned.xml",
        "line": 3,
        "severity": "warning",
        "path": "frwd",
        "element": "<frwd>",
        "message": "<frwd> is unknown here: libvirt ignores it",
        "advice": "was 'forward' meant?",
    }
    assert [(problem["file"], problem["line"], problem["severity"]) for problem in document["problems"][1:]] == [
        ("invalid.xml", 3, "error"),
        ("invalid.xml", 4, "error"),
    ]


def test_json_of_a_valid_definition_has_no_problem() -> None:
    assert json.loads(check("--format", "json", "valid.xml").stdout) == {"fwplan": 1, "problems": []}


def test_json_says_what_cannot_be_read_on_standard_error() -> None:
    result = check("--format", "json", "missing.xml", "invalid.xml")
    assert result.exit_code == 2
    assert len(json.loads(result.stdout)["problems"]) == 2
    assert result.stderr == "fwplan: cannot read missing.xml: No such file or directory\n"


# As a program


def fwplan(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from fwplan.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def test_the_program_ends_with_the_status_of_the_command() -> None:
    assert fwplan("check", "valid.xml").returncode == 0
    assert fwplan("check", "invalid.xml").returncode == 1
    assert fwplan("check", "missing.xml").returncode == 2
    assert fwplan("czeck", "valid.xml").returncode == 2


def test_standard_input_that_is_closed_is_trouble_and_no_traceback() -> None:
    closed = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -c "from fwplan.cli import main; main()" check - <&-'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (closed.returncode, closed.stdout) == (2, "")
    assert closed.stderr.startswith("fwplan: cannot read -: standard input is closed\n")


def test_a_file_whose_name_is_no_text_is_named_all_the_same(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.xml")
    (folder / name).write_text(INVALID)
    checked = fwplan("check", name)
    assert checked.returncode == 1
    assert checked.stdout.startswith(r"caf\udce9.xml:3: <uuid>: ")


def test_help_names_the_commands_and_their_exit_status() -> None:
    shown = fwplan("--help")
    assert shown.returncode == 0
    assert all(f"  {command} " in shown.stdout for command in ("check", "completion", "explain", "plan"))
    assert "Exit status: 0 done or in agreement, 1 findings, 2 trouble." in " ".join(shown.stdout.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_each_shell_calls_the_program(shell: str) -> None:
    written = CliRunner().invoke(program, ["completion", shell])
    assert written.exit_code == 0
    assert f"_FWPLAN_COMPLETE={shell}_complete" in written.stdout


@pytest.mark.parametrize(
    ("words", "at", "offered"),
    [
        ("fwplan exp", 1, {"explain"}),
        ("fwplan ch", 1, {"check"}),
        ("fwplan check --st", 2, {"--strict"}),
        ("fwplan check --format ", 3, {"text", "json"}),
    ],
)
def test_completion_offers_commands_options_and_their_values(words: str, at: int, offered: set[str]) -> None:
    asked = fwplan(
        environment={"_FWPLAN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)},
    )
    assert {line.partition(",")[2] for line in asked.stdout.splitlines()} == offered


@pytest.mark.program
def test_bash_reads_what_completion_prints() -> None:
    written = CliRunner().invoke(program, ["completion", "bash"]).stdout
    read = subprocess.run(["bash", "-n"], input=written, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
