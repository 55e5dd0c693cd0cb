"""`fwplan apply`: makes a host agree with definitions, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from fwplan.cli.confirm import await_confirmation
from fwplan.cli.definitions import trouble, valid_definitions
from fwplan.cli.host_options import recover_first, report, say, say_waiting, state_options
from fwplan.errors import FwplanError, HostError
from fwplan.host.executor import bring, compare
from fwplan.host.forwarding import FORWARDING, SettingsPart
from fwplan.host.goal import goal_of_apply
from fwplan.host.nftables import TABLES
from fwplan.host.preconditions import forwarded, preconditions
from fwplan.host.prefetch import PrefetchingSystem
from fwplan.host.state import State
from fwplan.host.system import System
from fwplan.plan.plan import Backend, Layout, make_plan

if TYPE_CHECKING:
    from pathlib import Path

    from fwplan.host.executor import Goal
    from fwplan.plan.plan import Plan

_MANY = 10
"""Files from which on it pays to read the host meanwhile."""

_EPILOG = """\b
Examples:
  fwplan apply default.xml --dry-run             what differs on this host, touching nothing
  fwplan apply default.xml                       put it there; a second run has nothing to do
  fwplan apply *.xml --confirm 60                and undo it unless `fwplan confirm` comes in 60 s
  virsh net-dumpxml default | fwplan apply -     the rules of a network that libvirt runs
"""


@click.command("apply", epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path())
@click.option(
    "--backend",
    type=click.Choice([backend.value for backend in Backend]),
    default=Backend.NFTABLES.value,
    show_default=True,
    help="What carries the rules.",
)
@click.option(
    "--layout",
    type=click.Choice([layout.value for layout in Layout]),
    default=Layout.LIBVIRT.value,
    show_default=True,
    help="How promises become rules.",
)
@click.option(
    "--confirm",
    "confirm_within",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Undo it all, unless `fwplan confirm` (or a typed yes) comes within that time.",
)
@click.option(
    "--enable-forwarding",
    is_flag=True,
    help="Let the host forward IPv4 and IPv6, as far as the networks need it.",
)
@click.option("--dry-run", is_flag=True, help="Show what differs on the host, and change nothing.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for programs.",
)
@state_options
def command(
    files: tuple[str, ...],
    *,
    backend: str,
    layout: str,
    confirm_within: float | None,
    enable_forwarding: bool,
    dry_run: bool,
    format_name: str,
    state_dir: Path,
    wait: float,
) -> None:
    """Make the host agree with definitions: what is missing is added at its place, what is too much is taken away.

    What is right stays, with its counters; rules of others are not touched. All of it takes effect in one transaction,
    or nothing does.
    """
    # Before the definitions are read: the host's rules are read meanwhile.
    system = PrefetchingSystem(TABLES) if len(files) >= _MANY and backend == Backend.NFTABLES.value else System()
    networks = valid_definitions(files)
    plan = make_plan(networks, backend=Backend(backend), layout=Layout(layout), checked=True)
    goal_on = partial(_goal, plan=plan, enable_forwarding=enable_forwarding)
    try:
        state = State(system, state_dir)
        if dry_run:
            outcome = compare(system, goal_on(system, state))
        else:
            with state.locked("fwplan apply", wait, say_waiting):
                recover_first(system, state)
                goal = goal_on(system, state)
                deadline = None if confirm_within is None else system.now() + confirm_within
                outcome = bring(system, state, goal, deadline=deadline)
    except FwplanError as error:
        trouble(error)
    else:
        for share in plan.networks:
            if share.why_empty:
                say(f"network {share.network.name!r} has no rules: {share.why_empty}")
        report(outcome, plan, format_name, dry_run=dry_run)
        if confirm_within is not None and outcome.differences and not dry_run:
            await_confirmation(system, state, confirm_within, asking=format_name == "text")


def _goal(system: System, state: State, *, plan: Plan, enable_forwarding: bool) -> Goal:
    interfaces = system.interfaces()
    found = preconditions(system, plan, interfaces, enable_forwarding=enable_forwarding)
    for advice in found.advice:
        say(advice)
    if found.missing:
        raise HostError("nothing was changed:\n" + "\n".join(f"  {missing}" for missing in found.missing))
    goal = goal_of_apply(plan, state.applied(), interfaces)
    if not enable_forwarding:
        return goal
    # Last, so that nothing is forwarded before the rules are there.
    settings = SettingsPart({FORWARDING[family]: "1" for family in forwarded(plan)})
    return replace(goal, parts=(*goal.parts, settings))
