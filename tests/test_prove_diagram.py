"""Diagrams: equal functions are one object, and joining them means what it says, value by value."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwplan.prove.diagram import Diagrams, Leaf, TooIntricateError
from fwplan.prove.dimensions import Dimension
from fwplan.prove.ending import Ending, Kind
from fwplan.prove.interfaces import HOST, Interfaces
from fwplan.simulate.actions import Translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.prove.diagram import Diagram

ASKED = (Dimension.IN, Dimension.SOURCE, Dimension.MARK)
SIZE = 4
"""Values of each dimension that are tried."""
Point = tuple[int, ...]
Function = dict[Point, Ending]

HOLDS, NEXT, PASSES = Ending(Kind.HOLDS), Ending(Kind.NEXT), Ending(Kind.PASSES)
REFUSED, DROPPED = Ending(Kind.REFUSED, told="icmp port-unreachable"), Ending(Kind.REFUSED)
MARKED = Ending(Kind.NEXT, changes=((Dimension.MARK, 2),))
TRANSLATED = Ending(Kind.NEXT, translate=Translate("masquerade", None, None))

points = list(product(range(SIZE), repeat=len(ASKED)))
plain = st.sampled_from([NEXT, NEXT, PASSES, REFUSED, DROPPED])


def functions(endings: st.SearchStrategy[Ending]) -> st.SearchStrategy[Function]:
    """Functions that ask for the dimensions in no order: of a few boxes, the last one that a point is in counts."""
    span = st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).map(sorted)
    boxes = st.lists(st.tuples(st.tuples(*[span] * len(ASKED)), endings), max_size=5)

    def made(drawn: list[tuple[tuple[list[int], ...], Ending]]) -> Function:
        found = dict.fromkeys(points, NEXT)
        for box, ending in drawn:
            for point in points:
                if all(first <= value <= last for value, (first, last) in zip(point, box, strict=True)):
                    found[point] = ending
        return found

    return boxes.map(made)


def diagram_of(diagrams: Diagrams, function: Function, order: tuple[Dimension, ...] = ASKED) -> Diagram:
    """A diagram, made by asking for the dimensions in some order."""

    def over(known: Mapping[Dimension, int]) -> Diagram:
        rest = [dimension for dimension in order if dimension not in known]
        if not rest:
            return diagrams.leaf(function[tuple(known[dimension] for dimension in ASKED)])
        branches = [over({**known, rest[0]: value}) for value in range(SIZE)]
        return diagrams.switch(rest[0], range(SIZE), branches)

    return over({})


def at(diagram: Diagram, point: Point) -> Leaf:
    values = dict(zip(ASKED, point, strict=True))
    while not isinstance(diagram, Leaf):
        diagram = diagram.at(values[Dimension(diagram.dimension)])
    return diagram


@given(functions(plain), st.permutations(ASKED))
def test_equal_functions_are_one_object_in_whatever_order_they_are_made(
    function: Function, order: list[Dimension]
) -> None:
    diagrams = Diagrams()
    assert diagram_of(diagrams, function) is diagram_of(diagrams, function, tuple(order))


@given(functions(plain), functions(plain))
def test_different_functions_are_different_objects(one: Function, other: Function) -> None:
    diagrams = Diagrams()
    assert (diagram_of(diagrams, one) is diagram_of(diagrams, other)) == (one == other)


@given(functions(plain))
def test_a_diagram_says_of_each_point_what_the_function_says(function: Function) -> None:
    diagram = diagram_of(Diagrams(), function)
    assert all(at(diagram, point).endings == {ending} for point, ending in function.items())


@given(functions(st.sampled_from([NEXT, MARKED, TRANSLATED, PASSES, REFUSED])), functions(plain))
def test_what_goes_on_comes_to_the_rest_as_it_was_changed(first: Function, rest: Function) -> None:
    diagrams = Diagrams()
    joined = diagrams.then(diagram_of(diagrams, first), diagram_of(diagrams, rest), Kind.NEXT)
    for point, ending in first.items():
        expected = ending
        if ending.kind is Kind.NEXT:
            mark = dict(ending.changes).get(Dimension.MARK, point[2])
            assert mark is not None
            expected = rest[*point[:2], mark]._replace(translate=ending.translate, changes=ending.changes)
        assert at(joined, point).endings == {expected}


@given(functions(plain), functions(plain), functions(plain))
def test_joining_is_associative(one: Function, two: Function, three: Function) -> None:
    diagrams = Diagrams()
    first, second, third = (diagram_of(diagrams, each) for each in (one, two, three))
    left = diagrams.then(diagrams.then(first, second, Kind.NEXT), third, Kind.NEXT)
    assert left is diagrams.then(first, diagrams.then(second, third, Kind.NEXT), Kind.NEXT)


@given(functions(plain), functions(plain))
def test_of_one_or_the_other_both_may_be_and_where_they_agree_it_does_not_matter(
    one: Function, other: Function
) -> None:
    diagrams = Diagrams()
    either = diagrams.either((diagram_of(diagrams, one), diagram_of(diagrams, other)), frozenset({7}))
    for point in points:
        leaf = at(either, point)
        assert leaf.endings == {one[point], other[point]}
        assert leaf.because == (frozenset() if one[point] == other[point] else {7})


@given(functions(plain), st.sampled_from(range(len(ASKED))), st.integers(0, SIZE - 1))
def test_a_value_that_is_given_is_that_of_all_points(function: Function, which: int, value: int) -> None:
    diagrams = Diagrams()
    given_value = diagrams.given(diagram_of(diagrams, function), ASKED[which], value)
    for point in points:
        there = (*point[:which], value, *point[which + 1 :])
        assert at(given_value, point).endings == {function[there]}


@given(functions(plain), st.sampled_from(range(len(ASKED))))
def test_after_a_value_was_rewritten_with_something_unknown_it_may_be_any(function: Function, which: int) -> None:
    diagrams = Diagrams()
    unknown = diagrams.given(diagram_of(diagrams, function), ASKED[which], None)
    for point in points:
        values = [(*point[:which], value, *point[which + 1 :]) for value in range(SIZE)]
        assert at(unknown, point).endings == {function[each] for each in values}


def test_an_unknown_translation_is_never_known_to_be_the_same() -> None:
    unknown = Ending(Kind.PASSES, translate=Translate("snat", None, None, known=False))
    assert Diagrams().leaf(unknown).ending is None


def test_there_is_a_limit_to_what_is_kept() -> None:
    diagrams = Diagrams(most=4)
    leaves = [diagrams.leaf(Ending(Kind.PASSES)), diagrams.leaf(Ending(Kind.REFUSED))]
    for start in (1, 2):
        diagrams.ask(Dimension.SOURCE, (0, start), leaves)
    with pytest.raises(TooIntricateError, match="more than 4 spans"):
        diagrams.ask(Dimension.SOURCE, (0, 3), leaves)


class TestInterfaces:
    """Classes of names that no rule tells apart."""

    def test_there_is_a_class_for_no_interface_one_for_each_name_and_one_for_all_others(self) -> None:
        interfaces = Interfaces(["virbr0", "eth0"])
        assert [interfaces.name(number) for number in range(len(interfaces))] == ["", "eth0", "virbr0", "outside0"]
        assert interfaces.number("virbr0") == 2
        assert interfaces.number("whatever0") == interfaces.others

    def test_names_that_begin_alike_have_a_class_where_a_rule_asks_for_the_beginning(self) -> None:
        interfaces = Interfaces(["virbr*", "virbr0"])
        assert interfaces.number("virbr17") not in {interfaces.number("virbr0"), interfaces.number("eth0")}
        assert interfaces.name(interfaces.number("virbr17")).startswith("virbr")

    def test_the_longest_beginning_counts(self) -> None:
        interfaces = Interfaces(["v*", "vnet*"])
        assert len({interfaces.number(name) for name in ("v1", "vnet1", "w1")}) == 3

    def test_a_name_that_stands_for_others_is_none_that_a_rule_asks_for(self) -> None:
        interfaces = Interfaces(["outside0", "outside1", "outside*"])
        assert interfaces.name(interfaces.others) == "eth0"
        assert interfaces.name(interfaces.number("outside7")) not in {"outside0", "outside1"}

    def test_a_beginning_that_leaves_no_room_for_more_is_one_name(self) -> None:
        longest = "a" * 15
        interfaces = Interfaces([f"{longest}*", longest])
        assert len(interfaces) == 3

    def test_an_asterisk_of_a_name_is_no_beginning(self) -> None:
        interfaces = Interfaces(["br\\*"])
        assert interfaces.number("br*") != interfaces.others
        assert interfaces.number("br0") == interfaces.others

    def test_a_question_about_one_name_is_asked_of_it_of_another_and_of_none(self) -> None:
        interfaces = Interfaces(["br0", "br1", "br2"])
        assert interfaces.cells({"br1"}) == [(HOST, HOST), (1, 1), (2, 2), (3, 1)]
