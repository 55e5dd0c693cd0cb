"""A packet while it is walked: the same as `Packet`, in plain numbers, which is what rules compare.

None is what is not given. A state is not changed but copied, so that two ways can go on from it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, NamedTuple

from fwplan.nft.datatypes import DATATYPES
from fwplan.simulate.packet import Connection, Endpoints, Packet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fwplan.simulate.assumptions import Assumptions
    from fwplan.simulate.packet import Address, Interface
    from fwplan.simulate.packet import State as ConnectionState

CT_STATES: Mapping[str, int] = DATATYPES["ct_state"].words
CT_STATUS: Mapping[str, int] = DATATYPES["ct_status"].words
TCP_FLAGS: Mapping[str, int] = DATATYPES["tcp_flag"].words
PACKET_TYPES: Mapping[str, int] = DATATYPES["pkt_type"].words
INTERFACE_TYPES: Mapping[str, int] = {**DATATYPES["iface_type"].words, "none": 65534}
ETHER_TYPES: Mapping[str, int] = DATATYPES["ether_type"].words

CONFIRMED_EARLY = "confirmed"
"""Among what has been translated: that a connection is confirmed before the host gets its packet, and stays as it is.

It is so for frames to several stations where rules of IP see what a bridge carries."""

SNAT, DNAT = CT_STATUS["snat"], CT_STATUS["dnat"]


class Ends(NamedTuple):
    """From where to where a connection goes one way, as it is remembered."""

    source: int | None
    destination: int | None
    source_port: int | None
    destination_port: int | None

    def reversed(self) -> Ends:
        """The other way round."""
        return Ends(self.destination, self.source, self.destination_port, self.source_port)


class Tracked(NamedTuple):
    """What connection tracking knows. See `fwplan.simulate.packet.Connection`.

    Attributes:
        state: as a bit.
        direction: 0 or 1.
        status: as bits.
        mark: of the connection.
        original: the way of the first packet.
        reply: the way of replies.
        helper: the name of the helper.
        zone: the zone.
        has_entry: whether there is a connection at all: not for what is invalid or untracked.
    """

    state: int | None
    direction: int | None
    status: int | None
    mark: int | None
    original: Ends | None
    reply: Ends | None
    helper: str | None
    zone: int | None
    has_entry: bool | None


NOT_TRACKED = Tracked(CT_STATES["invalid"], None, None, None, None, None, None, None, has_entry=False)
"""Before connection tracking has looked at a packet, and where it can make nothing of it."""
UNTRACKED = NOT_TRACKED._replace(state=CT_STATES["untracked"])
"""After `notrack`."""
NOT_GIVEN = Tracked(None, None, None, None, None, None, None, None, has_entry=None)


_NOTHING: frozenset[str] = frozenset()
_LATER: dict[str, Callable[[Packet], object]] = {
    "smac": lambda packet: mac_number(packet.source_mac),
    "dmac": lambda packet: mac_number(packet.destination_mac),
    "flags": lambda packet: None if packet.tcp_flags is None else sum(TCP_FLAGS[flag] for flag in packet.tcp_flags),
    "pkttype": lambda packet: None if packet.type is None else PACKET_TYPES[packet.type],
    "icmp_type": lambda packet: packet.icmp_type,
    "icmp_code": lambda packet: packet.icmp_code,
    "icmp_id": lambda packet: packet.icmp_id,
    "vlan": lambda packet: packet.vlan,
    "length": lambda packet: packet.length,
    "ttl": lambda packet: packet.ttl,
    "dscp": lambda packet: packet.dscp,
    "fragment_offset": lambda packet: packet.fragment_offset,
    "more_fragments": lambda packet: packet.more_fragments,
    "uid": lambda packet: packet.uid,
    "gid": lambda packet: packet.gid,
    "priority": lambda packet: packet.priority,
}


class State:
    """A packet in plain numbers. Attributes are those of `Packet`, shortened where nft has a word.

    Attributes:
        ct: what rules see of the connection now.
        tracked: what connection tracking will make of the packet when it comes to it.
        epoch: how often an address or interface changed.
        touched: sets that the packet was put into or taken out of.
        assumed: what was taken for granted of attributes that are not given.
        translated: what has happened that happens once: which of source and destination have been translated, and
            base chains of which it was not known whether it comes to them.
        in_port: the name of the port of a bridge by which the packet came to the rules of IP; empty for none.
        out_port: the same for the port by which the bridge sends it.
        leaves: whether it is at a hook where the kernel has given it to the interface that it leaves by.
    """

    # What most packets do not change, and few rules ask for, is made when it is first asked for.

    smac: int | None
    dmac: int | None
    flags: int | None
    pkttype: int | None
    icmp_type: int | None
    icmp_code: int | None
    icmp_id: int | None
    vlan: int
    length: int | None
    ttl: int | None
    dscp: int | None
    fragment_offset: int
    more_fragments: bool
    uid: int | None
    gid: int | None
    priority: int | None

    epoch: int = 0
    touched: frozenset[str] = _NOTHING
    assumed: Assumptions = frozenset()
    translated: frozenset[str] = _NOTHING
    in_port: str | None = None
    out_port: str | None = None
    leaves: bool = False

    def __init__(self, packet: Packet) -> None:
        self.packet = packet
        self.family: str = packet.family
        self.iif: Interface | None = packet.in_interface
        self.iifname: str | None = None if packet.in_interface is None else packet.in_interface.name
        self.oif: Interface | None = packet.out_interface
        self.oifname: str | None = None if packet.out_interface is None else packet.out_interface.name
        self.saddr: int | None = None if packet.source is None else int(packet.source)
        self.daddr: int | None = None if packet.destination is None else int(packet.destination)
        self.protocol: int | None = packet.protocol
        self.sport: int | None = packet.source_port
        self.dport: int | None = packet.destination_port
        self.mark: int | None = packet.mark
        self.ct = self.tracked = NOT_GIVEN if packet.connection is None else _tracked(packet.connection)

    def __getattr__(self, name: str) -> object:
        """What is made when it is first asked for."""
        make = _LATER.get(name)
        if make is None:
            raise AttributeError(name)
        value = self.__dict__[name] = make(self.packet)
        return value

    def copy(self) -> State:
        """Another one that is the same."""
        other = State.__new__(State)
        other.__dict__.update(self.__dict__)
        return other

    def key(self) -> tuple[object, ...]:
        """All that may differ between two ways of one packet, but for what was assumed."""
        return (
            self.saddr,
            self.daddr,
            self.sport,
            self.dport,
            self.mark,
            self.ct,
            self.tracked,
            self.touched,
            self.translated,
            self.oifname,
            self.ttl,
            self.dscp,
            self.priority,
            self.pkttype,
            self.smac,
            self.dmac,
            self.length,
            self.flags,
        )

    def as_packet(self) -> Packet:
        """As others see it."""
        packet = self.packet
        return replace(
            packet,
            in_interface=self.iif,
            out_interface=self.oif,
            source=_same_or(packet.source, self.saddr, self.family),
            destination=_same_or(packet.destination, self.daddr, self.family),
            source_port=self.sport,
            destination_port=self.dport,
            mark=self.mark,
            type=None if self.pkttype is None else _PACKET_TYPE_OF[self.pkttype],  # type: ignore[arg-type]
            source_mac=_mac(packet.source_mac, self.smac),
            destination_mac=_mac(packet.destination_mac, self.dmac),
            length=self.length,
            ttl=self.ttl,
            dscp=self.dscp,
            priority=self.priority,
            connection=_connection(self.tracked, self.family) if self.tracked is not NOT_GIVEN else None,
        )


_PACKET_TYPE_OF = {0: "host", 1: "broadcast", 2: "multicast", 3: "other"}
_STATE_OF: dict[int, ConnectionState] = {
    CT_STATES["invalid"]: "invalid",
    CT_STATES["established"]: "established",
    CT_STATES["related"]: "related",
    CT_STATES["new"]: "new",
    CT_STATES["untracked"]: "untracked",
}


def mac_number(mac: str | None) -> int | None:
    """A hardware address as a number."""
    return None if mac is None else int(mac.replace(":", ""), 16)


def address(number: int | None, family: str) -> Address | None:
    """An address from its number."""
    if number is None:
        return None
    return IPv6Address(number) if family == "ip6" else IPv4Address(number)


def _same_or(given: Address | None, number: int | None, family: str) -> Address | None:
    return given if given is not None and int(given) == number else address(number, family)


def _mac(given: str | None, number: int | None) -> str | None:
    if number is None:
        return None
    written = ":".join(f"{octet:02x}" for octet in number.to_bytes(6, "big"))
    return given if given is not None and given.lower() == written else written


@lru_cache(maxsize=4096)
def _tracked(connection: Connection) -> Tracked:
    state = connection.state
    if state == "invalid":
        return NOT_TRACKED
    if state == "untracked":
        return UNTRACKED
    direction = connection.direction
    if direction is None and state == "new":
        direction = "original"
    return Tracked(
        None if state is None else CT_STATES[state],
        None if direction is None else (0 if direction == "original" else 1),
        None if connection.status is None else sum(CT_STATUS[flag] for flag in connection.status),
        connection.mark,
        _way(connection.original),
        _way(connection.reply),
        connection.helper,
        connection.zone,
        None if state is None else True,
    )


def _way(endpoints: Endpoints | None) -> Ends | None:
    if endpoints is None:
        return None
    return Ends(
        None if endpoints.source is None else int(endpoints.source),
        None if endpoints.destination is None else int(endpoints.destination),
        endpoints.source_port,
        endpoints.destination_port,
    )


def _endpoints(way: Ends | None, family: str) -> Endpoints | None:
    if way is None:
        return None
    return Endpoints(
        address(way.source, family), address(way.destination, family), way.source_port, way.destination_port
    )


def _connection(tracked: Tracked, family: str) -> Connection:
    if tracked.has_entry is False:
        return Connection("untracked" if tracked == UNTRACKED else "invalid")
    return Connection(
        None if tracked.state is None else _STATE_OF[tracked.state],
        None if tracked.direction is None else ("reply" if tracked.direction else "original"),
        None if tracked.status is None else frozenset(name for name, bit in CT_STATUS.items() if tracked.status & bit),
        tracked.mark,
        _endpoints(tracked.original, family),
        _endpoints(tracked.reply, family),
        tracked.helper,
        tracked.zone,
    )
