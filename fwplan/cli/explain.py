"""`fwplan explain`: says what networks are."""

from __future__ import annotations

import click

from fwplan.cli.definitions import valid_definitions
from fwplan.cli.options import definition_files, format_option, width_option
from fwplan.cli.screen import screen_width, show
from fwplan.network.explanation import explain
from fwplan.network.libvirt_form import libvirt_form
from fwplan.network.write import write_network
from fwplan.preview.explanation import explanation_json, explanation_lines

_EPILOG = """\b
Examples:
  fwplan explain default.xml               kind, bridge, services, filtered or not
  fwplan explain --format xml lab.xml      the definition as libvirt would write it back
  fwplan explain --format json *.xml       for another program
"""


@click.command("explain", epilog=_EPILOG)
@definition_files
@format_option("text", "json", "xml", help="xml is the definition as libvirt would write it back, defaults filled in.")
@width_option
def command(files: tuple[str, ...], *, format_name: str, width: int | None) -> None:
    """Say what a network is: managed, existing bridge, macvtap or SR-IOV; served or not; filtered or not, and why."""
    networks = valid_definitions(files)
    match format_name:
        case "json":
            click.echo(explanation_json(explain(networks)), nl=False)
        case "xml":
            for network in networks:
                click.echo(write_network(libvirt_form(network)), nl=False)
        case _:
            show(explanation_lines(explain(networks), width or screen_width()))
