"""`fwplan apply`: makes a host agree with definitions, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from fwplan.cli.confirm import await_confirmation
from fwplan.cli.definitions import trouble, valid_of
from fwplan.cli.host_options import recover_first, report, say, say_waiting, state_options, tell_of_interruption
from fwplan.cli.options import definition_files, text_or_json
from fwplan.cli.plan_options import backend_option, layout_option
from fwplan.cli.reading import start_reading
from fwplan.errors import FwplanError, HostError
from fwplan.host import maps, nftables
from fwplan.host.executor import bring, compare
from fwplan.host.forwarding import FORWARDING, SettingsPart
from fwplan.host.goal import goal_of_apply
from fwplan.host.preconditions import forwarded, preconditions
from fwplan.host.prefetch import PrefetchingSystem
from fwplan.host.state import State
from fwplan.host.system import System
from fwplan.host.zones import ZonePolicy, has_routed_zone
from fwplan.plan.checksums import ChecksumPolicy
from fwplan.plan.plan import Backend, Layout, make_plan

if TYPE_CHECKING:
    from pathlib import Path

    from fwplan.host.executor import Goal
    from fwplan.host.firewalld import Firewalld
    from fwplan.nft.objects import Table
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


@click.command("apply", epilog=_EPILOG)
@definition_files
@backend_option()
@layout_option()
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
@click.option(
    "--checksum",
    type=click.Choice([policy.value for policy in ChecksumPolicy]),
    default=ChecksumPolicy.AUTO.value,
    show_default=True,
    help="Repair checksums of DHCP replies: if the kernel can, or else change nothing, or not at all.",
)
@click.option(
    "--firewalld",
    "zones",
    type=click.Choice([policy.value for policy in ZonePolicy]),
    default=ZonePolicy.AUTO.value,
    show_default=True,
    help="Put bridges in their zones of firewalld: if it runs, or else change nothing, or not at all.",
)
@click.option("--dry-run", is_flag=True, help="Show what differs on the host, and change nothing.")
@text_or_json
@state_options
def command(  # noqa: PLR0913 - an argument for each option
    files: tuple[str, ...],
    *,
    backend: str,
    layout: str,
    confirm_within: float | None,
    enable_forwarding: bool,
    checksum: str,
    zones: str,
    dry_run: bool,
    format_name: str,
    state_dir: Path,
    wait: float,
) -> None:
    """Make the host agree with definitions: what is missing is added at its place, what is too much is taken away.

    What is right stays, with its counters; rules of others are not touched. All of it takes effect in one transaction,
    or nothing does.
    """
    read = start_reading(files)
    # Before the definitions are there: the host's rules are read meanwhile.
    many = len(files) >= _MANY and backend == Backend.NFTABLES.value
    system = PrefetchingSystem(_tables(Layout(layout))) if many else System()
    networks = valid_of(read())
    try:
        may = system.may_change_networking()
        firewalld = system.firewalld() if may and ZonePolicy(zones) is not ZonePolicy.OFF else None
        plan = make_plan(
            networks,
            backend=Backend(backend),
            layout=Layout(layout),
            firewalld=firewalld is not None,
            routed_zone=firewalld is not None and has_routed_zone(firewalld),
            checked=True,
        )
        wishes = _Wishes(plan, ChecksumPolicy(checksum), ZonePolicy(zones), firewalld, enable_forwarding)
        goal_on = partial(_goal, wishes)
        state = State(system, state_dir)
        if dry_run or not may:
            # Without the right to change anything this comes to an error, and leaves no files.
            outcome = compare(system, goal_on(system, state))
            tell_of_interruption(state)
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


def _tables(layout: Layout) -> tuple[Table, ...]:
    match layout:
        case Layout.LIBVIRT:
            return nftables.TABLES
        case Layout.MAPS:
            return maps.TABLES


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What is to be applied, and how.

    Attributes:
        plan: what is to be applied.
        checksum: whether the checksums of DHCP replies are to be repaired.
        zones: whether bridges are to be in zones of firewalld.
        firewalld: the one that runs, if it is to be asked.
        enable_forwarding: whether the host is to forward.
    """

    plan: Plan
    checksum: ChecksumPolicy
    zones: ZonePolicy
    firewalld: Firewalld | None
    enable_forwarding: bool


def _goal(wishes: _Wishes, system: System, state: State) -> Goal:
    interfaces = system.interfaces()
    found = preconditions(
        system,
        wishes.plan,
        interfaces,
        enable_forwarding=wishes.enable_forwarding,
        checksum=wishes.checksum,
        firewalld=wishes.firewalld,
        zones=wishes.zones,
    )
    for advice in found.advice:
        say(advice)
    if found.missing:
        raise HostError("nothing was changed:\n" + "\n".join(f"  {missing}" for missing in found.missing))
    firewalld = wishes.firewalld is not None
    goal = goal_of_apply(wishes.plan, state.applied(), interfaces, firewalld=firewalld, checksum=wishes.checksum)
    if not wishes.enable_forwarding:
        return goal
    # Last, so that nothing is forwarded before the rules are there.
    settings = SettingsPart({FORWARDING[family]: "1" for family in forwarded(wishes.plan)})
    return replace(goal, parts=(*goal.parts, settings))
