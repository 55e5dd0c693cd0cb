"""A rehearsal as a picture: for each family, who reaches whom."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from fwplan.lab.matrix import Reach, pairs, places
from fwplan.lab.words import SIGNS
from fwplan.preview.comment import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fwplan.lab.matrix import Cell
    from fwplan.lab.rehearsal import Rehearsal
    from fwplan.lab.world import Place
    from fwplan.plan.intents import Family

_CHARACTER = 8.5
"""Pixels that a character of a label takes, at most."""
_NARROWEST, _ROW, _GAP, _MARGIN = 96, 44, 6, 20
_HEAD = 64
_LEGEND = 18

_ROLE = 'role="img" aria-labelledby="title description"'
_STYLE = """\
  <style>
    svg { background: #fff; font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
    text { fill: #1f2933; font-size: 14px; text-anchor: middle; }
    .family { font-size: 16px; font-weight: 600; text-anchor: start; }
    .from { font-weight: 600; text-anchor: end; }
    .to { font-weight: 600; }
    .sign { font-size: 17px; }
    .source { fill: #52606d; font-size: 11px; }
    .legend { fill: #52606d; font-size: 12px; text-anchor: start; }
    .answered { fill: #d8f0de; stroke: #3f8f5a; }
    .arrives { fill: #fff4d6; stroke: #b88400; }
    .refused, .silent { fill: #f7dedb; stroke: #b5483c; }
    .wrong { stroke-width: 3; stroke: #d00000; }
    .none { fill: none; stroke: #cbd2d9; stroke-dasharray: 4 4; }
    @media (prefers-color-scheme: dark) {
      svg { background: #15191e; }
      text { fill: #e4e7eb; }
      .source, .legend { fill: #b0bac5; }
      .answered { fill: #173a24; stroke: #5fb37c; }
      .arrives { fill: #3a2f10; stroke: #e0b040; }
      .refused, .silent { fill: #3f1f1b; stroke: #e07a6d; }
      .wrong { stroke: #ff5a5a; }
      .none { stroke: #3e4c59; }
    }
  </style>"""
_MEANINGS = {
    Reach.ANSWERED: "reached, and the answer came back",
    Reach.ARRIVES: "arrived, but no answer came back",
    Reach.REFUSED: "refused",
    Reach.SILENT: "nothing arrived, and the sender was not told",
}


def rehearsal_svg(rehearsal: Rehearsal) -> str:
    """The matrices of all families, below each other."""
    families = rehearsal.world.families
    shown = {family: places(rehearsal, family) for family in families}
    labels = [one_line(place.label) for of_family in shown.values() for place in of_family]
    column = max(_NARROWEST, *(int(len(label) * _CHARACTER) + _GAP for label in labels))
    width = 2 * _MARGIN + (1 + max(map(len, shown.values()))) * (column + _GAP)
    body: list[str] = []
    top = _MARGIN
    for family, of_family in shown.items():
        body += _matrix(pairs(rehearsal, family), family, of_family, column, top)
        top += _HEAD + len(of_family) * (_ROW + _GAP) + _MARGIN
    legend = list(_legend(rehearsal))
    body += [
        f'<text class="legend" x="{_MARGIN}" y="{top + number * _LEGEND}">{escape(meaning)}</text>'
        for number, meaning in enumerate(legend)
    ]
    top += len(legend) * _LEGEND
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" {_ROLE}>',
        '  <title id="title">Who reaches whom</title>',
        f'  <desc id="description">{escape(" ".join(_sentences(rehearsal)))}</desc>',
        _STYLE,
    ]
    return "\n".join([*head, *(f"  {line}" for line in body), "</svg>", ""])


def _matrix(
    cells: Mapping[tuple[int, int], Cell], family: Family, shown: Sequence[Place], column: int, top: int
) -> Iterator[str]:
    """One family: a head, and a row for each sender."""
    yield f'<text class="family" x="{_MARGIN}" y="{top + 16}">{family.value}, from row to column</text>'
    for number, receiver in enumerate(shown, start=1):
        yield _text("to", _left(number, column) + column / 2, top + 46, receiver.label)
    for row, sender in enumerate(shown):
        y = top + _HEAD - _GAP + row * (_ROW + _GAP)
        yield _text("from", _MARGIN + column - _GAP, y + 27, sender.label)
        for number, receiver in enumerate(shown, start=1):
            x = _left(number, column)
            cell = cells.get((sender.number, receiver.number))
            if cell is not None:
                yield from _cell(cell, x, y, column)
            elif sender is not receiver or len(sender.machines) > 1:
                yield f'<rect class="none" x="{x}" y="{y}" width="{column}" height="{_ROW}" rx="8"/>'


def _left(number: int, column: int) -> int:
    return _MARGIN + number * (column + _GAP)


def _cell(cell: Cell, x: int, y: int, column: int) -> Iterator[str]:
    first = cell.got[0]
    looks = f"{first.reach.value}{' wrong' if cell.errors else ''}"
    source = f"{cell.errors} of {cell.probes} wrong" if cell.errors else first.source
    yield f'<rect class="{looks}" x="{x}" y="{y}" width="{column}" height="{_ROW}" rx="8"/>'
    yield _text("sign", x + column / 2, y + (19 if source else 27), SIGNS[first.reach])
    if source:
        yield _text("source", x + column / 2, y + 36, source)


def _legend(rehearsal: Rehearsal) -> Iterator[str]:
    """What the signs mean that stand in the picture."""
    cells = [cell for family in rehearsal.world.families for cell in pairs(rehearsal, family).values()]
    signs = {cell.got[0].reach for cell in cells}
    yield from (f"{SIGNS[reach]} {meaning}" for reach, meaning in _MEANINGS.items() if reach in signs)
    if any(sight.source for cell in cells for sight in cell.got):
        yield "An address is what the other side saw instead of the sender's own."
    if rehearsal.differing:
        yield "A thick frame: not as promised."


def _text(looks: str, x: float, y: float, text: str) -> str:
    return f'<text class="{looks}" x="{x:g}" y="{y:g}">{escape(one_line(text))}</text>'


def _sentences(rehearsal: Rehearsal) -> Iterator[str]:
    """The picture in words."""
    for family in rehearsal.world.families:
        cells, shown = pairs(rehearsal, family), places(rehearsal, family)
        for sender in shown:
            reached = [
                receiver.label
                for receiver in shown
                if (cell := cells.get((sender.number, receiver.number))) and cell.got[0].reach is Reach.ANSWERED
            ]
            yield f"{family.value}: {one_line(sender.label)} reaches {one_line(', '.join(reached)) or 'nobody'}."
