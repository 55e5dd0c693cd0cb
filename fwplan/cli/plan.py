"""`fwplan plan`: previews the operations that definitions lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fwplan.cli.definitions import trouble, valid_definitions
from fwplan.cli.options import definition_files, width_option
from fwplan.cli.plan_options import layout_option
from fwplan.cli.screen import screen_width, show
from fwplan.errors import NotExpressibleError, UnreadableError
from fwplan.files import read_bytes
from fwplan.plan.plan import Backend, Layout, make_plan
from fwplan.preview.explained import explained
from fwplan.preview.removal import goes_with_its_table
from fwplan.preview.render import Format, render

if TYPE_CHECKING:
    from fwplan.plan.plan import Plan

_LARGEST_RULESET = 256 * 1024 * 1024
"""Bytes; 1,000 NAT networks are 4 MiB."""

_EPILOG = """\b
Examples:
  fwplan plan default.xml                        what libvirt will do, and why
  virsh net-dumpxml default | fwplan plan -      the same for a defined network
  fwplan plan *.xml --format nft > all.nft       one script for `nft -f`
  fwplan plan lab.xml --format restore | iptables-restore --noflush
  fwplan plan lab.xml --format commands --no-setup --backend iptables
  nft -j -a list ruleset | fwplan plan lab.xml --remove --no-setup --ruleset - --format nft
"""


@click.command("plan", epilog=_EPILOG)
@definition_files
@click.option(
    "--backend",
    type=click.Choice([backend.value for backend in Backend]),
    help="What carries the rules.  [default: nftables, or what the format is for]",
)
@layout_option()
@click.option(
    "--format",
    "format_name",
    type=click.Choice([format_.value for format_ in Format]),
    default=Format.TEXT.value,
    show_default=True,
    help="text for people; commands for a shell; nft for `nft -f`; json for libnftables; restore for both "
    "iptables-restore and ip6tables-restore, with --noflush.",
)
@click.option("--remove", is_flag=True, help="Plan how to take it all away again, set-up included.")
@click.option(
    "--ruleset",
    type=click.Path(),
    metavar="SAVED",
    help="With --remove: the host's rules, saved by `nft -j -a list ruleset`. nft deletes a rule by its handle, which "
    "only the host knows.",
)
@click.option("--no-setup", is_flag=True, help="Leave out what is only needed once a host: tables, base chains.")
@click.option("--firewalld", is_flag=True, help="Plan for a host on which firewalld runs: bridges join its zones.")
@width_option
def command(
    files: tuple[str, ...],
    *,
    backend: str | None,
    layout: str,
    format_name: str,
    remove: bool,
    ruleset: str | None,
    no_setup: bool,
    firewalld: bool,
    width: int | None,
) -> None:
    """Preview the firewall operations that definitions lead to, in order, each with its reason.

    Needs no root and no libvirt, and touches nothing. FILE is a libvirt <network> definition; '-' is standard input.
    Several definitions are planned together, as for one host.
    """
    format_ = Format(format_name)
    chosen = Backend(backend) if backend is not None else format_.backend or Backend.NFTABLES
    networks = valid_definitions(files)
    try:
        plan = make_plan(
            networks,
            backend=chosen,
            layout=Layout(layout),
            firewalld=firewalld,
            set_up=not no_setup,
            checked=True,
        )
    except NotExpressibleError as error:
        trouble(error)
    if not firewalld:
        _say_which_need_firewalld(plan)
    try:
        if remove:
            plan = _removal(plan, ruleset)
        if format_ is Format.TEXT:
            show(explained(plan, width or screen_width()))
        else:
            written = render(plan, format_)
            _say_what_is_missing(plan)
            click.echo(written, nl=False)
    except (NotExpressibleError, UnreadableError) as error:
        trouble(error)


def _removal(plan: Plan, ruleset: str | None) -> Plan:
    if ruleset is None or plan.backend is not Backend.NFTABLES:
        return plan.inverse
    from fwplan.nft.listing import read_listing  # noqa: PLC0415 - only this option needs it
    from fwplan.plan.handles import with_handles  # noqa: PLC0415

    return with_handles(plan.inverse, read_listing(read_bytes(ruleset, _LARGEST_RULESET)))


def _say_which_need_firewalld(plan: Plan) -> None:
    """Tell on standard error which networks libvirt starts only where firewalld runs."""
    for share in plan.networks:
        bridge = share.network.bridge
        if bridge is not None and bridge.zone is not None:
            text = f"asks for zone {bridge.zone!r}: libvirt starts it only where firewalld runs (plan with --firewalld)"
            click.echo(f"fwplan: network {share.network.name!r} {text}", err=True)


def _say_what_is_missing(plan: Plan) -> None:
    """Tell on standard error what a format that machines read does not carry."""
    for share in plan.networks:
        if share.why_empty:
            click.echo(f"fwplan: network {share.network.name!r} has no rules: {share.why_empty}", err=True)
    if goes_with_its_table(plan):
        text = "the tables go with all that is in them, the rules of other networks included"
        click.echo(f"fwplan: {text}; --no-setup with --ruleset takes away these networks' rules only", err=True)
