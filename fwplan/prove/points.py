"""Single packets, as a statement is asked about them: what is not given is None."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.prove.dimensions import SMALL, STATES, Dimension, size_of
from fwplan.simulate.packet import NO_INTERFACE, Connection, Interface, Packet
from fwplan.simulate.state import CT_STATES, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.prove.dimensions import Family
    from fwplan.prove.interfaces import Interfaces
    from fwplan.prove.reading import Cut
    from fwplan.simulate.state import Tracked

_ATTRIBUTES = {
    Dimension.SOURCE: "saddr",
    Dimension.DESTINATION: "daddr",
    Dimension.PROTOCOL: "protocol",
    Dimension.SOURCE_PORT: "sport",
    Dimension.DESTINATION_PORT: "dport",
    Dimension.TCP_FLAGS: "flags",
    Dimension.ICMP_TYPE: "icmp_type",
    Dimension.ICMP_CODE: "icmp_code",
    Dimension.MARK: "mark",
    Dimension.PACKET_TYPE: "pkttype",
}
_OF_CONNECTION = (Dimension.STATE, Dimension.DIRECTION, Dimension.REDIRECTED)


class Points:
    """Packets of a family.

    Args:
        family: of which.
        interfaces: the classes that stand for their interfaces.
    """

    def __init__(self, family: Family, interfaces: Interfaces) -> None:
        self.family = family
        self.interfaces = interfaces
        # what is taken for granted of a packet that says nothing of it is not given here
        self._blank = State(Packet(family, mark=None))
        self._known: dict[tuple[int | None, ...], Tracked] = {}

    def cells(self, dimension: Dimension, cuts: set[Cut]) -> list[tuple[int, int]]:
        """Spans of a dimension that no cut divides: the first value, and one that stands for all of them."""
        if dimension in {Dimension.IN, Dimension.OUT}:
            return self.interfaces.cells(cuts)
        if dimension in SMALL:
            return [(value, value) for value in range(SMALL[dimension])]
        size = size_of(dimension, self.family)
        return [(start, start) for start in sorted({0, *(cut for cut in cuts if isinstance(cut, int) and cut < size)})]

    def at(self, values: Mapping[Dimension, int]) -> State:
        """A packet that has these values, of which nothing else is given."""
        state = self._blank.copy()
        for dimension, value in values.items():
            name = _ATTRIBUTES.get(dimension)
            if name is not None:
                setattr(state, name, value)
        if Dimension.IN in values:
            state.iif = self._interface(values[Dimension.IN])
            state.iifname = state.iif.name
        if Dimension.OUT in values:
            state.oif = self._interface(values[Dimension.OUT])
            state.oifname = state.oif.name
        if Dimension.STATE in values:
            state.ct = state.tracked = self._tracked(values)
        return state

    def _tracked(self, values: Mapping[Dimension, int]) -> Tracked:
        key = tuple([values.get(dimension) for dimension in _OF_CONNECTION])
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = State(Packet(self.family, connection=_connection(values))).ct
        return found

    def _interface(self, number: int) -> Interface:
        name = self.interfaces.name(number)
        return Interface(name) if name else NO_INTERFACE


def _connection(values: Mapping[Dimension, int]) -> Connection:
    state = STATES[values[Dimension.STATE]]
    direction = values.get(Dimension.DIRECTION)
    if state == "new" or direction is None:
        # the first packet goes the way of the first packet
        return Connection(state, status=_status(values), zone=None)
    return Connection(state, "reply" if direction else "original", _status(values), zone=None)


def _status(values: Mapping[Dimension, int]) -> frozenset[str] | None:
    redirected = values.get(Dimension.REDIRECTED)
    return None if redirected is None else frozenset({"dnat"} if redirected else ())


def written(state: State, dimension: Dimension) -> int | None:
    """What a packet has of a dimension that a rule has written; None where that is not known."""
    if dimension is Dimension.STATE:
        found = next((name for name in STATES if CT_STATES[name] == state.ct.state), None)
        return None if found is None else STATES.index(found)
    value: int | None = getattr(state, _ATTRIBUTES[dimension])
    return value
