"""What libvirt refuses, and what it takes although it looks odd.

The files in `definitions/` hold cases between blank lines, each a part of a definition. A comment says what is wrong
with the line that it is on, in the words in which the problem begins: all of these problems, and no other, are found.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from fwplan.cli.program import program
from fwplan.network.definition import Bridge, Network
from fwplan.network.forward import Forward, Interface
from fwplan.network.modes import ForwardMode
from fwplan.network.problems import InvalidDefinitionError, Severity
from fwplan.network.read import examine, read_network
from fwplan.network.validate import validate

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

FILES = Path(__file__).parent / "definitions"
SUBJECTS = ("forward", "bridge", "ports", "addresses", "services")
COMMENT = re.compile(r"<!-- (.*?) -->")


def cases(name: str) -> list[ParameterSet]:
    parts = (FILES / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n")
    return [pytest.param(defined(part), id=" ".join(part.split())) for part in parts]


def defined(part: str) -> str:
    return f"<network>\n<name>lab</name>\n{part}\n</network>\n"


def announced(definition: str) -> list[tuple[int, str]]:
    """The line and the beginning of each problem, as the comments have it."""
    lines = definition.splitlines()
    return [(number, comment) for number, line in enumerate(lines, start=1) for comment in COMMENT.findall(line)]


def found(definition: str) -> list[tuple[int | None, str]]:
    """The line and the message of each problem, as far as the comment at its place goes on."""
    problems = examine(definition.encode()).problems
    comments = [comment for _, comment in announced(definition)]
    missing = [""] * (len(problems) - len(comments))
    return [
        (problem.line, message[: len(comment) or None])
        for problem, comment in zip(problems, comments + missing, strict=False)
        for message in (f"{'warning: ' if problem.severity is Severity.WARNING else ''}{problem.message}",)
    ]


REFUSED = [case for subject in SUBJECTS for case in cases(f"refused-{subject}")]
ACCEPTED = cases("accepted")


@pytest.mark.parametrize("definition", REFUSED)
def test_what_libvirt_refuses_is_refused_and_each_error_has_its_line(definition: str) -> None:
    assert found(definition) == announced(definition) != []
    with pytest.raises(InvalidDefinitionError):
        read_network(definition.encode())


@pytest.mark.parametrize("definition", REFUSED)
def test_an_invalid_definition_leads_to_no_plan(definition: str) -> None:
    """Status 1, and not a word on standard output: nobody pipes half a plan into nft."""
    result = CliRunner().invoke(program, ["plan", "--format", "nft", "-"], input=definition)
    assert (result.exit_code, result.stdout) == (1, "")
    for line, message in announced(definition):
        assert re.search(rf"^-:{line}: <\w+>: {re.escape(message)}.*; \w", result.stderr, re.MULTILINE)


@pytest.mark.parametrize("definition", ACCEPTED)
def test_what_libvirt_accepts_is_accepted_and_warned_of_where_it_is_not_what_it_seems(definition: str) -> None:
    assert found(definition) == announced(definition)
    assert examine(definition.encode()).errors == ()


def test_each_problem_says_what_to_do() -> None:
    for case in (*REFUSED, *ACCEPTED):
        for problem in examine(str(case.values[0]).encode()).problems:
            assert problem.advice


# The name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "the network has no name"),
        ("<name/>", "the network has no name"),
        ("<name>lab/one</name>", "the name has a slash in it"),
        ("<name>lab&#10;one</name>", "the name has a line break in it"),
        (f"<name>{'a' * 252}</name>", "the name is too long for that of a file"),
        (f"<name>{'ä' * 126}</name>", "the name is too long for that of a file"),
    ],
)
def test_a_network_has_a_name_that_a_file_can_have(name: str, message: str) -> None:
    (problem,) = examine(f"<network>{name}</network>".encode()).problems
    assert problem.message == message


@pytest.mark.parametrize("name", ["a" * 251, "ä" * 125, "two words", ".", "%s", "$(reboot)", "-rf", "<name>"])
def test_any_other_name_will_do(name: str) -> None:
    escaped = name.replace("<", "&lt;")
    assert read_network(f"<network><name>{escaped}</name></network>".encode()).name == name


# All at once

FAULTS_OF_SEVERAL_SETTINGS = defined("""
<forward mode='nat' dev='eth0'> <!-- dev='eth0' is not the first <interface>, 'eth1' -->
  <nat>
    <address start='192.0.2.9' end='192.0.2.1'/> <!-- the range runs backwards -->
    <port start='9' end='8'/> <!-- the first port, 9, is not below the last, 8 -->
  </nat>
  <interface dev='eth1'/>
  <interface dev='eth1'/> <!-- 'eth1' is listed a second time --> <!-- mode 'nat' takes one device at most -->
