"""`fwplan trace`: one packet's way through a host, live or saved, rule by rule."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fwplan.cli.observed import ruleset_option, start_observing
from fwplan.cli.options import definition_files, text_or_json, width_option
from fwplan.cli.question_options import question_options
from fwplan.errors import FwplanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.audit.observation import Observation
    from fwplan.trace.question import Question
    from fwplan.trace.trace import Trace

_OF_INTERFACES = ("net.ipv4.conf.{}.rp_filter",)
"""The settings of each interface that may stop a packet."""

_EPILOG = """\b
Examples:
  sudo fwplan trace default.xml --from guest --to 198.51.100.7:443/tcp
  sudo fwplan trace default.xml --from 192.168.122.10 --to host:53/udp
  sudo fwplan trace default.xml --from outside --to guest:22/tcp --all
  sudo fwplan trace lab.xml --from '[2001:db8:7::10]' --to outside/icmp --reply
  fwplan trace default.xml --from guest --to guest --ruleset host7.json

\b
An end of a flow is guest, host, outside or an address, with a port and a
protocol where they matter: 198.51.100.7:443/tcp, [2001:db8::1]:53/udp,
guest/icmp. Where nothing is said it is TCP to port 443, UDP to port 53, from
port 50000.

Exit status: 0 the packet passes, 1 it is refused or that is not known, 2 trouble.
"""


@click.command("trace", epilog=_EPILOG)
@definition_files
@question_options
@ruleset_option
@click.option(
    "--reply", "with_reply", is_flag=True, help="Show the way of the reply too, and not only what becomes of it."
)
@click.option("--all", "everything", is_flag=True, help="Show chains and rules of which nothing came, too.")
@text_or_json
@width_option
def command(
    files: tuple[str, ...],
    *,
    question: Question,
    saved: tuple[str, ...],
    with_reply: bool,
    everything: bool,
    format_name: str,
    width: int | None,
) -> None:
    """Follow one packet through a host, rule by rule: whose each rule is, why it is there, and what becomes of it all.

    Nothing is sent, and nothing is changed. FILE is a libvirt <network> definition; '-' is standard input.
    """
    look = start_observing(saved, _OF_INTERFACES)
    # What follows is imported while the host is looked at.
    from fwplan.cli.definitions import FINDINGS, trouble  # noqa: PLC0415

    try:
        found = _answer(files, question, look)
    except FwplanError as error:
        trouble(error)
    else:
        _print(found, format_name, width, everything=everything, with_reply=with_reply)
        sys.exit(0 if found.passes else FINDINGS)


def _answer(files: tuple[str, ...], question: Question, look: Callable[[], Observation]) -> Trace:
    from fwplan.cli.definitions import valid_definitions  # noqa: PLC0415
    from fwplan.plan.plan import Backend, make_plan  # noqa: PLC0415
    from fwplan.trace.trace import trace  # noqa: PLC0415

    networks = valid_definitions(files)
    plans = [make_plan(networks, checked=True)]
    observation = look()
    ruleset = observation.ruleset
    if any(name.startswith("LIBVIRT_") for table in ruleset.tables for name in table.chains):
        plans.append(make_plan(networks, backend=Backend.IPTABLES, checked=True))
    return trace(question, plans[0].networks, ruleset, observation.world, observation.settings, *plans)


def _print(found: Trace, format_name: str, width: int | None, *, everything: bool, with_reply: bool) -> None:
    if format_name == "json":
        from fwplan.preview.differences import dumped  # noqa: PLC0415 - each format needs one of them
        from fwplan.trace.document import trace_json  # noqa: PLC0415

        click.echo(dumped(trace_json(found)), nl=False)
    else:
        from fwplan.cli.screen import screen_width, show  # noqa: PLC0415
        from fwplan.trace.text import trace_lines  # noqa: PLC0415

        show(trace_lines(found, width or screen_width(), everything=everything, with_reply=with_reply))
