"""`fwplan collect`: a host's firewall state in one file, for an audit elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from fwplan.audit.read_observation import BUNDLE_VERSION
from fwplan.cli.definitions import trouble
from fwplan.errors import FwplanError
from fwplan.host.collect import collect
from fwplan.host.system import System

_EPILOG = """\b
Examples:
  sudo fwplan collect > host7.json                 all that an audit needs; changes nothing
  fwplan audit lab.xml --ruleset host7.json        on any machine, without root
"""


@click.command("collect", epilog=_EPILOG)
def command() -> None:
    """Write what an audit needs of this host as JSON: rulesets, interfaces, addresses, routes, settings.

    It changes nothing. There are no secrets in it, but the addresses of the host and its guests' networks.
    """
    try:
        parts = collect(System())
        parts["nftables"] = json.loads(parts["nftables"])
    except FwplanError as error:
        trouble(error)
    else:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        click.echo(json.dumps({"fwplan": BUNDLE_VERSION, "collected": when, **parts}, ensure_ascii=False))
