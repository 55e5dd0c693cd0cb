"""Figures as text for people, and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fwplan.bench.cases import Case, Guest, Metric, Rules
from fwplan.preview.layout import Line, Piece, Style

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.bench.figures import Report

JSON_VERSION = 1

_TITLES = {
    Metric.PACKETS: ("small UDP packets, thousands a second", 1e3, 0),
    Metric.BULK: ("one TCP connection, Gbit a second", 1e9, 1),
    Metric.CONNECTIONS: ("new UDP flows, thousands a second", 1e3, 0),
}
"""Of each metric what it is, the unit, and how many digits it has behind the point."""
_COLUMN, _MARGIN = 12, 18


def report_lines(report: Report) -> list[Line]:
    """A table for each metric: the figure, and beside it its part of what the floor came to in the same round."""
    machine = report.machine
    processors = "1 processor" if machine.processors == 1 else f"{machine.processors} processors"
    rounds = "1 round" if len(report.rounds) == 1 else f"{len(report.rounds)} rounds"
    where = f" · Linux {machine.kernel}, {processors}, load {machine.load:.1f} before · {rounds} of {report.seconds} s"
    lines: list[Line] = [(Piece("bench", Style.HEADING), Piece(where))]
    for metric, (title, unit, digits) in _TITLES.items():
        lines += [(), (Piece(f"  {title}", Style.PROMISE),), _row("networks, guest of", [r.value for r in Rules])]
        for networks in report.sizes:
            for guest in Guest:
                if guest is Guest.LAST and networks == 1:
                    continue
                cells = [_cell(report, Case(rules, networks, guest), metric, unit, digits) for rules in Rules]
                lines.append(_row(f"{networks:>7,}, the {guest.value}", cells))
    return [*lines, (), (Piece("In brackets: the part of the floor, one masquerade rule, in the same round."),)]


def _row(label: str, cells: list[str]) -> Line:
    return (Piece(f"  {label:<{_MARGIN}}"), *(Piece(f"{cell:>{_COLUMN}}") for cell in cells))


def _cell(report: Report, case: Case, metric: Metric, unit: float, digits: int) -> str:
    value, ratio = report.value(case, metric), report.ratio(case, metric)
    if value is None:
        return ""
    told = f"{value / unit:.{digits}f}"
    return told if ratio is None or case.rules is Rules.FLOOR else f"{told} ({ratio:.2f})"


def report_json(report: Report) -> str:
    """All figures of all rounds, a second: packets, bits, flows."""
    document = {
        "fwplan": JSON_VERSION,
        "machine": {
            "kernel": report.machine.kernel,
            "processors": report.machine.processors,
            "load": report.machine.load,
        },
        "seconds": report.seconds,
        "figures": list(_figures(report)),
    }
    return f"{json.dumps(document, indent=2)}\n"


def _figures(report: Report) -> Iterator[dict[str, object]]:
    for number, of_round in enumerate(report.rounds, start=1):
        for (case, metric), value in of_round.items():
            yield {
                "round": number,
                "rules": case.rules.value,
                "networks": case.networks,
                "guest": case.guest.value,
                "metric": metric.value,
                "a_second": round(value),
            }
