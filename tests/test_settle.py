"""How a chain comes to be as it is wanted: what stays, what goes, what comes, and where."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fwplan.plan.settle import Anchor, Settlement, settle

_MARKS = st.sampled_from(["a", "b", "c"])
_RULES = st.tuples(_MARKS, st.integers(0, 3))
_FOREIGN = st.integers(100, 105)
_CHAINS = st.lists(st.one_of(_RULES, _FOREIGN), max_size=12)
_WANTED = st.dictionaries(_MARKS, st.lists(st.integers(0, 3), max_size=5)).map(
    lambda wanted: {mark: [(mark, number) for number in numbers] for mark, numbers in wanted.items()}
)

Entry = tuple[str, int] | int


def _settle(
    chain: list[Entry], wanted: dict[str, list[tuple[str, int]]], followed_by: dict[str, Anchor] | None = None
) -> tuple[Settlement[Entry], list[Entry]]:
    """The settlement, and the chain that it leads to."""
    marks = [entry[0] if isinstance(entry, tuple) else None for entry in chain]
    names = list(range(len(chain)))
    settlement: Settlement[Entry] = settle(chain, marks, wanted, names=names, followed_by=followed_by or {})
    after: list[Entry] = []
    coming = list(settlement.coming)
    for place in range(len(chain) + 1):
        while coming and coming[0][0] == place:
            after.append(coming.pop(0)[1])
        if place < len(chain) and place not in settlement.leaving:
            after.append(chain[place])
    assert coming == [], "what comes is in the order of places"
    return settlement, after


def _of(mark: str, chain: list[Entry]) -> list[Entry]:
    return [entry for entry in chain if isinstance(entry, tuple) and entry[0] == mark]


@given(_CHAINS, _WANTED)
def test_each_mark_comes_to_what_is_wanted(chain: list[Entry], wanted: dict[str, list[tuple[str, int]]]) -> None:
    _, after = _settle(chain, wanted)
    for mark, rules in wanted.items():
        assert _of(mark, after) == rules


@given(_CHAINS, _WANTED)
def test_what_is_not_asked_about_stays_in_order(chain: list[Entry], wanted: dict[str, list[tuple[str, int]]]) -> None:
    _, after = _settle(chain, wanted)
    others = [entry for entry in chain if not (isinstance(entry, tuple) and entry[0] in wanted)]
    assert [entry for entry in after if not (isinstance(entry, tuple) and entry[0] in wanted)] == others


@given(_CHAINS, _WANTED)
def test_a_second_time_there_is_nothing_to_do(chain: list[Entry], wanted: dict[str, list[tuple[str, int]]]) -> None:
    _, after = _settle(chain, wanted)
    again, _ = _settle(after, wanted)
    assert (again.leaving, again.coming, again.moved) == ((), (), 0)


@given(_CHAINS, _WANTED)
def test_no_more_goes_than_has_to(chain: list[Entry], wanted: dict[str, list[tuple[str, int]]]) -> None:
    """What is there and wanted stays, but for what changes its place."""
    settlement, _ = _settle(chain, wanted)
    too_many = sum((Counter(_of(mark, chain)) - Counter[Entry](rules)).total() for mark, rules in wanted.items())
    assert len(settlement.leaving) == too_many + settlement.moved


def test_what_is_new_stands_at_the_head_and_the_last_of_it_first() -> None:
    _, after = _settle([("c", 0)], {"a": [("a", 1), ("a", 2)], "b": [("b", 1)]})
    assert after == [("b", 1), ("a", 1), ("a", 2), ("c", 0)]


def test_what_is_missing_comes_beside_its_own() -> None:
    _, after = _settle([100, ("a", 1), 101, ("a", 3), 102], {"a": [("a", 0), ("a", 1), ("a", 2), ("a", 3), ("a", 4)]})
    assert after == [100, ("a", 0), ("a", 1), 101, ("a", 2), ("a", 3), ("a", 4), 102]


def test_what_stands_in_another_order_moves() -> None:
    settlement, after = _settle([("a", 2), ("a", 1), 100], {"a": [("a", 1), ("a", 2)]})
    assert settlement.moved == 1
    assert [entry for entry in after if entry != 100] == [("a", 1), ("a", 2)]


def test_a_double_goes() -> None:
    settlement, after = _settle([("a", 1), ("a", 1)], {"a": [("a", 1)]})
    assert settlement.leaving == (1,)
    assert after == [("a", 1)]


def test_a_share_comes_back_before_what_stood_behind_it() -> None:
    _, after = _settle([100, 101, 102], {"a": [("a", 1), ("a", 2)]}, {"a": Anchor(name=1)})
    assert after == [100, ("a", 1), ("a", 2), 101, 102]


def test_a_share_comes_back_to_the_end() -> None:
    _, after = _settle([100, 101], {"a": [("a", 1)]}, {"a": Anchor()})
    assert after == [100, 101, ("a", 1)]


def test_shares_that_stood_behind_each_other_come_back_in_order() -> None:
    wanted = {"c": [("c", 1)], "a": [("a", 1)], "b": [("b", 1)]}
    followed_by = {"a": Anchor(mark="b"), "b": Anchor(mark="c"), "c": Anchor(name=1)}
    _, after = _settle([100, 101], wanted, followed_by)
    assert after == [100, ("a", 1), ("b", 1), ("c", 1), 101]


def test_a_share_whose_neighbour_is_gone_comes_to_the_head() -> None:
    _, after = _settle([100], {"a": [("a", 1)]}, {"a": Anchor(name=77)})
    assert after == [("a", 1), 100]
