"""Functions of a packet as decision diagrams: which ending a ruleset, or a part of one, leads each packet to.

A node asks for one dimension, and has a child for each span of its values. Dimensions are asked for in one order, no
node has two neighbouring children that are the same, and equal diagrams are one object: so that two diagrams are the
same function if and only if they are the same object. (An ordered decision diagram, reduced: Bryant 1986; with spans of
numbers instead of bits: Gouda and Liu, Firewall design: consistency, completeness and compactness, 2004.)
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from fwplan.errors import FwplanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fwplan.prove.dimensions import Dimension
    from fwplan.prove.ending import Changes, Ending, Kind


class TooIntricateError(FwplanError):
    """Rulesets that tell more kinds of packets apart than fwplan keeps (exit code 2).

    Args:
        most: how many spans, and pairs of them, it keeps.
        where: what was read or joined then; empty where that is not known yet.
    """

    def __init__(self, most: int, where: str = "") -> None:
        at = f" at {where}" if where else ""
        super().__init__(
            f"too large to prove: the rulesets tell so many kinds of packets apart that{at} more than {most:,} spans "
            "of them would have to be kept. Nothing is proved; --packets networks, or fewer definitions, may help"
        )
        self.most = most
        self.where = where


_AFTER_ALL = 1 << 20
_MANY = 100
"""Of so many diagrams it is looked at how many spans they have together before they are split."""
MOST_SPANS = 16_000_000
"""What a proof may keep: 3 GB at most. A thousand networks in both layouts take 10 million, and 400 MB."""


class Leaf:
    """The end of a diagram: all endings that there may be, and if it is not known which, because of what.

    Attributes:
        endings: one where it is known.
        because: numbers of doubts; see `Diagrams.leaf`.
        kinds: of the endings, as bits.
        dimension: after all others.
    """

    __slots__ = ("because", "endings", "kinds")
    dimension = _AFTER_ALL

    def __init__(self, endings: frozenset[Ending], because: frozenset[int]) -> None:
        self.endings = endings
        self.because = because
        self.kinds = 0
        for ending in endings:
            self.kinds |= int(ending.kind)

    @property
    def ending(self) -> Ending | None:
        """The ending; None where it is not known."""
        if len(self.endings) > 1:
            return None
        (ending,) = self.endings
        return ending if ending.translate is None or ending.translate.known else None


class Node:
    """A question for one dimension.

    Attributes:
        dimension: which.
        starts: the first value of each span; the first of them is 0.
        children: what becomes of a packet in each span.
        kinds: of all endings below, as bits.
    """

    __slots__ = ("children", "dimension", "kinds", "starts")

    def __init__(self, dimension: int, starts: tuple[int, ...], children: tuple[Diagram, ...]) -> None:
        self.dimension = dimension
        self.starts = starts
        self.children = children
        self.kinds = 0
        for child in children:
            self.kinds |= child.kinds

    def at(self, value: int) -> Diagram:
        """The child for a value."""
        return self.children[bisect_right(self.starts, value) - 1]


Diagram = Leaf | Node


class Diagrams:
    """All diagrams of a proof. Only those of the same object can be compared, or joined.

    Args:
        most: how many spans may be kept, in nodes and in what is known of joining them.
    """

    def __init__(self, most: int = MOST_SPANS) -> None:
        self._most = most
        self._left = most
        self._leaves: dict[tuple[frozenset[Ending], frozenset[int]], Leaf] = {}
        self._nodes: dict[tuple[int, tuple[int, ...], tuple[Diagram, ...]], Node] = {}
        self._sequences: dict[tuple[Diagram, tuple[Diagram, ...], tuple[Changes, ...], int], Diagram] = {}
        self._changes: dict[tuple[Diagram, int], tuple[Changes, ...]] = {}
        self._given: dict[tuple[Diagram, int, int | None], Diagram] = {}

    def keep(self, spans: int) -> None:
        """Count what is kept.

        Raises:
            TooIntricateError: it is too much.
        """
        self._left -= spans
        if self._left < 0:
            raise TooIntricateError(self._most)

    # Making

    def leaf(self, *endings: Ending, because: frozenset[int] = frozenset()) -> Leaf:
        """An end.

        Args:
            endings: what may be.
            because: numbers of the doubts because of which it is not known which; the caller knows what they stand for.
                A dimension's number, negative and less one, stands for a value of it that was rewritten.
        """
        key = (frozenset(endings), because)
        found = self._leaves.get(key)
        if found is None:
            found = Leaf(*key)
            if because and found.ending is not None:
                return self.leaf(*endings)
            self._leaves[key] = found
        return found

    def ask(self, dimension: int, starts: Sequence[int], children: Sequence[Diagram]) -> Diagram:
        """A question for a dimension, of diagrams that ask for later ones only."""
        previous = children[0]
        kept_starts, kept = [starts[0]], [previous]
        for start, child in zip(starts, children, strict=True):
            if child is not previous:
                kept_starts.append(start)
                kept.append(child)
                previous = child
        if len(kept) == 1:
            return previous
        key = (int(dimension), tuple(kept_starts), tuple(kept))
        found = self._nodes.get(key)
        if found is None:
            self.keep(len(kept))
            found = self._nodes[key] = Node(*key)
        return found

    def switch(self, dimension: int, starts: Sequence[int], branches: Sequence[Diagram]) -> Diagram:
        """A question for a dimension, of any diagrams: what each says of packets in its span."""
        first = branches[0]
        if all(branch is first for branch in branches):
            return first
        top = min(branch.dimension for branch in branches)
        if top > dimension:
            return self.ask(dimension, starts, branches)
        if top == dimension:
            return self._spliced(dimension, starts, branches)
        found: dict[tuple[Diagram, ...], Diagram] = {}
        top_starts, columns = self._aligned(branches, top)
        children = []
        for column in columns:
            if column not in found:
                self.keep(1)
                found[column] = self.switch(dimension, starts, column)
            children.append(found[column])
        return self.ask(top, top_starts, children)

    def _spliced(self, dimension: int, starts: Sequence[int], branches: Sequence[Diagram]) -> Diagram:
        """As `switch`, where branches ask for the same dimension: of each only what is in its span."""
        new_starts: list[int] = []
        children: list[Diagram] = []
        for number, branch in enumerate(branches):
            start = starts[number]
            if isinstance(branch, Leaf) or branch.dimension != dimension:
                new_starts.append(start)
                children.append(branch)
                continue
            end = starts[number + 1] if number + 1 < len(starts) else None
            place = bisect_right(branch.starts, start) - 1
            new_starts.append(start)
            children.append(branch.children[place])
            for later in range(place + 1, len(branch.starts)):
                if end is not None and branch.starts[later] >= end:
                    break
                new_starts.append(branch.starts[later])
                children.append(branch.children[later])
        return self.ask(dimension, new_starts, children)

    # Joining

    def then(self, first: Diagram, rest: Diagram, on: Kind) -> Diagram:
        """One part after the other.

        Args:
            first: the part that a packet comes through first.
            rest: what comes after it, for packets as `first` has left them.
            on: the kind of ending of `first` with which they go on there.
        """
        bit = int(on)
        if not first.kinds & bit:
            return first
        changes = self._changes_before(first, bit)
        return self._then(first, tuple([self.after(rest, each) for each in changes]), changes, bit)

    def _changes_before(self, first: Diagram, on: int) -> tuple[Changes, ...]:
        """All that may have changed of packets that go on."""
        key = (first, on)
        found = self._changes.get(key)
        if found is None:
            if isinstance(first, Leaf):
                found = tuple(dict.fromkeys(each.changes for each in first.endings if each.kind & on))
            else:
                parts = [self._changes_before(child, on) for child in dict.fromkeys(first.children) if child.kinds & on]
                found = tuple(dict.fromkeys(each for part in parts for each in part))
            self._changes[key] = found
        return found

    def _then(self, first: Diagram, rests: tuple[Diagram, ...], changes: tuple[Changes, ...], on: int) -> Diagram:
        if not first.kinds & on:
            return first
        if isinstance(first, Leaf):
            return self._after_leaf(first, rests, changes, on)
        key = (first, rests, changes, on)
        found = self._sequences.get(key)
        if found is None:
            self.keep(len(rests) + 1)
            top = min(first.dimension, *[rest.dimension for rest in rests])
            starts, columns = aligned((first, *rests), top)
            children = [self._then(column[0], column[1:], changes, on) for column in columns]
            found = self._sequences[key] = self.ask(top, starts, children)
        return found

    def _after_leaf(self, first: Leaf, rests: tuple[Diagram, ...], changes: tuple[Changes, ...], on: int) -> Diagram:
        parts: list[Diagram] = []
        for ending in first.endings:
            if ending.kind & on:
                parts.append(self._carried(rests[changes.index(ending.changes)], ending))
            else:
                parts.append(self.leaf(ending, because=first.because))
        return self.either(parts, first.because)

    def _carried(self, rest: Diagram, ending: Ending) -> Diagram:
        """What comes after an ending, with what was done to the packet up to there."""
        if not ending.changes and ending.translate is None:
            return rest
        before = dict(ending.changes)

        def carry(later: Ending) -> Ending:
            changes = tuple(sorted((before | dict(later.changes)).items()))
            return later._replace(translate=later.translate or ending.translate, changes=changes)

        return self.ended(rest, carry)

    def either(self, parts: Iterable[Diagram], because: frozenset[int]) -> Diagram:
        """One of several, because of doubts not known which; where all end alike, that does not matter."""
        different = tuple(dict.fromkeys(parts))
        return different[0] if len(different) == 1 else self._either(different, because, {})

    def _either(
        self, parts: tuple[Diagram, ...], because: frozenset[int], known: dict[tuple[Diagram, ...], Diagram]
    ) -> Diagram:
        first = parts[0]
        if all(part is first for part in parts):
            return first
        found = known.get(parts)
        if found is not None:
            return found
        self.keep(len(parts))
        top = min(part.dimension for part in parts)
        if top == _AFTER_ALL:
            leaves = [part for part in parts if isinstance(part, Leaf)]
            together = [ending for leaf in leaves for ending in leaf.endings]
            found = self.leaf(*together, because=because.union(*[leaf.because for leaf in leaves]))
        else:
            starts, columns = self._aligned(parts, top)
            found = self.ask(top, starts, [self._either(column, because, known) for column in columns])
        known[parts] = found
        return found

    def _aligned(
        self, diagrams: Sequence[Diagram], dimension: int
    ) -> tuple[Sequence[int], Iterable[tuple[Diagram, ...]]]:
        """As `aligned`, for so many diagrams that it may be too much at once."""
        spans = sum(len(each.starts) for each in diagrams if isinstance(each, Node) and each.dimension == dimension)
        # a reference takes a tenth of a span that is kept, and is gone soon
        if len(diagrams) > _MANY and spans * len(diagrams) > 10 * self._left:
            raise TooIntricateError(self._most)
        return aligned(diagrams, dimension)

    # Changing

    def after(self, diagram: Diagram, changes: Changes) -> Diagram:
        """What a diagram says of a packet in which something was changed before."""
        for dimension, value in changes:
            diagram = self.given(diagram, dimension, value)
        return diagram

    def given(self, diagram: Diagram, dimension: Dimension, value: int | None) -> Diagram:
        """What a diagram says of packets that have one value, whatever value they had; None for one not known."""
        if diagram.dimension > dimension or isinstance(diagram, Leaf):
            return diagram
        key = (diagram, int(dimension), value)
        found = self._given.get(key)
        if found is None:
            self.keep(1)
            if diagram.dimension < dimension:
                children = [self.given(child, dimension, value) for child in diagram.children]
                found = self.ask(diagram.dimension, diagram.starts, children)
            elif value is None:
                found = self.either(diagram.children, frozenset({-1 - dimension}))
            else:
                found = diagram.at(value)
            self._given[key] = found
        return found

    def ended(self, diagram: Diagram, change: Callable[[Ending], Ending]) -> Diagram:
        """The same, with other endings."""
        return self._ended(diagram, change, {})

    def _ended(self, diagram: Diagram, change: Callable[[Ending], Ending], known: dict[Diagram, Diagram]) -> Diagram:
        found = known.get(diagram)
        if found is None:
            if isinstance(diagram, Leaf):
                found = self.leaf(*map(change, diagram.endings), because=diagram.because)
            else:
                children = [self._ended(child, change, known) for child in diagram.children]
                found = self.ask(diagram.dimension, diagram.starts, children)
            known[diagram] = found
        return found


def aligned(diagrams: Sequence[Diagram], dimension: int) -> tuple[Sequence[int], Iterable[tuple[Diagram, ...]]]:
    """The spans of a dimension in which none of several diagrams changes, and what each says there."""
    asking = [diagram for diagram in diagrams if isinstance(diagram, Node) and diagram.dimension == dimension]
    starts: Sequence[int] = asking[0].starts
    if any(node.starts != starts for node in asking[1:]):
        starts = sorted({start for node in asking for start in node.starts})
    columns: list[Sequence[Diagram]] = []
    for diagram in diagrams:
        if isinstance(diagram, Leaf) or diagram.dimension != dimension:
            columns.append([diagram] * len(starts))
        elif len(diagram.starts) == len(starts):
            columns.append(diagram.children)
        else:
            columns.append(_spread(diagram, starts))
    return starts, zip(*columns, strict=True)


def _spread(node: Node, starts: Sequence[int]) -> list[Diagram]:
    """The children of a node, for spans that are narrower than its own."""
    spread = []
    own, children = node.starts, node.children
    place, last = 0, len(own) - 1
    for start in starts:
        while place < last and own[place + 1] <= start:
            place += 1
        spread.append(children[place])
    return spread
