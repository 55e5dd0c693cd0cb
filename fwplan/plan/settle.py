"""What a chain lacks and has too much of, and where what it lacks belongs.

A chain is shared: each of its rules bears the mark of what it belongs to (a bridge, a subnet, the set-up), or none.
Rules of one mark have an order; between marks there is none to keep, as no packet meets rules of two. So each mark
is settled for itself: the longest run of rules that are there and in order stays, with its counters; what is missing
is put beside what stays; what is left over goes. Rules of marks that nobody asks about, and rules without a mark, are
others' and stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

R = TypeVar("R")
M = TypeVar("M", bound="Hashable")

_NOWHERE: Mapping[Any, Anchor] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Anchor:
    """What stood behind the rules of a mark: a rule that no change touches, the rules of another mark, or nothing.

    Attributes:
        name: what the rule is known by; None where there was none, or where rules of a mark stood.
        mark: the mark of the rules.
    """

    name: Hashable = None
    mark: Hashable = None


@dataclass(frozen=True, slots=True)
class Settlement(Generic[R]):
    """How a chain comes to be as it is wanted.

    Attributes:
        leaving: places of the rules that go, from 0, ascending.
        coming: (place, rule) of those that come: before the rule that has that place now, or, at the number of
            rules, after all; ascending, and in order where places are equal.
        moved: how many of those that come are among those that go as well.
    """

    leaving: tuple[int, ...]
    coming: tuple[tuple[int, R], ...]
    moved: int


def settle(
    rules: Sequence[R | None],
    marks: Sequence[M | None],
    wanted: Mapping[M, Sequence[R]],
    *,
    names: Sequence[Hashable] = (),
    followed_by: Mapping[M, Anchor] = _NOWHERE,
) -> Settlement[R]:
    """Settle one chain.

    Args:
        rules: what is there; None where it is not understood.
        marks: of each, what it belongs to; None where it is somebody else's.
        wanted: the rules of each mark that is to be settled, first to last. A mark with no rules loses all it has.
        names: of each rule that is there, what it is known by.
        followed_by: where the rules of a mark come back to that has none there. Without it they come to the head.
    """
    places: dict[M, list[int]] = {mark: [] for mark in wanted}
    for place, mark in enumerate(marks):
        if mark is not None and mark in places:
            places[mark].append(place)
    leaving: list[int] = []
    coming: list[tuple[int, R]] = []
    at_head: list[list[R]] = []
    coming_back: list[tuple[int, int, Sequence[R]]] = []
    moved = 0
    for mark, desired in wanted.items():
        present = places[mark]
        if not present:
            if desired and mark in followed_by:
                place, distance = _place_before(mark, places, names, followed_by)
                coming_back.append((place, -distance, desired))
            elif desired:
                at_head.append(list(desired))
            continue
        kept = _longest_common([rules[place] for place in present], desired)
        if len(kept) == len(present) == len(desired):
            continue
        staying = {present[there] for there, _ in kept}
        going = [place for place in present if place not in staying]
        arriving = list(_beside(desired, [(present[there], here) for there, here in kept]))
        leaving.extend(going)
        coming.extend(arriving)
        moved += _in_common([rules[place] for place in going], [rule for _, rule in arriving])
    # As if each had been started in turn: what is new stands at the head, the last of it first.
    new = [(0, rule) for block in reversed(at_head) for rule in block]
    coming_back.sort(key=lambda entry: entry[:2])
    coming += [(place, rule) for place, _, block in coming_back for rule in block]
    return Settlement(tuple(sorted(leaving)), (*new, *sorted(coming, key=lambda entry: entry[0])), moved)


def _place_before(
    mark: M, places: Mapping[M, list[int]], names: Sequence[Hashable], followed_by: Mapping[M, Anchor]
) -> tuple[int, int]:
    """The place that the rules of a mark come back to, and how many marks that come back there too stand behind."""
    distance = 0
    anchor = followed_by[mark]
    while anchor.mark is not None:
        behind = cast("M", anchor.mark)
        if places.get(behind):
            return places[behind][0], distance
        if behind not in followed_by or distance > len(followed_by):
            return 0, distance
        anchor = followed_by[behind]
        distance += 1
    if anchor.name is None:
        return len(names), distance
    return (names.index(anchor.name) if anchor.name in names else 0), distance


def _beside(desired: Sequence[R], kept: list[tuple[int, int]]) -> list[tuple[int, R]]:
    """Where each missing rule goes: before the next one that stays, or after the last."""
    if not kept:
        return [(0, rule) for rule in desired]
    found = []
    following = iter(kept)
    place, index = next(following)
    after_last = kept[-1][0] + 1
    done = False
    for here, rule in enumerate(desired):
        if not done and here == index:
            entry = next(following, None)
            if entry is None:
                done = True
            else:
                place, index = entry
            continue
        found.append((after_last if done else place, rule))
    return found


def _longest_common(present: Sequence[R | None], desired: Sequence[R]) -> list[tuple[int, int]]:
    """(place in present, place in desired) of a longest common subsequence."""
    if len(present) == len(desired) and all(there == here for there, here in zip(present, desired, strict=True)):
        return [(place, place) for place in range(len(desired))]
    lengths = [[0] * (len(desired) + 1) for _ in range(len(present) + 1)]
    for there in reversed(range(len(present))):
        for here in reversed(range(len(desired))):
            lengths[there][here] = (
                lengths[there + 1][here + 1] + 1
                if present[there] == desired[here]
                else max(lengths[there + 1][here], lengths[there][here + 1])
            )
    pairs = []
    there = here = 0
    while there < len(present) and here < len(desired):
        if present[there] == desired[here]:
            pairs.append((there, here))
            there, here = there + 1, here + 1
        elif lengths[there + 1][here] >= lengths[there][here + 1]:
            there += 1
        else:
            here += 1
    return pairs


def _in_common(going: Sequence[R | None], arriving: Sequence[R]) -> int:
    left = list(going)
    number = 0
    for rule in arriving:
        if rule in left:
            left.remove(rule)
            number += 1
    return number
