"""`fwplan prove`: whether two rulesets do the same with all packets: two layouts of a plan, or a plan and a host."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from fwplan.audit.planned import planned_ruleset
from fwplan.cli.definitions import FINDINGS, trouble, valid_definitions
from fwplan.cli.observed import ruleset_option, start_observing
from fwplan.cli.options import definition_files, text_or_json, width_option
from fwplan.cli.plan_options import backend_option, layout_option
from fwplan.cli.screen import screen_width, show
from fwplan.errors import FwplanError, UnreadableError
from fwplan.plan.plan import Backend, Layout, make_plan
from fwplan.prove.examples import Scene
from fwplan.prove.prove import Side, prove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fwplan.audit.observation import Observation
    from fwplan.network.definition import Network
    from fwplan.plan.plan import Plan

_EPILOG = """\b
Examples:
  fwplan prove *.xml                               do both layouts mean the same?
  sudo fwplan prove *.xml --live                   does this host do what its networks' plan says?
  fwplan prove *.xml --ruleset host7.json          the same for a host that was collected
  fwplan prove lab.xml --live --packets networks   whatever the host does with packets of others

Exit status: 0 proved, 1 a packet that is treated differently, or undecided, 2 trouble.
"""
_LAYOUTS = {Layout.LIBVIRT: "libvirt's layout", Layout.MAPS: "the layout maps"}


@click.command("prove", epilog=_EPILOG)
@definition_files
@click.option("--live", is_flag=True, help="Hold the plan against the rules of this host.")
@ruleset_option
@backend_option("What carries the plan's rules in libvirt's layout.")
@layout_option("Of the plan that a host is held against. Without a host, both are held against each other.")
@click.option(
    "--packets",
    type=click.Choice(["all", "networks"]),
    default="all",
    show_default=True,
    help="all, or only those that come in or leave by a bridge of the networks.",
)
@text_or_json
@width_option
def command(
    files: tuple[str, ...],
    *,
    live: bool,
    saved: tuple[str, ...],
    backend: str,
    layout: str,
    packets: str,
    format_name: str,
    width: int | None,
) -> None:
    """Prove that a network's two layouts do the same with all packets, or that a host does what the plan says.

    What becomes of every packet that is forwarded, and under which source it leaves, is compared: no samples. Where it
    is not the same, a packet is shown, with its two fates. Nothing is sent, and nothing is changed.
    """
    if live and saved:
        raise click.UsageError("--live looks at this host, and --ruleset at a saved one: give one of them")
    observe = start_observing(saved) if live or saved else None
    networks = valid_definitions(files)
    began = time.monotonic()
    try:
        plan = make_plan(networks, backend=Backend(backend), layout=Layout(layout), checked=True)
        sides = _layouts(plan, networks) if observe is None else _plan_and_host(plan, observe(), live=live)
        with _progress() as tell:
            proof = prove(*sides, _scene(plan), networks_only=packets == "networks", tell=tell)
    except FwplanError as error:
        trouble(error)
    seconds = time.monotonic() - began
    if format_name == "json":
        from fwplan.preview.differences import dumped  # noqa: PLC0415 - each format needs one of them
        from fwplan.prove.document import proof_json  # noqa: PLC0415

        names = [network.name for network in networks]
        click.echo(dumped(proof_json(proof, names, networks_only=packets == "networks", seconds=seconds)), nl=False)
    else:
        from fwplan.prove.text import proof_lines  # noqa: PLC0415

        of_saved = [word for name in saved for word in ("--ruleset", name)]
        trace = [] if observe is None else ["fwplan", "trace", *files, *of_saved]
        what = "all packets" if packets == "all" else "all packets by a bridge of the networks"
        show(proof_lines(proof, what, seconds, trace, width or screen_width()))
    sys.exit(0 if proof.holds else FINDINGS)


def _layouts(plan: Plan, networks: Sequence[Network]) -> tuple[Side, Side]:
    """The plan, and the same networks in the other layout."""
    other = make_plan(networks, layout=Layout.LIBVIRT if plan.layout is Layout.MAPS else Layout.MAPS, checked=True)
    of_iptables = ", iptables" if plan.backend is Backend.IPTABLES else ""
    left = Side(f"{_LAYOUTS[plan.layout]}{of_iptables}", planned_ruleset(plan))
    return left, Side(_LAYOUTS[other.layout], planned_ruleset(other))


def _plan_and_host(plan: Plan, observation: Observation, *, live: bool) -> tuple[Side, Side]:
    """The plan, and what a host has.

    Raises:
        UnreadableError: a part of what the host has could not be read, so that nothing is known of all packets.
    """
    ruleset = observation.ruleset
    unread = [*map(str, observation.doubts), *(f"an entry {each.kind!r}" for each in ruleset.unknown)]
    if unread:
        raise UnreadableError(f"nothing can be proved of a host that is not read as a whole: {'; '.join(unread)}")
    if "nftables" not in observation.seen:
        click.echo("fwplan: what was saved has nothing of nftables: it is taken to be all that the host has", err=True)
    return Side("the plan", planned_ruleset(plan)), Side("this host" if live else "the saved host", ruleset)


def _scene(plan: Plan) -> Scene:
    """The networks that have rules."""
    shares = [share for share in plan.networks if share.bridge is not None and share.network.meaning.filtered]
    bridges = frozenset(share.bridge for share in shares if share.bridge is not None)
    return Scene(bridges, tuple(ip.address for share in shares for ip in share.network.ips))


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is being done, on one line of a terminal, which is taken away at the end; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda what: click.echo(f"\r\033[K{what} ...", nl=False, err=True)
    finally:
        click.echo("\r\033[K", nl=False, err=True)
