"""What a packet is, as a point of a space: one number for each thing that rules ask for.

A ruleset is a function on this space. What rules ask for besides (limits, routes, marks of connections, ...) is no
dimension of it: a statement that asks for it may turn out either way at every point.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.simulate.packet import State as ConnectionState

Family = Literal["ip", "ip6"]
FAMILIES: tuple[Family, ...] = ("ip", "ip6")


class Dimension(enum.IntEnum):
    """One of the things that rules ask for, in the order in which diagrams ask for them."""

    TRANSLATED = 0
    """Whether it is settled under which source the packet leaves: no packet has it, but a packet on its way."""
    IN = 1
    """By which interface it came: a number of a class of names, see `fwplan.prove.interfaces`."""
    OUT = 2
    STATE = 3
    """What connection tracking makes of it: its place in `STATES`."""
    SOURCE = 4
    DESTINATION = 5
    PROTOCOL = 6
    SOURCE_PORT = 7
    DESTINATION_PORT = 8
    TCP_FLAGS = 9
    ICMP_TYPE = 10
    ICMP_CODE = 11
    MARK = 12
    PACKET_TYPE = 13
    DIRECTION = 14
    """0 where it goes the way of the first packet of its connection, 1 where it comes back."""
    REDIRECTED = 15
    """Whether the destination of its connection was translated: `ct status dnat`."""


STATES: tuple[ConnectionState, ...] = ("new", "established", "related", "invalid", "untracked")

SMALL: Mapping[Dimension, int] = {
    Dimension.TRANSLATED: 2,
    Dimension.STATE: len(STATES),
    Dimension.TCP_FLAGS: 256,
    Dimension.PACKET_TYPE: 4,
    Dimension.DIRECTION: 2,
    Dimension.REDIRECTED: 2,
}
"""Dimensions with so few values that each of them can be tried."""

_SIZES = {
    Dimension.PROTOCOL: 256,
    Dimension.SOURCE_PORT: 1 << 16,
    Dimension.DESTINATION_PORT: 1 << 16,
    Dimension.ICMP_TYPE: 256,
    Dimension.ICMP_CODE: 256,
    Dimension.MARK: 1 << 32,
    **SMALL,
}
_BITS = {"ip": 32, "ip6": 128}


def size_of(dimension: Dimension, family: Family) -> int:
    """How many values a dimension has; those of interfaces are as many as there are classes of names."""
    if dimension in {Dimension.SOURCE, Dimension.DESTINATION}:
        return 1 << _BITS[family]
    return _SIZES[dimension]
