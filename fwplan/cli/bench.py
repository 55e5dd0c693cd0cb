"""`fwplan bench`: what the rules of many networks cost on this machine, layout by layout."""

from __future__ import annotations

from pathlib import Path

import click

from fwplan.bench.rulesets import MOST_NETWORKS
from fwplan.cli.definitions import trouble
from fwplan.cli.host_options import say
from fwplan.cli.options import text_or_json
from fwplan.cli.screen import show
from fwplan.errors import FwplanError

_EPILOG = """\b
Examples:
  sudo fwplan bench                                  1 to 1,000 networks, three rounds: some minutes
  sudo fwplan bench --networks 1,200 --rounds 1      a first look
  sudo fwplan bench --svg packets.svg --format json  a picture, and all figures
"""


class _Sizes(click.ParamType[tuple[int, ...]]):
    name = "list"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if not isinstance(value, str):
            return tuple(value)  # type: ignore[arg-type]
        words = value.split(",")
        if not all(word.isdecimal() and 0 < int(word) <= MOST_NETWORKS for word in words):
            self.fail(f"{value!r} is no list of numbers from 1 to {MOST_NETWORKS}, such as 1,10,100", param, ctx)
        return tuple(sorted({int(word) for word in words}))


@click.command("bench", epilog=_EPILOG)
@click.option(
    "--networks",
    "sizes",
    type=_Sizes(),
    default="1,10,100,1000",
    show_default=True,
    metavar="N,N,…",
    help="How many networks the host has.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="How often all is measured.")
@click.option(
    "--seconds", type=click.IntRange(min=1), default=1, show_default=True, help="How long each measurement takes."
)
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw packets against networks, too.")
@text_or_json
def command(*, sizes: tuple[int, ...], rounds: int, seconds: int, svg: Path | None, format_name: str) -> None:
    """Measure what the rules of many NAT networks cost on this machine: packets, one TCP connection, new flows.

    A guest sends through a host to the outside, all three in network namespaces: the machine's own rules and interfaces
    are not touched. The host has no rules, one masquerade rule (the floor), and the rules of as many networks as asked
    for in each layout, all of it in each round. It needs root, and
    trafgen, iperf3, nft, ip and iptables.
    """
    from fwplan.bench.report import report_json, report_lines  # noqa: PLC0415 - only what is asked for
    from fwplan.bench.run import bench  # noqa: PLC0415

    try:
        report = bench(sizes, rounds=rounds, seconds=seconds, on_progress=say)
    except FwplanError as error:
        trouble(error)
    if svg is not None:
        from fwplan.bench.plot import plot_svg  # noqa: PLC0415

        try:
            svg.write_text(plot_svg(report), encoding="utf-8")
        except OSError as error:
            trouble(f"cannot write {svg}: {error.strerror}")
    if format_name == "json":
        click.echo(report_json(report), nl=False)
    else:
        show(report_lines(report))
