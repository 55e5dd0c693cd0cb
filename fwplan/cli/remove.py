"""`fwplan remove`: takes the rules of networks away from a host, all and only theirs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from fwplan.cli.definitions import trouble, valid_definitions
from fwplan.cli.host_options import (
    check_permission,
    recover_first,
    report,
    say_waiting,
    state_options,
    tell_of_interruption,
)
from fwplan.cli.options import text_or_json
from fwplan.cli.plan_options import backend_option, layout_option
from fwplan.errors import FwplanError
from fwplan.host.executor import bring, compare
from fwplan.host.goal import goal_of_removal
from fwplan.host.state import State
from fwplan.host.system import System
from fwplan.host.zones import ZonePolicy
from fwplan.plan.plan import Backend, Layout

_EPILOG = """\b
Examples:
  fwplan remove default                          the network of that name, as it was applied
  fwplan remove default.xml --dry-run            what would go, touching nothing
  virsh net-dumpxml lab | fwplan remove -        also rules that libvirt has put there
"""


@click.command("remove", epilog=_EPILOG)
@click.argument("given", metavar="FILE|NAME…", nargs=-1, required=True)
@backend_option("What carries the rules of a network that fwplan has not applied.")
@layout_option("How the promises of a network that fwplan has not applied became rules.")
@click.option(
    "--firewalld",
    "zones",
    type=click.Choice([ZonePolicy.AUTO.value, ZonePolicy.OFF.value]),
    default=ZonePolicy.AUTO.value,
    show_default=True,
    help="Take bridges out of their zones of firewalld, where it runs; or leave them there.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
@text_or_json
@state_options
def command(
    given: tuple[str, ...],
    *,
    backend: str,
    layout: str,
    zones: str,
    dry_run: bool,
    format_name: str,
    state_dir: Path,
    wait: float,
) -> None:
    """Take the rules of networks away: all of theirs, and no others.

    A network that fwplan has applied goes as it was applied, even if its definition has changed since. With the last of
    them go libvirt's tables and chains, if fwplan made them and nobody else has put anything there. What is no file
    (and does not look like one) is the name of a network that was applied.
    """
    files = [name for name in given if _is_file(name)]
    networks = valid_definitions(files)
    names = [name for name in given if not _is_file(name)]
    system = System()
    try:
        check_permission(system)
        firewalld = None if ZonePolicy(zones) is ZonePolicy.OFF else system.firewalld()
        goal_after = partial(
            goal_of_removal,
            networks,
            names,
            backend=Backend(backend),
            layout=Layout(layout),
            firewalld=firewalld,
        )
        state = State(system, state_dir)
        if dry_run:
            outcome = compare(system, goal_after(state.applied()))
            tell_of_interruption(state)
        else:
            with state.locked("fwplan remove", wait, say_waiting):
                recover_first(system, state)
                outcome = bring(system, state, goal_after(state.applied()))
    except FwplanError as error:
        trouble(error)
    else:
        report(outcome, None, format_name, dry_run=dry_run)


def _is_file(given: str) -> bool:
    return given == "-" or "/" in given or given.endswith(".xml") or Path(given).is_file()
