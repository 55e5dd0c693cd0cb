"""Fields of a packet's headers as functions of it: `ip saddr`, `tcp dport`, `@th,16,16`.

A field of a protocol that the packet does not have is absent, as is one of the transport protocol in a later fragment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fwplan.nft.datatypes import FIELDS
from fwplan.simulate.lookup import ABSENT, Absent
from fwplan.simulate.state import ETHER_TYPES, State

if TYPE_CHECKING:
    from fwplan.nft.expressions import RawPayload

Value = int | str | None | Absent
Getter = Callable[[State], Value]

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
PORT_PROTOCOLS = frozenset((TCP, UDP, 33, 132, 136))
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


def nothing(_: State) -> Value:
    """What fwplan does not compute."""
    return None


def _fragment(state: State) -> Value:
    """Offset and flags in one. Whether it may be fragmented is not given, and no rule that is known asks for it."""
    return state.fragment_offset // 8 | (0x2000 if state.more_fragments else 0)


def fragment_header(state: State) -> Value:
    """`frag frag-off`, of which only fragments of IPv6 have one."""
    is_fragment = state.family == "ip6" and (state.fragment_offset or state.more_fragments)
    return state.fragment_offset // 8 if is_fragment else ABSENT


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


def field_getter(protocol: str, field: str, family: str = "") -> Getter:
    """The function that takes a field out of a header; `family` is that of the hook that the packet is at."""
    if (protocol, field) not in FIELDS:
        return nothing
    match protocol:
        case "ip":
            return _of_family("ip", _IP.get(field, nothing))
        case "ip6":
            return _of_family("ip6", _IP6.get(field, nothing))
        case "ether":
            get = _ETHER.get(field, nothing)
            return get if family == "bridge" else lambda state: ABSENT if _has_no_frame(state) else get(state)
        case "vlan":
            return _VLAN.get(field, nothing)
        case "arp":
            return _of_family("arp", nothing)
        case "th":
            return _ports(_sport if field == "sport" else _dport, None)
        case _:
            return _transport(protocol, field)


def _of_family(family: str, get: Getter) -> Getter:
    return lambda state: get(state) if state.family == family else ABSENT


def _transport(protocol: str, field: str) -> Getter:
    number = _TRANSPORT.get(protocol)
    if number is None:
        return nothing
    if field in {"sport", "dport"}:
        return _ports(_sport if field == "sport" else _dport, number)
    get: Getter = nothing
    if protocol == "tcp" and field == "flags":
        get = _tcp_flags
    elif protocol in {"icmp", "icmpv6"}:
        get = _ICMP.get(field, nothing)
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
    protocols = PORT_PROTOCOLS if number is None else frozenset((number,))

    def read(state: State) -> Value:
        if state.protocol in protocols:
            # a later fragment has no header of the transport protocol
            return get(state) if not state.fragment_offset else ABSENT
        if state.protocol is None or (number is None and state.protocol in _OTHER_HEADERS):
            # the first bytes of any header can be read as ports
            return None
        return ABSENT

    return read


_OTHER_HEADERS = frozenset(range(256)) - PORT_PROTOCOLS


def _of_protocol(number: int, get: Getter) -> Getter:
    def read(state: State) -> Value:
        if state.protocol == number:
            return get(state) if not state.fragment_offset else ABSENT
        return None if state.protocol is None else ABSENT

    return read


def raw_getter(raw: RawPayload) -> Getter:
    """Bits that are a field are that field: of IP where the hook knows its version, or ports."""
    if raw.base == "th":
        for name in ("sport", "dport"):
            if (raw.offset, raw.length) == (FIELDS["th", name].offset, FIELDS["th", name].datatype.bits):
                return field_getter("th", name)
        return nothing
    base = {"nh": ("ip", "ip6"), "ll": ("ether",)}.get(raw.base, ())
    getters = {
        protocol: field_getter(protocol, name)
        for protocol in base
        for (of, name), field in FIELDS.items()
        if of == protocol and (field.offset, field.datatype.bits) == (raw.offset, raw.length)
    }
    if "ether" in getters:
        return getters["ether"]
    return lambda state: getters.get(state.family, nothing)(state)
