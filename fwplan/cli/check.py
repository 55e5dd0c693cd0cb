"""`fwplan check`: validates definitions."""

from __future__ import annotations

import sys

import click

from fwplan.cli.definitions import FINDINGS, read_definitions
from fwplan.cli.options import definition_files, format_option
from fwplan.files import network_schema, schema_text
from fwplan.network.problems import Severity
from fwplan.preview.problems import problem_line, problems_json

_EPILOG = """\b
Examples:
  fwplan check *.xml                       all errors and warnings of all files
  fwplan check --strict *.xml              warnings count as errors, as for a merge request
  fwplan check --format json lab.xml       for another program
  fwplan check --print-schema > net.rng    for an editor, or another validator
"""


def _print_schema(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value and not context.resilient_parsing:
        click.echo(schema_text(), nl=False)
        context.exit()


@click.command("check", epilog=_EPILOG)
@definition_files
@click.option("--strict", is_flag=True, help="Exit with status 1 for warnings too: what libvirt would silently ignore.")
@format_option("text", "json", help="text is FILE:LINE: message, a line each.")
@click.option(
    "--print-schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the RELAX NG schema that definitions are held against, and exit.",
)
def command(files: tuple[str, ...], *, strict: bool, format_name: str) -> None:
    """Validate definitions: every error of every file, with its line and what to do about it.

    An error is what libvirt refuses; a warning is what it accepts, but not as the author may think. Only this command
    holds definitions against a schema as well, which finds what libvirt passes over, such as text between elements.
    Several definitions are checked as for one host, so that two networks on one bridge are found.
    """
    definitions = read_definitions(files, network_schema())
    for message in definitions.unreadable:
        click.echo(f"fwplan: {message}", err=True)
    if format_name == "json":
        click.echo(problems_json(definitions.problems), nl=False)
    else:
        for file, problem in definitions.problems:
            click.echo(problem_line(file, problem))
        errors = sum(problem.severity is Severity.ERROR for _, problem in definitions.problems)
        warnings = len(definitions.problems) - errors
        counts = f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
        click.echo(f"{_counted(len(files), 'definition')}: {counts}", err=True)
    sys.exit(definitions.status or (FINDINGS if strict and definitions.problems else 0))


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
