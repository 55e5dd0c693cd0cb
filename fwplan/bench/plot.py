"""Packets a second against networks, as a picture."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING

from fwplan.bench.cases import Case, Guest, Metric, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.bench.figures import Report

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 44, 56
_SERIES: tuple[tuple[Rules, Guest, str], ...] = (
    (Rules.NONE, Guest.FIRST, "no rules"),
    (Rules.FLOOR, Guest.FIRST, "one masquerade rule"),
    (Rules.MAPS, Guest.FIRST, "maps, first network"),
    (Rules.MAPS, Guest.LAST, "maps, last network"),
    (Rules.LIBVIRT, Guest.LAST, "libvirt, last network"),
    (Rules.LIBVIRT, Guest.FIRST, "libvirt, first network"),
    (Rules.IPTABLES, Guest.LAST, "iptables, last network"),
    (Rules.IPTABLES, Guest.FIRST, "iptables, first network"),
)
_APART = 15
"""Pixels between two names of series, at least."""
_ROLE = 'role="img" aria-labelledby="title description"'
_STYLE = """\
  <style>
    svg { background: #fff; font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
    text { fill: #1f2933; font-size: 12px; }
    .title { font-size: 15px; font-weight: 600; }
    .middle { text-anchor: middle; }
    .end { text-anchor: end; }
    .axis { stroke: #52606d; }
    .grid { stroke: #e4e7eb; }
    polyline { fill: none; stroke: currentColor; stroke-width: 2; }
    circle, text.name { fill: currentColor; }
    .none { color: #9aa5b1; stroke-dasharray: 2 4; }
    .floor { color: #52606d; stroke-dasharray: 6 4; }
    .maps { color: #1b7f4b; }
    .libvirt { color: #b5483c; }
    .iptables { color: #b88400; }
    polyline.last { stroke-dasharray: 1 3; }
    @media (prefers-color-scheme: dark) {
      svg { background: #15191e; }
      text { fill: #e4e7eb; }
      .grid { stroke: #2b333b; }
      .axis { stroke: #b0bac5; }
      .floor { color: #b0bac5; }
    }
  </style>"""


def plot_svg(report: Report) -> str:
    """Small UDP packets a second against the number of networks, which grows by the same factor everywhere."""
    sizes = report.sizes
    highest = _round_up(
        max((value or 0) / 1e3 for rules, guest, _ in _SERIES for value in _values(report, rules, guest)) or 1.0
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_ROLE}>',
        '  <title id="title">Small packets a second against networks</title>',
        f'  <desc id="description">{_described(report)}</desc>',
        _STYLE,
        f'  <text class="title" x="{_LEFT}" y="22">small UDP packets forwarded, thousands a second</text>',
        *_axes(sizes, highest),
        *_lines(report, sizes, highest),
        "</svg>",
    ]
    return "".join(f"{line}\n" for line in lines)


def _values(report: Report, rules: Rules, guest: Guest) -> list[float | None]:
    # of one network the first is the last
    return [
        report.value(Case(rules, networks, Guest.FIRST if networks == 1 else guest), Metric.PACKETS)
        for networks in report.sizes
    ]


def _described(report: Report) -> str:
    parts = []
    for rules, guest, name in _SERIES:
        told = [f"{value / 1e3:.0f}" for value in _values(report, rules, guest) if value is not None]
        if told:
            parts.append(f"{name}: {', '.join(told)}")
    return f"Networks: {', '.join(map(str, report.sizes))}. Thousands a second: {'; '.join(parts)}."


def _x(networks: int, sizes: Sequence[int]) -> float:
    first, last = log10(sizes[0]), log10(sizes[-1])
    span = _WIDTH - _LEFT - _RIGHT
    return _LEFT + (0 if last == first else (log10(networks) - first) / (last - first) * span)


def _y(thousands: float, highest: float) -> float:
    return _HEIGHT - _BOTTOM - thousands / highest * (_HEIGHT - _TOP - _BOTTOM)


def _axes(sizes: Sequence[int], highest: float) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for step in range(6):
        value = highest * step / 5
        y = _y(value, highest)
        yield f'  <line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield f'  <text class="end" x="{_LEFT - 8}" y="{y + 4:.1f}">{value:g}</text>'
    for networks in sizes:
        x = _x(networks, sizes)
        yield f'  <line class="axis" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 5}"/>'
        yield f'  <text class="middle" x="{x:.1f}" y="{bottom + 20}">{networks:,}</text>'
    yield f'  <line class="axis" x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
    yield f'  <text class="middle" x="{(_LEFT + right) / 2:.1f}" y="{bottom + 42}">networks on the host</text>'


def _lines(report: Report, sizes: Sequence[int], highest: float) -> Iterator[str]:
    names: list[tuple[float, Rules, str]] = []
    for rules, guest, name in _SERIES:
        points = [
            (_x(networks, sizes), _y(value / 1e3, highest))
            for networks, value in zip(sizes, _values(report, rules, guest), strict=True)
            if value is not None
        ]
        if not points:
            continue
        written = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'  <polyline class="{rules.value} {guest.value}" points="{written}"/>'
        for x, y in points:
            yield f'  <circle class="{rules.value}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
        names.append((points[-1][1], rules, name))
    names.sort(key=lambda each: each[0])
    for y, (_, rules, name) in zip(_apart([y for y, _, _ in names]), names, strict=True):
        yield f'  <text class="name {rules.value}" x="{_WIDTH - _RIGHT + 12}" y="{y + 4:.1f}">{name}</text>'


def _apart(heights: Sequence[float]) -> list[float]:
    """Places for names, from the top: each near its line, none on another, and none below the axis."""
    found: list[float] = []
    for height in heights:
        found.append(max(height, found[-1] + _APART) if found else height)
    limit = float(_HEIGHT - _BOTTOM)
    for place in reversed(range(len(found))):
        found[place] = min(found[place], limit)
        limit = found[place] - _APART
    return found


def _round_up(value: float) -> float:
    """To 1, 2, 4, 5 or 8 with noughts."""
    scale = 10 ** int(log10(value)) if value >= 1 else 1
    return next(float(step * scale) for step in (1, 2, 4, 5, 8, 10) if step * scale >= value)
