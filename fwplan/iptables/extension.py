"""How an extension's options are read: which there are, how many words each takes, and what all of them come to.

An option that is not among them is unknown, and so is one that says something else than it may: what the others ask is
known all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

P = TypeVar("P")
"""What one option says."""
R = TypeVar("R")
"""What all options of an extension come to."""


@dataclass(frozen=True, slots=True)
class Option(Generic[P]):
    """An option.

    Attributes:
        read: what its words say; raises ValueError where they say something else than they may.
        words: how many follow.
    """

    read: Callable[[Sequence[str]], P]
    words: int = 1

    def says(self, words: Sequence[str], *, negated: bool) -> P:
        """What its words say, with a `!` before it or not.

        Raises:
            ValueError: they say something else than they may, or there is no opposite of it.
        """
        piece = self.read(words)
        if not negated:
            return piece
        if not hasattr(piece, "negated"):
            raise ValueError(piece)
        negation: P = replace(cast("Any", piece), negated=True)
        return negation


@dataclass(frozen=True, slots=True)
class Extension(Generic[P, R]):
    """A match or target.

    Attributes:
        options: by name.
        join: what those that were given come to; raises ValueError where they do not belong together.
    """

    join: Callable[[Sequence[P]], R]
    options: Mapping[str, Option[P]] = field(default_factory=dict)


def one(read: Callable[[str], P]) -> Option[P]:
    """An option that is told one thing."""
    return Option(lambda words: read(words[0]))


def flag(piece: P) -> Option[P]:
    """An option that is told nothing."""
    return Option(lambda _: piece, words=0)


def independent(**options: Option[P]) -> Extension[P, tuple[P, ...]]:
    """An extension whose options say each something of its own; `_` in their names stands for `-`."""
    return Extension(tuple, named(**options))


def named(**options: Option[P]) -> Mapping[str, Option[P]]:
    """Options by their names on the command line; `_` stands for `-`."""
    return {f"--{name.replace('_', '-')}": option for name, option in options.items()}
