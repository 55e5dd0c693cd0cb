"""Prints styled lines: with colour to a terminal, plain to everything else."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from fwplan.preview.layout import DEFAULT_WIDTH, Style, plain

if TYPE_CHECKING:
    from fwplan.preview.layout import Line

_LOOKS = {
    Style.PLAIN: "",
    Style.HEADING: "bold",
    Style.PROMISE: "bold cyan",
    Style.NUMBER: "dim",
    Style.PLACE: "magenta",
    Style.RULE: "",
    Style.REASON: "green",
    Style.REFUSAL: "bold yellow",
    Style.ADDED: "bold",
    Style.DELETED: "red",
}


def screen_width() -> int:
    """Columns to lay text out for: those of the terminal, or of COLUMNS, or 80."""
    return shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns


def show(lines: list[Line]) -> None:
    """Print lines that were laid out before."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        click.echo(plain(lines), nl=False)
        return
    # rich takes 40 ms to import: only a person at a terminal pays for it.
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*((piece.text, _LOOKS[piece.style]) for piece in line)), soft_wrap=True)
