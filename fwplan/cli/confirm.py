"""`fwplan confirm`: keeps a change that was made with `fwplan apply --confirm`, or undoes it at once."""

from __future__ import annotations

import select
import sys
from typing import TYPE_CHECKING

import click

from fwplan.cli.definitions import trouble
from fwplan.cli.host_options import check_permission, say, say_waiting, state_options
from fwplan.errors import FwplanError
from fwplan.host.recovery import confirm, recover, undo_pending
from fwplan.host.state import DEFAULT_WAIT, State
from fwplan.host.system import System

if TYPE_CHECKING:
    from pathlib import Path

_EPILOG = """\b
Examples:
  fwplan confirm                                 keep it: I am still logged in
  fwplan confirm --undo                          undo it now, without waiting
"""

_PATIENCE = 2.0
"""Seconds that a person who types at the last moment may be late by: the guardian is at work then."""


@click.command("confirm", epilog=_EPILOG)
@click.option("--undo", is_flag=True, help="Undo the change instead of keeping it.")
@state_options
def command(*, undo: bool, state_dir: Path, wait: float) -> None:
    """Keep the change that `fwplan apply --confirm` has made, before its time is over."""
    system = System()
    try:
        check_permission(system)
        state = State(system, state_dir)
        _settle(system, state, wait, undo=undo)
    except FwplanError as error:
        trouble(error)


def await_confirmation(system: System, state: State, seconds: float, *, asking: bool) -> None:
    """Ask the person at the terminal whether a change is to be kept; where there is none, say how to keep it.

    Args:
        system: the host.
        state: fwplan's own files.
        seconds: until the change is undone.
        asking: whether anybody may be asked.
    """
    if not asking or not sys.stdin.isatty():
        say(f"this is undone in {seconds:g} seconds, unless `fwplan confirm` comes first")
        return
    question = f"Keep it? Type yes within {seconds:g} seconds, or it is undone: "
    click.echo(question, nl=False, err=True)
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    answer = sys.stdin.readline().strip().lower() if ready else ""
    if not ready:
        click.echo(err=True)
    try:
        _settle(system, state, DEFAULT_WAIT + _PATIENCE, undo=answer not in {"y", "yes"})
    except FwplanError as error:
        trouble(error)


def _settle(system: System, state: State, wait: float, *, undo: bool) -> None:
    with state.locked("fwplan confirm", wait, say_waiting):
        happened = recover(system, state)
        done = undo_pending(system, state) if undo else confirm(state)
    if done is not None:
        click.echo(f"{'Undone' if undo else 'Kept'}: {done}.")
    elif undo and happened is not None:
        click.echo(f"{happened[0].upper()}{happened[1:]}.")
    else:
        trouble(happened or "no change awaits its confirmation")
