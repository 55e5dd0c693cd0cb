"""Expressions as functions of a packet: what `ip saddr` or `meta mark & 0xff` is for it.

A value is a number or a name; None where an attribute that it needs is not given, and `ABSENT` where there is no such
thing in the packet, as the port of an ICMP message, or in the kernel, as the mark of a connection that is not tracked:
a rule that asks for it does not match, whatever the comparison. What fwplan cannot compute at all is None too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.datatypes import datatype_of
from fwplan.nft.expressions import (
    Concatenation,
    Ct,
    ExtensionHeader,
    Fib,
    Jhash,
    Map,
    Meta,
    Operation,
    Payload,
    RawPayload,
)
from fwplan.simulate.constants import constant
from fwplan.simulate.fib import fib_getter
from fwplan.simulate.headers import (
    ICMP,
    ICMPV6,
    PORT_PROTOCOLS,
    Getter,
    Value,
    field_getter,
    fragment_header,
    nothing,
    raw_getter,
)
from fwplan.simulate.lookup import ABSENT, MISS, Absent, Hit
from fwplan.simulate.state import CONFIRMED_EARLY, CT_STATES, ETHER_TYPES, INTERFACE_TYPES, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.nft.datatypes import Datatype
    from fwplan.nft.expressions import Expression
    from fwplan.simulate.lookup import Key
    from fwplan.simulate.packet import Interface
    from fwplan.simulate.scope import Scope
    from fwplan.simulate.world import World

_NFPROTO = {"ip": 2, "ip6": 10, "arp": 3, "bridge": 7, "netdev": 5}


def getter(expression: Expression, scope: Scope) -> Getter:
    """The function that computes an expression."""
    match expression:
        case Meta(key):
            return _meta(key, scope)
        case Payload(protocol, field, None):
            return field_getter(protocol, field, scope.family)
        case Ct(key, direction):
            return _ct(key, direction)
        case Fib(result, flags):
            return fib_getter(result, flags, scope.world)
        case Operation(operator, operands):
            return _operation(operator, operands, scope)
        case RawPayload():
            return raw_getter(expression)
        case ExtensionHeader("frag", "frag-off"):
            return fragment_header
        case Map(key, data):
            return _mapped(key, data, scope)
        case _:
            number = constant(expression, None)
            return lambda _: number


def key_getter(expression: Expression, scope: Scope) -> Callable[[State], Key | Absent]:
    """The function that computes a key of one or several parts."""
    if not isinstance(expression, Concatenation):
        return getter(expression, scope)
    parts = [getter(part, scope) for part in expression.parts]

    def read(state: State) -> Key | Absent:
        values = []
        for get in parts:
            value = get(state)
            if value is ABSENT:
                return ABSENT
            values.append(value)
        return tuple(values)

    return read


def is_there(expression: Expression, scope: Scope) -> Callable[[State], bool]:
    """Whether a number that nobody knows beforehand is drawn at all: one of a hash only if there is what is hashed."""
    if not isinstance(expression, Jhash):
        return lambda _: True
    read = key_getter(expression.of, scope)
    return lambda state: read(state) is not ABSENT


def _mapped(key: Expression, data: Expression, scope: Scope) -> Getter:
    """What a key stands for, where that is a number."""
    lookup = scope.lookup(data, key)
    if lookup is None:
        return nothing
    read, find = key_getter(key, scope), lookup.find
    numbers = {each: None if each is None else constant(each, None) for each in lookup.data}

    def get(state: State) -> Value:
        value = read(state)
        if value is ABSENT:
            return ABSENT
        found = find(value)
        if isinstance(found, Hit):
            return numbers[found.data]
        return ABSENT if found is MISS else None

    return get


# What the kernel knows of the packet


def _of_sender(state: State, number: int | None) -> Value:
    """Only what the host itself sends has a socket that sends it."""
    came_by = state.packet.in_interface
    if state.iifname is None or came_by is None:
        return None
    # of a frame that stays on its bridge, postrouting of IP does not see where it came from
    return ABSENT if state.iifname or came_by.name else number


def _type(interface: Interface | None) -> Value:
    if interface is None or interface.type is None:
        return None
    return INTERFACE_TYPES.get(interface.type) if interface.type else ABSENT


def _type_of_input(state: State) -> Value:
    """Where a packet leaves, Linux 6.18 takes the interface that it leaves by; before, it was the one it came by."""
    came_by = _type(state.iif)
    return came_by if not state.leaves or came_by == _type(state.oif) else None


_META: dict[str, Getter] = {
    "iifname": lambda state: state.iifname,
    "oifname": lambda state: state.oifname,
    # compared by name: see `fwplan.simulate.matching`
    "iif": lambda state: state.iifname,
    "oif": lambda state: state.oifname,
    "iifkind": lambda state: _kind(state.iif),
    "oifkind": lambda state: _kind(state.oif),
    "iiftype": _type_of_input,
    "oiftype": lambda state: _type(state.oif),
    "iifgroup": lambda state: _group(state.iif),
    "oifgroup": lambda state: _group(state.oif),
    "ibrname": lambda state: None if state.iif is None else state.iif.bridge or ABSENT,
    "obrname": lambda state: None if state.oif is None else state.oif.bridge or ABSENT,
    "mark": lambda state: state.mark,
    "protocol": lambda state: ETHER_TYPES.get(state.family),
    "l4proto": lambda state: state.protocol if state.family != "arp" else ABSENT,
    "pkttype": lambda state: state.pkttype,
    "length": lambda state: state.length,
    "skuid": lambda state: _of_sender(state, state.uid),
    "skgid": lambda state: _of_sender(state, state.gid),
    "priority": lambda state: state.priority,
}


def _kind(interface: Interface | None) -> Value:
    if interface is None or interface.kind is None:
        return None
    # hardware, and the loopback, have none
    return interface.kind or ABSENT


def _group(interface: Interface | None) -> Value:
    return None if interface is None else interface.group if interface.name else ABSENT


_PORTS_OF_BRIDGE = {"physin": "in_port", "physout": "out_port"}


def _port_of_bridge(key: str, world: World) -> Getter:
    """Empty where no bridge has carried the packet, or not through the rules of IP."""
    attribute = _PORTS_OF_BRIDGE[key]
    otherwise = "" if world.bridge_netfilter is False else None

    def read(state: State) -> Value:
        name: str | None = getattr(state, attribute)
        return otherwise if name is None else name

    return read


def _meta(key: str, scope: Scope) -> Getter:
    family = scope.family
    if key in _PORTS_OF_BRIDGE:
        return _port_of_bridge(key, scope.world)
    if key == "nfproto":
        if family == "inet":
            return lambda state: _NFPROTO[state.family]
        number = _NFPROTO[family]
        return lambda _: number
    return _META.get(key, nothing)


# What connection tracking knows

_RELATED = CT_STATES["related"]
_CT: dict[str, Getter] = {
    "direction": lambda state: state.ct.direction,
    # whether a copy for several is confirmed by then depends on the kernel's release
    "status": lambda state: None if CONFIRMED_EARLY in state.translated else state.ct.status,
    "mark": lambda state: state.ct.mark,
    "helper": lambda state: ABSENT if state.ct.helper == "" else state.ct.helper,
    "zone": lambda state: state.ct.zone,
    "l3proto": lambda state: _NFPROTO[state.family],
    # an error message of ICMP belongs to the connection that it is about
    "protocol": lambda state: (
        None if state.ct.state == _RELATED and state.protocol in {ICMP, ICMPV6} else state.protocol
    ),
}
_WAYS = {
    "ip saddr": "source",
    "ip daddr": "destination",
    "ip6 saddr": "source",
    "ip6 daddr": "destination",
    "saddr": "source",
    "daddr": "destination",
    "proto-src": "source_port",
    "proto-dst": "destination_port",
}


def _ct(key: str, direction: str | None) -> Getter:
    if key == "state":
        return lambda state: state.ct.state
    get = _way(key, direction) if key in _WAYS and direction is not None else _CT.get(key, nothing)

    def read(state: State) -> Value:
        has_entry = state.ct.has_entry
        if has_entry is False:
            return ABSENT
        return get(state) if has_entry else None

    return read


def _way(key: str, direction: str | None) -> Getter:
    attribute = _WAYS[key]
    family = key.partition(" ")[0] if " " in key else None

    def read(state: State) -> Value:
        if family is not None and state.family != family:
            return ABSENT
        way = state.ct.original if direction == "original" else state.ct.reply
        if way is None or (attribute.endswith("port") and state.protocol not in PORT_PROTOCOLS):
            return None
        found: int | None = getattr(way, attribute)
        return found

    return read


# Arithmetic


def _operation(operator: str, operands: tuple[Expression, ...], scope: Scope) -> Getter:
    first = getter(operands[0], scope)
    datatype = datatype_of(operands[0])
    rest = [_operand(operand, datatype, operator, scope) for operand in operands[1:]]
    apply = _APPLY[operator]

    def read(state: State) -> Value:
        value = first(state)
        for get in rest:
            if not isinstance(value, int):
                return value
            other = get(state)
            if not isinstance(other, int):
                return other
            value = apply(value, other)
        return value

    return read


def _operand(operand: Expression, datatype: Datatype | None, operator: str, scope: Scope) -> Getter:
    number = constant(operand, None if operator in {"<<", ">>"} else datatype)
    if number is not None:
        return lambda _: number
    return getter(operand, scope)


_MASK = 0xFFFFFFFF
_APPLY: dict[str, Callable[[int, int], int]] = {
    "&": lambda value, other: value & other,
    "|": lambda value, other: value | other,
    "^": lambda value, other: value ^ other,
    "<<": lambda value, other: (value << other) & _MASK if other < 32 else 0,
    ">>": lambda value, other: value >> other if other < 128 else 0,
}
"""Shifts are only done on marks and the like, which have 32 bits."""
