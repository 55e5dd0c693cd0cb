"""Two diagrams held against each other: the classes of packets that they treat alike, differently, or it is not known.

A class is a way through both diagrams at once: a span of each dimension that is asked for on the way. All its packets
have the same answer of either diagram.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fwplan.prove.diagram import Leaf, aligned
from fwplan.prove.dimensions import Dimension
from fwplan.prove.ending import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.prove.diagram import Diagram, Diagrams


class Relation(enum.Enum):
    """How two rulesets treat a class of packets."""

    ALIKE = "alike"
    DIFFERENT = "different"
    UNDECIDED = "undecided"
    """What one of them makes of it is not known, and both may do the same."""


class Classes(NamedTuple):
    """How many classes of packets there are."""

    alike: int = 0
    different: int = 0
    undecided: int = 0

    @property
    def all(self) -> int:
        """Of whatever relation."""
        return self.alike + self.different + self.undecided

    def plus(self, other: Classes) -> Classes:
        """Together with others."""
        return Classes(*(one + two for one, two in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Region:
    """A class of packets.

    Attributes:
        spans: of each dimension that matters, the first value and the first that is beyond; None where it is the last.
        left: what one ruleset makes of it.
        right: what the other does.
    """

    spans: Mapping[Dimension, tuple[int, int | None]]
    left: Leaf
    right: Leaf


class Comparison:
    """Two diagrams, held against each other.

    Args:
        diagrams: in which both were made.
        left: one of them.
        right: the other.
    """

    def __init__(self, diagrams: Diagrams, left: Diagram, right: Diagram) -> None:
        self._diagrams = diagrams
        self._left, self._right = left, right
        self._counted: dict[tuple[Diagram, Diagram], Classes] = {}

    @property
    def classes(self) -> Classes:
        """How many there are of each relation."""
        return self._count(self._left, self._right)

    def regions(self, relation: Relation) -> Iterator[Region]:
        """All classes of a relation that is not `ALIKE`."""
        return self._regions(self._left, self._right, relation, {})

    def _count(self, left: Diagram, right: Diagram) -> Classes:
        if isinstance(left, Leaf) and isinstance(right, Leaf):
            return _of_leaves(left, right)
        key = (left, right)
        found = self._counted.get(key)
        if found is None:
            self._diagrams.keep(1)
            found = Classes()
            _, columns = aligned((left, right), min(left.dimension, right.dimension))
            for one, other in columns:
                found = found.plus(self._count(one, other))
            self._counted[key] = found
        return found

    def _regions(
        self,
        left: Diagram,
        right: Diagram,
        relation: Relation,
        spans: Mapping[Dimension, tuple[int, int | None]],
    ) -> Iterator[Region]:
        counted = self._count(left, right)
        if not (counted.different if relation is Relation.DIFFERENT else counted.undecided):
            return
        if isinstance(left, Leaf) and isinstance(right, Leaf):
            yield Region(spans, left, right)
            return
        dimension = Dimension(min(left.dimension, right.dimension))
        starts, columns = aligned((left, right), dimension)
        ends = [*starts[1:], None]
        for start, end, (one, other) in zip(starts, ends, columns, strict=True):
            yield from self._regions(one, other, relation, {**spans, dimension: (start, end)})


_ALIKE, _DIFFERENT, _UNDECIDED = Classes(alike=1), Classes(different=1), Classes(undecided=1)


def _of_leaves(left: Leaf, right: Leaf) -> Classes:
    if left.kinds == Kind.NO_PACKET:
        return Classes()
    if left.ending is not None and left.ending == right.ending:
        return _ALIKE
    return _DIFFERENT if are_different(left, right) else _UNDECIDED


def are_different(left: Leaf, right: Leaf) -> bool:
    """Whether two rulesets treat packets differently, whatever is not known of them."""
    endings = left.endings | right.endings
    if any(ending.translate is not None and not ending.translate.known for ending in endings):
        # it may be any translation
        kinds = [{(each.kind, each.told, each.translate is None) for each in leaf.endings} for leaf in (left, right)]
        return kinds[0].isdisjoint(kinds[1])
    return left.endings.isdisjoint(right.endings)
