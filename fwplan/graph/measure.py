"""How wide text is, and how it is made to fit, without a font at hand: names stand in a fixed-width one."""

from __future__ import annotations

import textwrap

FIXED = 0.605
"""The width of each character of a fixed-width font, in its size: that of DejaVu Sans Mono; others are no wider."""
_PROPORTIONAL = 0.54
"""The same for a proportional font, on average and on the safe side."""


def fixed_width(text: str, size: float) -> float:
    """Pixels that a text takes in a fixed-width font."""
    return len(text) * size * FIXED


def width(text: str, size: float) -> float:
    """Pixels that a text takes at most in a proportional font."""
    return len(text) * size * _PROPORTIONAL


def fitting(pixels: float, size: float) -> int:
    """How many characters of a fixed-width font fit."""
    return max(int(pixels / (size * FIXED)), 4)


def shortened(text: str, characters: int, *, from_start: bool = False) -> str:
    """A text with an ellipsis in its middle, or at its start, where it is too long."""
    if len(text) <= characters:
        return text
    end = characters - 1 if from_start else (characters - 1) // 3
    return f"{text[: characters - 1 - end]}…{text[len(text) - end :] if end else ''}"


def broken(text: str, characters: int, lines: int) -> list[str]:
    """A text in no more than so many lines, with an ellipsis at its end where that is not enough."""
    found = textwrap.wrap(text, characters, break_on_hyphens=False, subsequent_indent="  ") or [""]
    if len(found) > lines:
        found = [*found[: lines - 1], f"{found[lines - 1][: characters - 1]}…"]
    return found
