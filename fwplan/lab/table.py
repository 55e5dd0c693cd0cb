"""Tables of styled cells; one that is too wide is broken into several, each with the labels of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.preview.layout import Line, Piece, Style

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAPS = (3, 2)
"""Blanks between columns: the first that makes the table fit."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its label, and a cell for each column."""

    label: str
    cells: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        corner: stands above the labels of the rows.
        columns: the heads of the columns.
        rows: from top to bottom.
    """

    corner: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def lines(self, width: int) -> list[Line]:
        """The table, at most `width` columns wide if its cells allow that."""
        for gap in _GAPS:
            if self._width(gap) <= width:
                return self._lines(gap)
        if len(self.columns) <= 1:
            return self._lines(_GAPS[-1])
        fitting = self._fitting(width)
        left, right = self._part(0, fitting), self._part(fitting, len(self.columns))
        return [*left.lines(width), (), *right.lines(width)]

    def width(self) -> int:
        """How wide it would like to be."""
        return self._width(_GAPS[0])

    def _width(self, gap: int) -> int:
        return self._label_width() + sum(gap + width for width in self._column_widths())

    def _fitting(self, width: int) -> int:
        """How many columns fit, but one at least, and one less than all at most."""
        left = width - self._label_width()
        number = 0
        for column in self._column_widths():
            left -= _GAPS[-1] + column
            if left < 0:
                break
            number += 1
        return min(max(number, 1), len(self.columns) - 1)

    def _part(self, first: int, end: int) -> Table:
        rows = tuple(Row(row.label, row.cells[first:end]) for row in self.rows)
        return Table(self.corner, self.columns[first:end], rows)

    def _label_width(self) -> int:
        return max(len(label) for label in (self.corner, *(row.label for row in self.rows)))

    def _column_widths(self) -> list[int]:
        return [
            max(len(head), *(_length(row.cells[number]) for row in self.rows))
            for number, head in enumerate(self.columns)
        ]

    def _lines(self, gap: int) -> list[Line]:
        heads: list[Line] = [(Piece(head, Style.PROMISE),) for head in self.columns]
        lines = [self._line((Piece(self.corner, Style.HEADING),), heads, gap)]
        lines += [self._line((Piece(row.label, Style.PROMISE),), row.cells, gap) for row in self.rows]
        return lines

    def _line(self, label: Line, cells: Sequence[Line], gap: int) -> Line:
        pieces = list(label)
        space = self._label_width() - _length(label) + gap
        for cell, width in zip(cells, self._column_widths(), strict=True):
            pieces += [Piece(" " * space), *cell]
            space = width - _length(cell) + gap
        return tuple(pieces)


def _length(line: Line) -> int:
    return sum(len(piece.text) for piece in line)
