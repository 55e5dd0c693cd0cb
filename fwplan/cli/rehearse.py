"""`fwplan rehearse`: applies a plan in private namespaces, and shows who reaches whom."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fwplan.cli.definitions import FINDINGS, trouble, valid_definitions
from fwplan.cli.host_options import say
from fwplan.cli.screen import screen_width, show
from fwplan.errors import FwplanError, UnreadableError
from fwplan.files import read_bytes
from fwplan.lab.networks import has_something_to_rehearse
from fwplan.lab.rehearse import Lab, plan_with_neighbour
from fwplan.plan.plan import Backend, Layout

if TYPE_CHECKING:
    from fwplan.lab.rehearsal import Rehearsal

_LARGEST_SCRIPT = 64 * 1024 * 1024
"""Bytes."""

_EPILOG = """\b
Examples:
  fwplan rehearse default.xml                    who reaches whom, on the real kernel
  fwplan rehearse *.xml --backend iptables       several networks on one host
  virsh net-dumpxml lab | fwplan rehearse -      a network that libvirt knows
  fwplan rehearse default.xml --beside /etc/nftables.conf
                                                 does it get on with the host's own rules?
"""


@click.command("rehearse", epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
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
    "--beside",
    type=click.Path(),
    metavar="SCRIPT",
    help="An nft script with rules of others, such as /etc/nftables.conf, which are there first.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json", "svg"]),
    default="text",
    show_default=True,
    help="text for people, json for programs, svg for a page.",
)
@click.option("-v", "--verbose", is_flag=True, help="List every probe as well.")
@click.option("--width", type=click.IntRange(40, 1000), help="Columns of text.  [default: those of the terminal]")
def command(
    files: tuple[str, ...],
    *,
    backend: str,
    layout: str,
    beside: str | None,
    format_name: str,
    verbose: bool,
    width: int | None,
) -> None:
    """Apply a plan in a small world of its own, send real packets, and show who reaches whom.

    Needs no root. A host with the networks' bridges, guests, and machines outside are made of private namespaces; the
    plan is applied there by the real executor, on the real kernel, and what becomes of each packet is held against what
    the networks promise. Nothing leaves the namespaces, and nothing is left of them.
    """
    # The process inside gets ready while the definitions are read.
    with Lab() as lab:
        networks = valid_definitions(files)
        for network in networks:
            if not has_something_to_rehearse(network):
                say(f"network {network.name!r} has nothing to rehearse: {network.meaning.why_unfiltered}")
        if not any(map(has_something_to_rehearse, networks)):
            return
        try:
            others = "" if beside is None else _script(beside)
            plan, labs_own = plan_with_neighbour(
                networks, backend=Backend(backend), layout=Layout(layout), checked=True
            )
            rehearsal = lab.rehearse(plan, labs_own=labs_own, beside=others)
        except FwplanError as error:
            trouble(error)
        else:
            _print(rehearsal, format_name, width or screen_width(), verbose=verbose)
            if rehearsal.differing:
                sys.exit(FINDINGS)


def _script(file: str) -> str:
    content = read_bytes(file, _LARGEST_SCRIPT)
    if len(content) > _LARGEST_SCRIPT:
        raise UnreadableError(f"{file} is too large for an nft script")
    return content.decode(errors="surrogateescape")


def _print(rehearsal: Rehearsal, format_name: str, width: int, *, verbose: bool) -> None:
    match format_name:
        case _:
            from fwplan.lab.text import rehearsal_lines  # noqa: PLC0415 - not every format needs it

            show(rehearsal_lines(rehearsal, width, verbose=verbose))
