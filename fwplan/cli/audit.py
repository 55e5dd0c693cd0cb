"""`fwplan audit`: holds a host, live or saved, against the definitions of its networks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from fwplan.audit.audit import audit, likely_backend, likely_layout
from fwplan.audit.finding import Level
from fwplan.cli.definitions import FINDINGS, trouble, valid_definitions
from fwplan.cli.observed import ruleset_option, start_observing
from fwplan.cli.options import definition_files, format_option
from fwplan.cli.plan_options import OF_THE_HOST, backend_option, layout_option
from fwplan.errors import FwplanError
from fwplan.plan.plan import Backend, Layout, make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fwplan.audit.finding import Finding
    from fwplan.audit.observation import Observation
    from fwplan.network.definition import Network
    from fwplan.plan.plan import Plan

_EPILOG = """\b
Examples:
  sudo fwplan audit *.xml                          is this host as its networks promise?
  fwplan audit *.xml --ruleset host7.json          the same for a host that was collected, on any machine
  sudo fwplan audit *.xml --format prometheus > /var/lib/prometheus/node-exporter/fwplan.prom
  ssh host7 sudo fwplan collect | fwplan audit lab.xml --ruleset -
"""


@click.command("audit", epilog=_EPILOG)
@definition_files
@ruleset_option
@backend_option(default=OF_THE_HOST)
@layout_option("How promises became rules.", default=OF_THE_HOST)
@click.option("--all", "everything", is_flag=True, help="Show all rules and packets of each finding.")
@format_option(
    "text",
    "json",
    "sarif",
    "prometheus",
    help="text for people; json for programs; sarif for merge requests; prometheus for the node exporter.",
)
def command(
    files: tuple[str, ...],
    *,
    saved: tuple[str, ...],
    backend: str | None,
    layout: str | None,
    everything: bool,
    format_name: str,
) -> None:
    """Hold a host against the definitions of its networks.

    Finds rules that are missing, changed or too much; promises that are broken, with the rule of whom breaks them and
    what helps; and what else the host lacks. Exit status: 0 clean (notes do not count), 1 findings, 2 trouble.
    """
    if [*files, *saved].count("-") > 1:
        trouble("standard input, which '-' stands for, can be read once only")
    observe = start_observing(saved)
    networks = valid_definitions(files)
    try:
        observation = observe()
        chosen = likely_backend(observation) if backend is None else Backend(backend)
        plan = make_plan(networks, backend=chosen, layout=_layout(layout, chosen, observation, networks), checked=True)
        named = {network.name: file for network, file in zip(networks, files, strict=True)}
        findings = audit(observation, plan, named)
    except FwplanError as error:
        trouble(error)
    else:
        if format_name == "text":
            _print(findings, plan, everything=everything)
        else:
            click.echo(_document(format_name, findings, named), nl=False)
        sys.exit(FINDINGS if any(finding.level is not Level.NOTE for finding in findings) else 0)


def _layout(layout: str | None, backend: Backend, observation: Observation, networks: Sequence[Network]) -> Layout:
    if layout is not None:
        return Layout(layout)
    return likely_layout(observation, networks) if backend is Backend.NFTABLES else Layout.LIBVIRT


def _print(findings: Sequence[Finding], plan: Plan, *, everything: bool) -> None:
    from fwplan.audit.report import findings_text, summary  # noqa: PLC0415 - each format needs one of them
    from fwplan.cli.screen import screen_width, show  # noqa: PLC0415

    show(findings_text(findings, screen_width(), everything=everything))
    click.echo(summary(findings, plan))


def _document(format_name: str, findings: Sequence[Finding], files: Mapping[str, str]) -> str:
    from fwplan.audit.documents import findings_json, prometheus, sarif  # noqa: PLC0415 - each format needs one of them

    match format_name:
        case "json":
            return findings_json(findings, list(files))
        case "sarif":
            from importlib.metadata import version  # noqa: PLC0415 - it takes longer than most of an audit

            return sarif(findings, files, version("fwplan"))
        case _:
            return prometheus(findings, list(files))
