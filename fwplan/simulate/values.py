"""Expressions as functions of a packet: what `ip saddr` or `meta mark & 0xff` is for it.

A value is a number or a name; None where an attribute that it needs is not given, and `ABSENT` where there is no such
thing in the packet, as the port of an ICMP message, or in the kernel, as the mark of a connection that is not tracked:
a rule that asks for it does not match, whatever the comparison. What fwplan cannot compute at all is None too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fwplan.nft.datatypes import FIELDS, datatype_of
from fwplan.nft.expressions import (
    Concatenation,
    Ct,
    ExtensionHeader,
    Fib,
    Map,
    Meta,
    Operation,
    Payload,
    RawPayload,
)
from fwplan.simulate.constants import constant
from fwplan.simulate.fib import fib_getter
from fwplan.simulate.lookup import ABSENT, MISS, Absent, Hit
from fwplan.simulate.state import CONFIRMED_EARLY, CT_STATES, ETHER_TYPES, INTERFACE_TYPES, State

if TYPE_CHECKING:
    from fwplan.nft.datatypes import Datatype
    from fwplan.nft.expressions import Expression
    from fwplan.simulate.lookup import Key
    from fwplan.simulate.scope import Scope
    from fwplan.simulate.world import World

Value = int | str | None | Absent
Getter = Callable[[State], Value]

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
_PORT_PROTOCOLS = frozenset((TCP, UDP, 33, 132, 136))
_TRANSPORT = {
    "tcp": TCP,
    "udp": UDP,
    "icmp": ICMP,
    "icmpv6": ICMPV6,
    "sctp": 132,
    "dccp": 33,
    "udplite": 136,
    "igmp": 2,
}
_TRANSPORT |= {"esp": 50, "ah": 51, "comp": 108}
_NFPROTO = {"ip": 2, "ip6": 10, "arp": 3, "bridge": 7, "netdev": 5}


def getter(expression: Expression, scope: Scope) -> Getter:
    """The function that computes an expression."""
    match expression:
        case Meta(key):
            return _meta(key, scope)
        case Payload(protocol, field, None):
            return _payload(protocol, field, scope.family)
        case Ct(key, direction):
            return _ct(key, direction)
        case Fib(result, flags):
            return fib_getter(result, flags, scope.world)
        case Operation(operator, operands):
            return _operation(operator, operands, scope)
        case RawPayload():
            return _raw_payload(expression)
        case ExtensionHeader("frag", "frag-off"):
            return _of_family("ip6", _fragment_header)
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


def _mapped(key: Expression, data: Expression, scope: Scope) -> Getter:
    """What a key stands for, where that is a number."""
    lookup = scope.lookup(data, key)
    if lookup is None:
        return _nothing
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


def _nothing(_: State) -> Value:
    return None


# What the kernel knows of the packet


def _of_sender(state: State, number: int | None) -> Value:
    """Only what the host itself sends has a socket that sends it."""
    if state.iifname is None:
        return None
    return ABSENT if state.iifname else number


_META: dict[str, Getter] = {
    "iifname": lambda state: state.iifname,
    "oifname": lambda state: state.oifname,
    # compared by name: see `fwplan.simulate.matching`
    "iif": lambda state: state.iifname,
    "oif": lambda state: state.oifname,
    "iifkind": lambda state: _kind(state, "iif"),
    "oifkind": lambda state: _kind(state, "oif"),
    "iiftype": lambda state: None if state.iif is None else _interface_type(state.iif.type),
    "oiftype": lambda state: None if state.oif is None else _interface_type(state.oif.type),
    "iifgroup": lambda state: None if state.iif is None else state.iif.group,
    "oifgroup": lambda state: None if state.oif is None else state.oif.group,
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
_PORTS_OF_BRIDGE = {"physin": "in_port", "physout": "out_port"}


def _kind(state: State, which: str) -> Value:
    interface = state.iif if which == "iif" else state.oif
    return None if interface is None else interface.kind


def _interface_type(name: str | None) -> Value:
    if name is None:
        return None
    return INTERFACE_TYPES.get(name) if name else ABSENT


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
    return _META.get(key, _nothing)


# Fields of the packet


def _fragment(state: State) -> Value:
    """Offset and flags in one. Whether it may be fragmented is not given, and no rule that is known asks for it."""
    return state.fragment_offset // 8 | (0x2000 if state.more_fragments else 0)


def _fragment_header(state: State) -> Value:
    return state.fragment_offset // 8 if state.fragment_offset or state.more_fragments else ABSENT


_IP: dict[str, Getter] = {
    "saddr": lambda state: state.saddr,
    "daddr": lambda state: state.daddr,
    "protocol": lambda state: state.protocol,
    "length": lambda state: state.length,
    "ttl": lambda state: state.ttl,
    "dscp": lambda state: state.dscp,
    "version": lambda _: 4,
    "frag-off": _fragment,
}
_IP6: dict[str, Getter] = {
    "saddr": lambda state: state.saddr,
    "daddr": lambda state: state.daddr,
    # extension headers are not modelled: the first header is that of the transport protocol
    "nexthdr": lambda state: state.protocol,
    "hoplimit": lambda state: state.ttl,
    "dscp": lambda state: state.dscp,
    "version": lambda _: 6,
    "length": lambda state: None if state.length is None else state.length - 40,
}


def _has_no_frame(state: State) -> bool:
    """What the host itself sends has no header of the link layer yet, and other links than Ethernet another one."""
    return state.iifname == "" or (state.iif is not None and state.iif.type not in {None, "ether"})


_ETHER: dict[str, Getter] = {
    "saddr": lambda state: state.smac,
    "daddr": lambda state: state.dmac,
    "type": lambda state: 0x8100 if state.vlan else ETHER_TYPES.get(state.family),
}
_VLAN: dict[str, Getter] = {
    "id": lambda state: state.vlan or ABSENT,
    "type": lambda state: ETHER_TYPES.get(state.family) if state.vlan else ABSENT,
    "pcp": lambda state: None if state.vlan else ABSENT,
    "dei": lambda state: None if state.vlan else ABSENT,
}
_ICMP_ECHO = {ICMP: frozenset((0, 8)), ICMPV6: frozenset((128, 129))}


def _sport(state: State) -> Value:
    return state.sport


def _dport(state: State) -> Value:
    return state.dport


def _payload(protocol: str, field: str, family: str = "") -> Getter:
    if (protocol, field) not in FIELDS:
        return _nothing
    match protocol:
        case "ip":
            return _of_family("ip", _IP.get(field, _nothing))
        case "ip6":
            return _of_family("ip6", _IP6.get(field, _nothing))
        case "ether":
            get = _ETHER.get(field, _nothing)
            return get if family == "bridge" else lambda state: ABSENT if _has_no_frame(state) else get(state)
        case "vlan":
            return _VLAN.get(field, _nothing)
        case "arp":
            return _of_family("arp", _nothing)
        case "th":
            return _ports(_sport if field == "sport" else _dport, None)
        case _:
            return _transport(protocol, field)


def _of_family(family: str, get: Getter) -> Getter:
    return lambda state: get(state) if state.family == family else ABSENT


def _transport(protocol: str, field: str) -> Getter:
    number = _TRANSPORT.get(protocol)
    if number is None:
        return _nothing
    if field in {"sport", "dport"}:
        return _ports(_sport if field == "sport" else _dport, number)
    get: Getter = _nothing
    if protocol == "tcp" and field == "flags":
        get = _tcp_flags
    elif protocol in {"icmp", "icmpv6"}:
        get = _ICMP.get(field, _nothing)
    return _of_protocol(number, get)


def _tcp_flags(state: State) -> Value:
    return state.flags


def _icmp_id(state: State) -> Value:
    if state.icmp_type is None or state.protocol is None:
        return None
    return state.icmp_id if state.icmp_type in _ICMP_ECHO[state.protocol] else ABSENT


_ICMP: dict[str, Getter] = {
    "type": lambda state: state.icmp_type,
    "code": lambda state: state.icmp_code,
    "id": _icmp_id,
}


def _ports(get: Getter, number: int | None) -> Getter:
    protocols = _PORT_PROTOCOLS if number is None else frozenset((number,))

    def read(state: State) -> Value:
        if state.protocol in protocols:
            # a later fragment has no header of the transport protocol
            return get(state) if not state.fragment_offset else ABSENT
        if state.protocol is None or (number is None and state.protocol in _OTHER_HEADERS):
            # the first bytes of any header can be read as ports
            return None
        return ABSENT

    return read


_OTHER_HEADERS = frozenset(range(256)) - _PORT_PROTOCOLS


def _of_protocol(number: int, get: Getter) -> Getter:
    def read(state: State) -> Value:
        if state.protocol == number:
            return get(state) if not state.fragment_offset else ABSENT
        return None if state.protocol is None else ABSENT

    return read


def _raw_payload(raw: RawPayload) -> Getter:
    """Bits that are a field are that field: of IP where the hook knows its version, or ports."""
    if raw.base == "th":
        for name in ("sport", "dport"):
            if (raw.offset, raw.length) == (FIELDS["th", name].offset, FIELDS["th", name].datatype.bits):
                return _payload("th", name)
        return _nothing
    base = {"nh": ("ip", "ip6"), "ll": ("ether",)}.get(raw.base, ())
    getters = {
        protocol: _payload(protocol, name)
        for protocol in base
        for (of, name), field in FIELDS.items()
        if of == protocol and (field.offset, field.datatype.bits) == (raw.offset, raw.length)
    }
    if "ether" in getters:
        return getters["ether"]
    return lambda state: getters.get(state.family, _nothing)(state)


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
    "protocol": lambda state: None if state.ct.state == _RELATED and state.protocol in _ICMP_ECHO else state.protocol,
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
    get = _way(key, direction) if key in _WAYS and direction is not None else _CT.get(key, _nothing)

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
        if way is None or (attribute.endswith("port") and state.protocol not in _PORT_PROTOCOLS):
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