</forward>
<bridge name='a/b' nmae=''/> <!-- warning: attribute 'nmae' is unknown --> <!-- name='a/b' has a '/' in it -->
<mtu size='1'/> <!-- 1 is no MTU of a bridge -->
<ip address='10.20.0.1' prefix='33'/> <!-- prefix='33' is more bits than an address has -->
<ip address='10.21.0.1' prefix='24'>
  <tftp root='/srv' rot='/srv'/> <!-- warning: attribute 'rot' is unknown -->
  <dhcp>
    <range start='10.21.0.9' end='10.21.0.2'/> <!-- the range runs backwards -->
    <range start='10.22.0.2' end='10.22.0.9'/> <!-- 10.22.0.2 lies outside 10.21.0.0/24 -->
  </dhcp>
</ip>
<portgroup name='staff'/>
<portgroup name='staff'/> <!-- there is a second portgroup 'staff' -->
""")


def test_all_errors_and_warnings_of_a_definition_are_told_at_once_in_the_order_of_the_lines() -> None:
    assert found(FAULTS_OF_SEVERAL_SETTINGS) == announced(FAULTS_OF_SEVERAL_SETTINGS)


def test_a_mistake_in_one_address_hides_none_in_another() -> None:
    definition = defined("""
<ip address='10.20.0.1' prefix='33'/> <!-- prefix='33' is more bits than an address has -->
<ip address='10.21.0.1' prefix='24'>
  <dhcp>
    <range start='10.21.0.1x' end='10.21.0.9'/> <!-- start='10.21.0.1x' is not an address -->
    <range start='10.22.0.2' end='10.22.0.9'/> <!-- 10.22.0.2 lies outside 10.21.0.0/24 -->
  </dhcp>
</ip>
""")
    assert found(definition) == announced(definition)


def test_what_cannot_be_read_moves_no_other_problem_to_a_wrong_line() -> None:
    definition = defined("""
<forward mode='passthrough'>
  <interface/> <!-- 'dev' is missing -->
  <interface dev='eth0'/>
  <interface dev='eth0'/> <!-- 'eth0' is listed a second time -->
</forward>
<portgroup/> <!-- the portgroup has no name -->
<portgroup name='lab'/>
<portgroup name='lab'/> <!-- there is a second portgroup 'lab' -->
""")
    assert found(definition) == announced(definition)


def test_a_mistake_is_told_once_though_other_settings_depend_on_it() -> None:
    """The subnet cannot be known: nothing is said of the mode that needs one, and of the gateway that lies in it."""
    definition = defined("""
<forward mode='route'/>
<ip address='10.20.0.1x' prefix='24'/> <!-- address='10.20.0.1x' is not an address -->
<route address='10.99.0.0' prefix='16' gateway='10.20.0.2'/>
""")
    assert found(definition) == announced(definition)


def test_a_definition_made_by_a_program_is_validated_as_well_and_has_no_lines() -> None:
    forward = Forward(mode=ForwardMode.OPEN, interfaces=(Interface(dev="eth0"),))
    network = Network(name="lab", forward=forward, bridge=Bridge(name="br 0"))
    assert [(problem.path, problem.line) for problem in validate(network)] == [("forward", None), ("bridge", None)]
