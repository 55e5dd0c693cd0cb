"""Options that several commands have, each of them said in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.decorators import FC

definition_files = click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path())
"""The files of definitions, at least one."""

width_option = click.option(
    "--width", type=click.IntRange(40, 1000), help="Columns of text.  [default: those of the terminal]"
)
"""The width of what is printed."""


def format_option(*names: str, help: str = "text for people, json for programs.") -> Callable[[FC], FC]:  # noqa: A002 - click's
    """The option that says in which format to print; the command gets it as `format_name`.

    Args:
        names: of all formats, the default first.
        help: which is for what.
    """
    return click.option(
        "--format", "format_name", type=click.Choice(names), default=names[0], show_default=True, help=help
    )


text_or_json = format_option("text", "json")
"""The usual two formats."""
