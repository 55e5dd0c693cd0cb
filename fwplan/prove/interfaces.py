"""Names of interfaces, in classes that no rule of the rulesets in question tells apart."""

from __future__ import annotations

from bisect import bisect_left
from string import ascii_lowercase, digits, punctuation
from typing import TYPE_CHECKING

from fwplan.network.interface_name import interface_name_fault
from fwplan.prove.reading import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.prove.reading import Cut

HOST = 0
"""The class of no interface: by none comes what the host itself sends."""
_USUAL = ("outside0", "outside1", "eth0", "eth1", "wlan0", "wlan1")
"""Names that no rule is likely to give: first what `fwplan trace` calls the outside where it is not known."""


class Interfaces:
    """The classes, numbered: first that of no interface, then each name that a rule gives, then all others.

    Args:
        cuts: all names that rules give, and beginnings of such.
    """

    def __init__(self, cuts: Iterable[str]) -> None:
        beginnings, names = set(), set()
        for cut in cuts:
            if cut.endswith(f"\\{BEGINNING}"):
                names.add(f"{cut[:-2]}{BEGINNING}")
            elif cut.endswith(BEGINNING):
                beginnings.add(cut[:-1])
            else:
                names.add(cut)
        names.discard("")
        self._given = sorted(names)
        self._beginnings = sorted(beginnings | {""}, key=lambda text: (-len(text), text))
        others = [tuple(self._others(text)) for text in self._beginnings]
        self._classes = [("",), *((name,) for name in self._given), *(found for found in others if found)]

    def __len__(self) -> int:
        return len(self._classes)

    def name(self, number: int) -> str:
        """A name of a class; empty for no interface."""
        return self._classes[number][0]

    def another(self, number: int) -> str:
        """Another name of a class, where it has several."""
        return self._classes[number][-1]

    @property
    def others(self) -> int:
        """The class of all names that no rule gives, nor the beginning of."""
        return len(self._classes) - 1

    def number(self, name: str) -> int:
        """The class of a name that a rule gives; that of others where none does."""
        place = bisect_left(self._given, name)
        if place < len(self._given) and self._given[place] == name:
            return place + 1
        return 0 if not name else next(self._of_others(name))

    def _of_others(self, name: str) -> Iterator[int]:
        for number in range(len(self._given) + 1, len(self._classes)):
            if self._longest(self._classes[number][0]) == self._longest(name):
                yield number

    def cells(self, cuts: set[Cut]) -> list[tuple[int, int]]:
        """Spans of classes that have the same answer to a question about certain names: the first, and one of them."""
        if any(isinstance(cut, str) and cut.endswith(BEGINNING) for cut in cuts):
            return [(number, number) for number in range(len(self))]
        named = sorted({self.number(str(cut)) for cut in cuts} - {HOST})
        other = next((number for number in range(1, len(self)) if number not in named), None)
        found = [(HOST, HOST)]
        end = 1
        for number in named:
            if number > end and other is not None:
                found.append((end, other))
            found.append((number, number))
            end = number + 1
        if end < len(self) and other is not None:
            found.append((end, other))
        return found

    def _longest(self, name: str) -> str:
        return next(text for text in self._beginnings if name.startswith(text))

    def _others(self, text: str) -> Iterator[str]:
        """Two names that begin with a text, and that no rule tells from others that do; fewer where there are none."""
        numbers = map(str, range(len(self._given) + len(self._beginnings) + 2))
        tails = ["", *numbers, *ascii_lowercase, *digits, *punctuation]
        tried = [text + tail for tail in tails] if text else [*_USUAL, *(f"outside{tail}" for tail in tails[1:])]
        tried += [] if text else [*digits, *ascii_lowercase, *punctuation]
        left = 2
        for name in dict.fromkeys(tried):
            if left and not interface_name_fault(name) and name not in self._given and self._longest(name) == text:
                left -= 1
                yield name
