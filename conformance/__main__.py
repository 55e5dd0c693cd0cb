"""`python -m conformance DIR`: compares, prints a table, and exits with 1 on any difference.

DIR is a libvirt source tree, or any folder with its `tests/`.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree

from conformance.comparison import Comparison, report
from conformance.data import (
    firewall_cases,
    form_cases,
    run_cases,
    set_up_commands,
)
from conformance.proofs import compare_proofs
from fwplan.network.libvirt_form import libvirt_form
from fwplan.network.read import examine, read_network
from fwplan.network.write import write_network
from fwplan.plan.plan import Backend, make_plan
from fwplan.preview.render import Format, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.data import Command


def planned(definition: bytes, backend: Backend) -> list[Command]:
    """What `fwplan plan --format commands --no-setup` prints, word by word."""
    plan = make_plan([read_network(definition)], backend=backend, set_up=False)
    return [shlex.split(line) for line in render(plan, Format.COMMANDS).splitlines()]


def first_difference(expected: list[Command], actual: list[Command]) -> str | None:
    """Where two lists of commands part, in words."""
    for number, (wanted, got) in enumerate(zip(expected, actual, strict=False), start=1):
        if wanted != got:
            return f"command {number} is\n    {shlex.join(got)}\n  and should be\n    {shlex.join(wanted)}"
    if len(expected) != len(actual):
        return f"{len(actual)} commands, and should be {len(expected)}"
    return None


def compare_firewall(tests: Path) -> Iterator[Comparison]:
    """The commands of libvirt's firewall suite, and its set-up."""
    rules = {backend: Comparison(f"firewall suite, {backend.value}: definitions") for backend in Backend}
    commands = {backend: Comparison(f"firewall suite, {backend.value}: commands") for backend in Backend}
    sample = b""
    for case in firewall_cases(tests):
        actual = planned(case.definition, case.backend)
        rules[case.backend].note(case.name, first_difference(case.commands, actual))
        for number in range(max(len(case.commands), len(actual))):
            same = case.commands[number : number + 1] == actual[number : number + 1]
            commands[case.backend].note(case.name, None if same else f"command {number + 1} differs")
        sample = case.definition
    yield from (*rules.values(), *commands.values())
    for backend, expected in set_up_commands(tests).items():
        comparison = Comparison(f"firewall suite, {backend.value}: set-up commands")
        whole = make_plan([read_network(sample)], backend=backend)
        lines = render(whole, Format.COMMANDS).splitlines()[: len(whole.set_up)]
        actual = [shlex.split(line) for line in lines]
        for number in range(max(len(expected), len(actual))):
            same = expected[number : number + 1] == actual[number : number + 1]
            comparison.note("set-up", None if same else f"command {number + 1} differs")
        yield comparison


def compare_runs(folder: Path, tests: Path) -> Iterator[Comparison]:
    """Acceptance and commands of a running libvirt."""
    accepted = Comparison("running libvirt: accepted or refused")
    commands = {backend: Comparison(f"running libvirt, {backend.value}: definitions") for backend in Backend}
    for case in run_cases(folder, tests):
        errors = examine(case.definition).errors
        if case.accepted and errors:
            accepted.note(case.name, f"refused ({errors[0]}), and libvirt accepts it")
        elif not case.accepted and not errors:
            accepted.note(case.name, f"accepted, and libvirt refuses it ({case.says})")
        else:
            accepted.note(case.name, None)
        if not errors:
            for backend, expected in case.commands.items():
                commands[backend].note(case.name, first_difference(expected, planned(case.definition, backend)))
    yield from (accepted, *commands.values())


def compare_forms(tests: Path) -> Iterator[Comparison]:
    """How definitions are written back."""
    as_libvirt = Comparison("written back as libvirt writes it")
    round_trip = Comparison("written and read again: the same definition")
    for case in form_cases(tests):
        network = examine(case.definition).network
        written = write_network(libvirt_form(network))
        same = _shape(etree.fromstring(written)) == _shape(etree.fromstring(case.written))
        as_libvirt.note(case.name, None if same else f"written as\n{written.decode()}")
        again = examine(write_network(network)).network
        round_trip.note(case.name, None if again == network else "reads otherwise")
    yield from (as_libvirt, round_trip)


_Shape = tuple[str, dict[str, str], str, list["_Shape"]]


def _shape(element: etree._Element) -> _Shape:
    """An element without what XML leaves open: the order of attributes, and white space between elements."""
    return (
        str(element.tag),
        dict(element.attrib),
        (element.text or "").strip(),
        [_shape(child) for child in element.iterchildren("*")],
    )


def start_on_the_kernel(folder: Path) -> subprocess.Popen[str] | None:
    """Begin to apply the firewall suite in a network namespace, beside the rest; None where that is not possible."""
    isolated = ["unshare", "--net"]
    if subprocess.run([*isolated, "nft", "list", "ruleset"], check=False, capture_output=True).returncode != 0:
        return None
    command = [*isolated, sys.executable, "-m", "conformance.host", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def end_on_the_kernel(process: subprocess.Popen[str] | None) -> int:
    """Report what came of it."""
    if process is None:
        print("apply: left out, as it needs root, network namespaces and nft")
        return 0
    output, _ = process.communicate()
    print(output, end="")
    return process.returncode


def main(arguments: list[str]) -> int:
    """Compare all that is there."""
    if len(arguments) != 1:
        print("usage: python -m conformance DIR", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    tests = folder / "tests"
    if not (tests / "networkxml2firewalldata").is_dir():
        print(f"{folder} has no tests/networkxml2firewalldata: give a libvirt source tree", file=sys.stderr)
        return 2
    on_the_kernel = start_on_the_kernel(folder)
    status = report(
        [*compare_firewall(tests), *compare_runs(folder, tests), *compare_forms(tests), *compare_proofs(tests)]
    )
    return max(status, end_on_the_kernel(on_the_kernel))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
