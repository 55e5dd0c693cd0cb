"""Text from a definition made safe for a comment or a terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
    """`text` without anything that ends a line or drives a terminal: such characters become visible escapes.

    Names come from definitions, and a definition may come from anybody. U+2028, C1 controls and the marks that turn
    the direction of writing are not printable, so that none of them gets through.
    """
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
