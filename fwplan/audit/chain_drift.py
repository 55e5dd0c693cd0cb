"""One chain held against what it is to hold: which rules are missing, too much, changed, misplaced or doubled."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Generic, TypeVar

from fwplan.audit.finding import Code
from fwplan.plan.settle import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fwplan.plan.share import Mark

R = TypeVar("R")

_ALIKE = 0.6
"""Two rules of which so many words are the same are one that was changed."""
_AT_ITS_PLACE = 0.25
"""So much more alike are a rule that is missing and one that stands where it is to stand."""


@dataclass(frozen=True, slots=True)
class ChainSeen(Generic[R]):
    """A chain as it was seen.

    Attributes:
        rules: in order; None where one says more than a plan can.
        marks: of each, whose it is; None for somebody else's.
        text: what a rule says, by its place.
    """

    rules: Sequence[R | None]
    marks: Sequence[Mark | None]
    text: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing in which a chain is not as it is to be.

    Attributes:
        code: what kind it is.
        mark: whose share it is in.
        wanted: the rule that is to be there; empty for one that is too much.
        seen: the rule that is there; empty for a missing one.
        position: of what is there, from 0; None for a missing one.
    """

    code: Code
    mark: Mark
    wanted: str
    seen: str
    position: int | None = None


def chain_drift(
    seen: ChainSeen[R],
    wanted: Mapping[Mark, Sequence[R]],
    write: Callable[[R], str],
    together: Sequence[Sequence[Mark]] = (),
) -> Iterator[Drift]:
    """In what a chain differs.

    Args:
        seen: the chain.
        wanted: the rules of each mark, from first to last.
        write: a rule as text.
        together: marks of one network each, whose rules stand in this order.
    """
    settlement = settle(seen.rules, seen.marks, wanted)
    if not settlement.leaving and not settlement.coming:
        for marks in together:
            yield from _out_of_order(seen, [(mark, rule) for mark in marks for rule in wanted.get(mark, ())], write)
        return
    leaving = list(settlement.leaving)
    coming = list(settlement.coming)
    mark_of = {id(rule): mark for mark, share in wanted.items() for rule in share}
    yield from _moved(seen, leaving, coming, mark_of, write)
    yield from _changed(seen, leaving, coming, wanted, mark_of, write)
    yield from _doubled(seen, leaving, wanted)
    for _, rule in coming:
        yield Drift(Code.MISSING_RULE, mark_of[id(rule)], write(rule), "")
    for place in leaving:
        mark = seen.marks[place]
        if mark is not None:
            yield Drift(Code.EXTRA_RULE, mark, "", seen.text(place), place)


def _moved(
    seen: ChainSeen[R],
    leaving: list[int],
    coming: list[tuple[int, R]],
    mark_of: Mapping[int, Mark],
    write: Callable[[R], str],
) -> Iterator[Drift]:
    for place in tuple(leaving):
        for number, (_, rule) in enumerate(coming):
            if rule == seen.rules[place]:
                leaving.remove(place)
                del coming[number]
                yield Drift(Code.MISPLACED_RULE, mark_of[id(rule)], write(rule), seen.text(place), place)
                break


def _doubled(seen: ChainSeen[R], leaving: list[int], wanted: Mapping[Mark, Sequence[R]]) -> Iterator[Drift]:
    for place in tuple(leaving):
        mark = seen.marks[place]
        if mark is not None and seen.rules[place] in wanted.get(mark, ()):
            leaving.remove(place)
            yield Drift(Code.DUPLICATE_RULE, mark, seen.text(place), seen.text(place), place)


def _changed(
    seen: ChainSeen[R],
    leaving: list[int],
    coming: list[tuple[int, R]],
    wanted: Mapping[Mark, Sequence[R]],
    mark_of: Mapping[int, Mark],
    write: Callable[[R], str],
) -> Iterator[Drift]:
    """A rule that is missing, and one that nobody wants and that says nearly the same, are one that was changed."""
    strangers = [place for place, mark in enumerate(seen.marks) if mark is None or mark not in wanted]
    for missing in tuple(coming):
        before, rule = missing
        words = _words(write(rule))
        candidates = [
            (
                _likeness(words, _words(seen.text(place))) + (_AT_ITS_PLACE if place in {before - 1, before} else 0),
                place,
            )
            for place in (*leaving, *strangers)
            if place in strangers or seen.marks[place] == mark_of[id(rule)]
        ]
        likeness, place = max(candidates, default=(0.0, -1), key=lambda each: (each[0], -each[1]))
        if likeness < _ALIKE:
            continue
        (leaving if place in leaving else strangers).remove(place)
        coming.remove(missing)
        text = seen.text(place)
        code = Code.STALE_INTERFACE if _only_index_differs(words, _words(text)) else Code.CHANGED_RULE
        yield Drift(code, mark_of[id(rule)], write(rule), text, place)


def _words(text: str) -> list[str]:
    """The words of a rule; flags have no order."""
    return [",".join(sorted(word.split(","))) for word in text.split()]


def _likeness(words: list[str], others: list[str]) -> float:
    return SequenceMatcher(None, words, others, autojunk=False).ratio()


def _only_index_differs(wanted: list[str], seen: list[str]) -> bool:
    """Whether a rule names an interface by a number, which is how nft lists the index of one that is gone."""
    if len(wanted) != len(seen):
        return False
    others = [(index, word) for index, (word, said) in enumerate(zip(wanted, seen, strict=True)) if word != said]
    return bool(others) and all(
        index > 0 and wanted[index - 1] in {"iif", "oif"} and seen[index].strip('"').isdigit() for index, _ in others
    )


def _out_of_order(seen: ChainSeen[R], ordered: list[tuple[Mark, R]], write: Callable[[R], str]) -> Iterator[Drift]:
    """Rules of one network that have changed places though those of each mark are in order."""
    places: dict[R, list[int]] = {rule: [] for _, rule in ordered}
    for place, rule in enumerate(seen.rules):
        if rule is not None and rule in places:
            places[rule].append(place)
    found = [(mark, rule, places[rule].pop(0)) for mark, rule in ordered if places[rule]]
    staying = set(_longest_ascending([place for _, _, place in found]))
    for mark, rule, place in found:
        if place not in staying:
            yield Drift(Code.MISPLACED_RULE, mark, write(rule), seen.text(place), place)


def _longest_ascending(numbers: list[int]) -> list[int]:
    best: list[list[int]] = []
    for number in numbers:
        before = max((chain for chain in best if chain[-1] < number), key=len, default=[])
        best.append([*before, number])
    return max(best, key=len, default=[])
