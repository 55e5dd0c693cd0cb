"""What the commands that change a host have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fwplan.cli.screen import screen_width, show
from fwplan.errors import HostError
from fwplan.host.recovery import recover, refuse_while_pending
from fwplan.host.state import DEFAULT_FOLDER, DEFAULT_WAIT
from fwplan.preview.differences import differences_json, differences_text, dumped, summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.decorators import FC

    from fwplan.host.executor import Outcome
    from fwplan.host.state import State
    from fwplan.host.system import System
    from fwplan.plan.plan import Plan


def state_options(function: FC) -> FC:
    """The options that say where fwplan keeps its own files, and how long it waits for another run."""
    folder: Callable[[FC], FC] = click.option(
        "--state-dir",
        type=click.Path(path_type=Path),
        default=DEFAULT_FOLDER,
        show_default=True,
        help="Where the journal, and what was applied, are kept.",
    )
    wait: Callable[[FC], FC] = click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=DEFAULT_WAIT,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for another run of fwplan to end.",
    )
    return folder(wait(function))


def say(message: str) -> None:
    """Tell something on standard error."""
    click.echo(f"fwplan: {message}", err=True)


def say_waiting(holder: str) -> None:
    """Tell on standard error who is waited for."""
    say(f"waiting for {holder}")


def check_permission(system: System) -> None:
    """See that the process may read and change the rules of the host.

    Raises:
        HostError: it may not.
    """
    if not system.may_change_networking():
        raise HostError("reading and changing a host's rules needs root, or CAP_NET_ADMIN: run it with sudo")


def recover_first(system: System, state: State) -> None:
    """Complete what an earlier run left, and say so; while a change awaits its confirmation there is no other.

    Raises:
        HostError: it cannot be completed, or a change awaits its confirmation.
    """
    happened = recover(system, state)
    if happened is not None:
        say(happened)
    refuse_while_pending(system, state)


def tell_of_interruption(state: State) -> None:
    """Say that an earlier run left the host half-way, to whoever only looks at it.

    Raises:
        HostError: the journal cannot be read.
    """
    journal = state.journal()
    if journal is not None:
        say(f"an earlier run was interrupted in '{journal.what}': the next one that changes the host undoes it first")


def report(outcome: Outcome, plan: Plan | None, format_name: str, *, dry_run: bool) -> None:
    """Print what was done, or would be, and tell what the host is not able to."""
    for note in outcome.notes:
        say(note)
    if format_name == "json":
        document = differences_json(
            outcome.differences, plan, unchanged=outcome.unchanged, dry_run=dry_run, notes=outcome.notes
        )
        click.echo(dumped(document), nl=False)
        return
    if dry_run:
        show(differences_text(outcome.differences, plan, screen_width()))
    click.echo(summary(outcome.differences, unchanged=outcome.unchanged, dry_run=dry_run))
