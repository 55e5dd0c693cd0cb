"""Lines of styled text, broken to a width. What a style looks like is for the command line to say."""

from __future__ import annotations

import enum
import textwrap
from dataclasses import dataclass

DEFAULT_WIDTH = 80
"""Columns of text where nobody says how wide the reader's screen is."""


class Style(enum.Enum):
    """What a piece of text is."""

    PLAIN = "plain"
    HEADING = "heading"
    PROMISE = "promise"
    NUMBER = "number"
    PLACE = "place"
    RULE = "rule"
    REASON = "reason"
    REFUSAL = "refusal"
    ADDED = "added"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line in one style."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Piece, ...]


def plain(lines: list[Line]) -> str:
    """The lines without styles."""
    return "".join("".join(piece.text for piece in line).rstrip() + "\n" for line in lines)


def paragraph(text: str, width: int, style: Style = Style.PLAIN, *, indent: int = 0) -> list[Line]:
    """`text` broken into lines of `width` columns at most, words that are longer excepted."""
    return [(Piece(" " * indent), Piece(line, style)) for line in wrap(text, width - indent)]


def wrap(text: str, width: int) -> list[str]:
    """`text` broken at blanks."""
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False) or [""]


def columns(left: list[Line], right: list[Line], left_width: int) -> list[Line]:
    """`left` and `right` beside each other."""
    lines = []
    for index in range(max(len(left), len(right))):
        begin = left[index] if index < len(left) else ()
        gap = Piece(" " * max(left_width - sum(len(piece.text) for piece in begin), 0))
        lines.append((*begin, gap, *right[index]) if index < len(right) else begin)
    return lines
