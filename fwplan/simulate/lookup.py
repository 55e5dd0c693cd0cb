"""Sets and maps: what a key is looked up in, prepared once.

A key of several parts is a tuple. Where a part of it is not given, the elements that it may be are found by the others.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from fwplan.nft.datatypes import Form
from fwplan.nft.expressions import (
    Concatenation,
    Element,
    Prefix,
    Range,
    Word,
)
from fwplan.nft.statements import ConnectionLimit, Limit, Quota, UseObject
from fwplan.simulate.constants import constant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.nft.datatypes import Datatype
    from fwplan.nft.expressions import Expression

    Key = int | str | tuple[int | str | None, ...] | None
    """Of several parts, or of one."""
    Data = Expression | None


class Absent(enum.Enum):
    """See `ABSENT`."""

    ABSENT = 0


ABSENT: Final = Absent.ABSENT
"""There is no such thing in the packet, or in the kernel."""


class Miss(enum.Enum):
    """See `MISS`."""

    MISS = 0


MISS: Final = Miss.MISS
"""There is no such element."""


class Possible(NamedTuple):
    """What may be found.

    Attributes:
        data: what each of the elements stands for.
        or_none: whether there may be no such element as well.
    """

    data: tuple[Data, ...]
    or_none: bool


class Hit(NamedTuple):
    """What was found, and what it stands for: None in a set."""

    data: Data


Found = Hit | Possible | Miss


class _Span(NamedTuple):
    """What a part of a key is in: numbers, or names that begin with a text."""

    start: int
    end: int


class _Beginning(NamedTuple):
    text: str


Part = int | str | _Span | _Beginning | None


class Lookup:
    """A set or map."""

    def __init__(self, elements: Iterable[Element], datatypes: tuple[Datatype | None, ...]) -> None:
        self._exact: dict[object, Hit] = {}
        self._spans: list[tuple[int, int, Hit]] = []
        self._beginnings: list[tuple[str, Hit]] = []
        self._several: list[tuple[tuple[Part, ...], Hit]] = []
        self._doubtful: list[tuple[tuple[Part, ...], Hit]] = []
        self._otherwise: Hit | None = None
        self._parts = len(datatypes)
        for element in elements:
            self._add(element, datatypes)
        self._spans.sort(key=lambda span: span[:2])
        self._starts = [span[0] for span in self._spans]

    def _add(self, element: Element, datatypes: tuple[Datatype | None, ...]) -> None:
        hit = Hit(element.data)
        if element.key == Word("*"):
            self._otherwise = hit
            return
        parts = _parts(element.key, datatypes)
        if None in parts or any(
            isinstance(statement, Limit | Quota | ConnectionLimit | UseObject) for statement in element.statements
        ):
            self._doubtful.append((parts, hit))
            return
        self._several.append((parts, hit))
        if all(isinstance(part, int | str) for part in parts):
            self._exact[parts[0] if self._parts == 1 else parts] = hit
        elif self._parts == 1:
            match parts[0]:
                case _Span(start, end):
                    self._spans.append((start, end, hit))
                case _Beginning(text):
                    self._beginnings.append((text, hit))

    def find(self, key: Key) -> Found:
        """Look a key up."""
        if key is None or (self._parts > 1 and None in key):  # type: ignore[operator]
            return self._possible(key)
        hit = self._sure(key)
        if not self._doubtful:
            return hit or self._otherwise or MISS
        doubtful = [found for parts, found in self._doubtful if _may_match(parts, key)]
        if hit is not None or not doubtful:
            return hit or self._otherwise or MISS
        return Possible(tuple({found.data for found in [*doubtful, *self._rest()]}), self._otherwise is None)

    @property
    def data(self) -> tuple[Data, ...]:
        """What elements stand for, each once."""
        return tuple(dict.fromkeys(hit.data for hit in [*self._all(), *self._rest()]))

    def _all(self) -> list[Hit]:
        return [hit for _, hit in [*self._several, *self._doubtful]]

    def _rest(self) -> list[Hit]:
        return [] if self._otherwise is None else [self._otherwise]

    def _sure(self, key: Key) -> Hit | None:
        hit = self._exact.get(key)
        if hit is not None:
            return hit
        if self._parts > 1:
            if len(self._exact) == len(self._several):
                return None
            return next((found for parts, found in self._several if _may_match(parts, key)), None)
        if isinstance(key, int) and self._spans:
            place = bisect_right(self._starts, key) - 1
            if place >= 0 and key <= self._spans[place][1]:
                return self._spans[place][2]
        if isinstance(key, str):
            # the longest beginning is the narrowest
            fitting = [(len(text), found) for text, found in self._beginnings if key.startswith(text)]
            return max(fitting, key=lambda pair: pair[0])[1] if fitting else None
        return None

    def _possible(self, key: Key) -> Found:
        if self._parts == 1 or key is None:
            hits = self._all()
        else:
            hits = [hit for parts, hit in [*self._several, *self._doubtful] if _may_match(parts, key)]
        if not hits:
            return self._otherwise or MISS
        return Possible(tuple(dict.fromkeys(hit.data for hit in [*hits, *self._rest()])), self._otherwise is None)


def _may_match(parts: tuple[Part, ...], key: Key) -> bool:
    values = key if isinstance(key, tuple) else (key,)
    return all(_part_may_match(part, value) for part, value in zip(parts, values, strict=False))


def _part_may_match(part: Part, value: int | str | None) -> bool:
    if part is None or value is None:
        return True
    match part:
        case _Span(start, end):
            return isinstance(value, int) and start <= value <= end
        case _Beginning(text):
            return isinstance(value, str) and value.startswith(text)
        case _:
            return part == value


def _parts(key: Expression, datatypes: tuple[Datatype | None, ...]) -> tuple[Part, ...]:
    if isinstance(key, Concatenation) and len(key.parts) == len(datatypes):
        return tuple(part_of(part, datatype) for part, datatype in zip(key.parts, datatypes, strict=True))
    if len(datatypes) == 1:
        return (part_of(key, datatypes[0]),)
    return (None,) * max(len(datatypes), 1)


def part_of(expression: Expression, datatype: Datatype | None) -> Part:
    """What one value is compared with: a number, a name, a span or a beginning; None where that is not understood."""
    match expression:
        case Prefix(address, length):
            return _prefix_span(address, length, datatype)
        case Range(start, end):
            first, last = constant(start, datatype), constant(end, datatype)
            return _Span(first, last) if isinstance(first, int) and isinstance(last, int) else None
        case Word(text) if datatype is not None and datatype.form is Form.INTERFACE_NAME and text.endswith("*"):
            if text.endswith("\\*"):
                return f"{text[:-2]}*"
            return _Beginning(text[:-1])
        case _:
            return constant(expression, datatype)


def _prefix_span(address: Expression, length: int, datatype: Datatype | None) -> _Span | None:
    number = constant(address, datatype)
    if not isinstance(number, int) or datatype is None or not 0 <= length <= datatype.bits:
        return None
    free = datatype.bits - length
    start = number >> free << free
    return _Span(start, start | ((1 << free) - 1)) if number == start else None


def in_span(part: Part) -> tuple[int, int] | None:
    """The first and last number of a part that is numbers."""
    if isinstance(part, _Span):
        return part.start, part.end
    return (part, part) if isinstance(part, int) else None


def beginning(part: Part) -> str | None:
    """The text that names begin with, of a part that is such names."""
    return part.text if isinstance(part, _Beginning) else None
