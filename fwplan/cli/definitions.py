"""Reads the definitions that a command is given, and says on standard error what is wrong with them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from fwplan.cli.reading import start_reading
from fwplan.network.problems import Problem, Severity
from fwplan.network.together import conflicts
from fwplan.preview.problems import problem_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.cli.reading import FileRead
    from fwplan.network.definition import Network
    from fwplan.network.schema import Schema

FINDINGS = 1
TROUBLE = 2


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the files of a command hold.

    Attributes:
        networks: definitions of those files that have no error, in order.
        problems: (file, problem) of all files, conflicts between them included.
        unreadable: a message for each file that could not be read.
    """

    networks: tuple[Network, ...]
    problems: tuple[tuple[str, Problem], ...]
    unreadable: tuple[str, ...]

    @property
    def status(self) -> int:
        """The exit status that they lead to."""
        if self.unreadable:
            return TROUBLE
        return FINDINGS if any(problem.severity is Severity.ERROR for _, problem in self.problems) else 0


def read_definitions(files: Sequence[str], schema: Schema | None = None) -> Definitions:
    """Read all files, whatever is wrong with some, and hold them against `schema`.

    Only `fwplan check` gives one: what it finds changes no rule, and a preview of 1,000 definitions takes an eighth
    longer with it.
    """
    return _together(start_reading(files, schema)())


def _together(found: Sequence[FileRead]) -> Definitions:
    """What the files hold, as definitions for one host."""
    problems = [(each.file, problem) for each in found for problem in each.problems]
    valid = [(each, each.network) for each in found if each.network is not None]
    networks = tuple(network for _, network in valid)
    for place, problem in conflicts(networks):
        each, _ = valid[place]
        problems.append((each.file, replace(problem, line=each.line_of(problem.path))))
    unreadable = tuple(each.unreadable for each in found if each.unreadable is not None)
    return Definitions(networks, tuple(problems), unreadable)


def valid_definitions(files: Sequence[str]) -> tuple[Network, ...]:
    """The definitions; when any of them is not valid, say so and end the program."""
    return valid_of(start_reading(files)())


def valid_of(found: Sequence[FileRead]) -> tuple[Network, ...]:
    """The definitions of files that were read; when any of them is not valid, say so and end the program."""
    definitions = _together(found)
    for message in definitions.unreadable:
        click.echo(f"fwplan: {message}", err=True)
    for file, problem in definitions.problems:
        click.echo(problem_line(file, problem), err=True)
    if definitions.status:
        sys.exit(definitions.status)
    return definitions.networks


def trouble(message: object) -> None:
    """Say on standard error why the program cannot go on, and end it."""
    click.echo(f"fwplan: {message}", err=True)
    sys.exit(TROUBLE)
