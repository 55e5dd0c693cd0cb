"""`fwplan graph`: a ruleset as a picture: of a host, live or saved, or of what a plan makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fwplan.audit.planned import planned_ruleset
from fwplan.cli.definitions import trouble, valid_definitions
from fwplan.cli.observed import ruleset_option, start_observing
from fwplan.cli.options import format_option
from fwplan.cli.plan_options import backend_option
from fwplan.errors import FwplanError
from fwplan.graph.build import build
from fwplan.plan.plan import Backend, make_plan
from fwplan.trace.reasons import Reasons

if TYPE_CHECKING:
    from fwplan.graph.build import Rules
    from fwplan.graph.picture import Picture

_EPILOG = """\b
Examples:
  sudo fwplan graph > host.svg                      all that this host has, and whose it is
  sudo fwplan graph --network lab.xml > lab.svg     only what this network's packets meet
  fwplan graph default.xml lab.xml > plan.svg       what a plan of two networks makes
  fwplan graph --ruleset host7.json --format dot | dot -Tpdf > host7.pdf
  fwplan graph --ruleset host7.json --network lab.xml --all > host7.svg
"""


@click.command("graph", epilog=_EPILOG)
@click.argument("files", metavar="[FILE…]", nargs=-1, type=click.Path())
@ruleset_option
@click.option(
    "--network",
    "in_question",
    metavar="FILE",
    multiple=True,
    type=click.Path(),
    help="A definition of a network on the host: show what its packets meet, and the rules that name it. May be given "
    "several times.",
)
@backend_option("With FILE: what carries the rules.")
@click.option("--all", "everything", is_flag=True, help="With --network: show the rest too, standing back.")
@click.option(
    "--rules",
    type=click.Choice(["auto", "all", "none"]),
    default="auto",
    show_default=True,
    help="Which rules are written out; auto: those about the network, or all where they are few.",
)
@format_option("svg", "dot", "mermaid", help="svg for a browser or a page; dot for Graphviz; mermaid for Markdown.")
@click.option("--title", metavar="TEXT", help="Of the picture.  [default: what it is of]")
def command(
    files: tuple[str, ...],
    *,
    saved: tuple[str, ...],
    in_question: tuple[str, ...],
    backend: str,
    everything: bool,
    rules: Rules,
    format_name: str,
    title: str | None,
) -> None:
    """Draw a ruleset: hooks in the order of a packet's way, base chains by priority, jumps, and whose each chain is.

    Without FILE it is that of this host, or of a saved one; with FILE, libvirt <network> definitions, that of their
    plan. Nothing is changed.
    """
    if files and (saved or in_question):
        raise click.UsageError("FILE is for the picture of a plan; for one of a host, name networks with --network")
    try:
        if files:
            picture = _of_plan(files, Backend(backend), rules, title)
        else:
            picture = _of_host(saved, in_question, rules, title, everything=everything)
        click.echo(_written(picture, format_name), nl=False)
    except FwplanError as error:
        trouble(error)


def _of_plan(files: tuple[str, ...], backend: Backend, rules: Rules, title: str | None) -> Picture:
    networks = valid_definitions(files)
    plan = make_plan(networks, backend=backend, checked=True)
    names = ", ".join(network.name for network in networks)
    what = f"What network {names} leads to" if len(networks) == 1 else f"What networks {names} lead to"
    reasons = Reasons(plan)
    return build(planned_ruleset(plan), title or what, rules=rules, reason_of=reasons.in_words)


def _of_host(
    saved: tuple[str, ...], in_question: tuple[str, ...], rules: Rules, title: str | None, *, everything: bool
) -> Picture:
    look = start_observing(saved, ())
    networks = valid_definitions(in_question)
    observation = look()
    ruleset = observation.ruleset
    if not networks:
        return build(
            ruleset, title or ("The rules of a saved host" if saved else "The rules of this host"), rules=rules
        )
    from fwplan.graph.focus import focus_on  # noqa: PLC0415 - only networks in question need it

    plans = [make_plan(networks, backend=backend, checked=True) for backend in Backend]
    focus = focus_on(plans[0].networks, ruleset, observation.world)
    names = ", ".join(network.name for network in networks)
    what = f"Where packets of network{'s' if len(networks) > 1 else ''} {names} go"
    reasons = Reasons(*plans)
    return build(ruleset, title or what, focus=focus, everything=everything, rules=rules, reason_of=reasons.in_words)


def _written(picture: Picture, format_name: str) -> str:
    match format_name:
        case "dot":
            from fwplan.graph.dot import dot  # noqa: PLC0415 - each format needs one of them

            return dot(picture)
        case "mermaid":
            from fwplan.graph.mermaid import mermaid  # noqa: PLC0415

            return mermaid(picture)
        case _:
            from fwplan.graph.svg import svg  # noqa: PLC0415

            return svg(picture)
