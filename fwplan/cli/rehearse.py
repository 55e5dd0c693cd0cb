"""`fwplan rehearse`: applies a plan in private namespaces, and shows who reaches whom."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fwplan.cli.definitions import FINDINGS, trouble, valid_definitions
from fwplan.cli.host_options import say
from fwplan.cli.options import definition_files, format_option, width_option
from fwplan.cli.plan_options import backend_option, layout_option
from fwplan.cli.screen import screen_width, show
from fwplan.errors import FwplanError, UnreadableError
from fwplan.files import read_bytes
from fwplan.lab.networks import has_something_to_rehearse
from fwplan.lab.rehearse import Lab, plan_with_neighbour
from fwplan.plan.plan import Backend, Layout
from fwplan.preview.differences import dumped

if TYPE_CHECKING:
    from fwplan.lab.rehearsal import Rehearsal

_INTERRUPTED = 130
"""As shells count a program that was ended by Ctrl-C."""

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


@click.command("rehearse", epilog=_EPILOG)
@definition_files
@backend_option()
@layout_option()
@click.option(
    "--beside",
    type=click.Path(),
    metavar="SCRIPT",
    help="An nft script with rules of others, such as /etc/nftables.conf, which are there first.",
)
@format_option("text", "json", "svg", help="text for people, json for programs, svg for a page.")
@click.option("-v", "--verbose", is_flag=True, help="List every probe as well.")
@width_option
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
    try:
        rehearsal = _rehearsal(files, Backend(backend), Layout(layout), beside)
    except FwplanError as error:
        trouble(error)
    except KeyboardInterrupt:
        say("interrupted; nothing is left of the rehearsal")
        sys.exit(_INTERRUPTED)
    else:
        if rehearsal is not None:
            _print(rehearsal, format_name, width or screen_width(), verbose=verbose)
            sys.exit(FINDINGS if rehearsal.differing else 0)


def _rehearsal(files: tuple[str, ...], backend: Backend, layout: Layout, beside: str | None) -> Rehearsal | None:
    """What comes of a rehearsal; None when there is nothing to rehearse, which is said."""
    # The process inside gets ready while the definitions are read.
    with Lab() as lab:
        networks = valid_definitions(files)
        for network in networks:
            if not has_something_to_rehearse(network):
                say(f"network {network.name!r} has nothing to rehearse: {network.meaning.why_unfiltered}")
            elif network.bridge is not None and network.bridge.zone is not None:
                zone = network.bridge.zone
                say(f"network {network.name!r} asks for zone {zone!r}: the lab has no firewalld, and leaves it out")
        if not any(map(has_something_to_rehearse, networks)):
            return None
        others = "" if beside is None else _script(beside)
        plan, labs_own = plan_with_neighbour(networks, backend=backend, layout=layout, checked=True)
        return lab.rehearse(plan, labs_own=labs_own, beside=others)


def _script(file: str) -> str:
    content = read_bytes(file, _LARGEST_SCRIPT)
    if len(content) > _LARGEST_SCRIPT:
        raise UnreadableError(f"{file} is too large for an nft script")
    return content.decode(errors="surrogateescape")


def _print(rehearsal: Rehearsal, format_name: str, width: int, *, verbose: bool) -> None:
    match format_name:
        case "json":
            from fwplan.lab.document import rehearsal_json  # noqa: PLC0415 - each format needs one of them

            click.echo(dumped(rehearsal_json(rehearsal)), nl=False)
        case "svg":
            from fwplan.lab.svg import rehearsal_svg  # noqa: PLC0415

            click.echo(rehearsal_svg(rehearsal), nl=False)
        case _:
            from fwplan.lab.text import rehearsal_lines  # noqa: PLC0415

            show(rehearsal_lines(rehearsal, width, verbose=verbose))
