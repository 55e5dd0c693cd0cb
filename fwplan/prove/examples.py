"""One packet of a class, as it may really come: for people to read, and for the simulator and the kernel to try."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fwplan.nft.datatypes import DATATYPES
from fwplan.prove.dimensions import STATES, Dimension, size_of
from fwplan.prove.interfaces import HOST
from fwplan.simulate.fib import address_of
from fwplan.simulate.packet import ICMP, ICMPV6, NO_INTERFACE, TCP, UDP, Connection, Interface, Packet
from fwplan.simulate.state import PACKET_TYPES, TCP_FLAGS
from fwplan.simulate.translation import HAVE_PORTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.prove.comparison import Region
    from fwplan.prove.dimensions import Family
    from fwplan.prove.interfaces import Interfaces
    from fwplan.simulate.packet import Address, PacketType

    Span = tuple[int, int]

_OUTSIDE: Mapping[Dimension, Mapping[Family, tuple[Address, ...]]] = {
    Dimension.SOURCE: {
        "ip": tuple(map(ip_address, ("192.0.2.10", "203.0.113.10", "198.51.100.10", "100.64.0.10"))),
        "ip6": tuple(map(ip_address, ("2001:db8:fffe::10", "2001:db8:fffd::10", "2600::10"))),
    },
    Dimension.DESTINATION: {
        "ip": tuple(map(ip_address, ("198.51.100.7", "203.0.113.7", "192.0.2.7", "100.64.0.7"))),
        "ip6": tuple(map(ip_address, ("2001:db8:ffff::7", "2001:db8:fffd::7", "2600::7"))),
    },
}
"""Addresses that networks seldom have: those for documentation first."""
_INSIDE = (10, 2, 1, 0)
"""Which addresses of a network guests have."""
_PROTOCOLS: Mapping[Family, tuple[int, ...]] = {"ip": (TCP, UDP, ICMP), "ip6": (TCP, UDP, ICMPV6)}
_RARER = tuple(DATATYPES["inet_proto"].words[name] for name in ("sctp", "udplite", "dccp", "gre", "esp", "igmp"))
_BY_PROTOCOL = {TCP: 0, UDP: 1, ICMP: 2, ICMPV6: 2}
_ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}
_TYPES: Mapping[int, PacketType] = {number: name for name, number in PACKET_TYPES.items() if name != "unicast"}  # type: ignore[misc]
_ANY_PORT, _LOW_PORT, _SERVICE = 50000, 500, 443
_TTL = 64
_NEVER, _SELDOM, _RARELY = 100, 20, 5
"""How far a packet is from what comes by: no kernel forwards it; it takes much for it; it is not the commonest."""


@dataclass(frozen=True, slots=True)
class Example:
    """A packet of a class.

    Attributes:
        packet: as it comes to the hook forward, or, where the host itself sends it, to postrouting.
        strangeness: how far it is from what really comes by.
    """

    packet: Packet
    strangeness: int


@dataclass(frozen=True, slots=True)
class Scene:
    """The networks among which packets are chosen.

    Attributes:
        bridges: of the networks.
        own: the host's addresses on them.
    """

    bridges: frozenset[str] = frozenset()
    own: tuple[Address, ...] = ()


def example_of(region: Region, family: Family, interfaces: Interfaces, scene: Scene) -> Example:
    """The likeliest packet of a class."""
    packet = _Choice(region, family, interfaces, scene).packet()
    return Example(packet, _strangeness(packet, scene, interfaces.name(interfaces.others)))


@dataclass(frozen=True)
class _Choice:
    """A class, of whose values one each is chosen."""

    region: Region
    family: Family
    interfaces: Interfaces
    scene: Scene

    def packet(self) -> Packet:
        """The packet."""
        protocol, state = self._protocol(), STATES[self._value(Dimension.STATE, *range(len(STATES)))]
        destination = self._address(Dimension.DESTINATION)
        came, leaves = self._interface(Dimension.IN), self._interface(Dimension.OUT)
        is_icmp, has_ports = protocol in _ECHO_REQUEST, protocol in HAVE_PORTS
        comes_back = state != "new" and self._value(Dimension.DIRECTION, 0) == 1
        redirected = self._value(Dimension.REDIRECTED, 0) == 1
        name = self.interfaces.another(leaves) if leaves == came else self.interfaces.name(leaves)
        return Packet(
            self.family,
            Interface(self.interfaces.name(came)) if came != HOST else NO_INTERFACE,
            Interface(name),
            self._address(Dimension.SOURCE),
            destination,
            protocol,
            self._source_port() if has_ports else None,
            self._value(Dimension.DESTINATION_PORT, _SERVICE) if has_ports else None,
            tcp_flags=self._flags(is_new=state == "new") if protocol == TCP else None,
            icmp_type=self._value(Dimension.ICMP_TYPE, _ECHO_REQUEST[protocol]) if is_icmp else None,
            icmp_code=self._value(Dimension.ICMP_CODE, 0) if is_icmp else None,
            icmp_id=1 if is_icmp else None,
            mark=self._value(Dimension.MARK, 0),
            type=_TYPES[self._value(Dimension.PACKET_TYPE, PACKET_TYPES[_usual_type(destination)])],
            ttl=_TTL,
            connection=Connection(
                state, "reply" if comes_back else "original", frozenset({"dnat"} if redirected else ()), 0, helper=""
            ),
        )

    def _span(self, dimension: Dimension) -> Span:
        """The first and the last value that the class has."""
        start, end = self.region.spans.get(dimension, (0, None))
        if end is not None:
            return start, end - 1
        if dimension in {Dimension.IN, Dimension.OUT}:
            return start, len(self.interfaces) - 1
        return start, size_of(dimension, self.family) - 1

    def _value(self, dimension: Dimension, *wanted: int) -> int:
        """The first of some values that the class has; the least that it has where it has none of them."""
        first, last = self._span(dimension)
        return next((value for value in wanted if first <= value <= last), first)

    def _interface(self, dimension: Dimension) -> int:
        """One that no rule names, where the class has one."""
        least = HOST + (dimension is Dimension.OUT)
        return max(self._value(dimension, self.interfaces.others), least)

    def _protocol(self) -> int:
        usual = _PROTOCOLS[self.family]
        # of what belongs to another connection, errors are the commonest
        is_related = STATES[self._value(Dimension.STATE, *range(len(STATES)))] == "related"
        return self._value(Dimension.PROTOCOL, *(reversed(usual) if is_related else usual), *_RARER)

    def _address(self, dimension: Dimension) -> Address:
        """An address outside where the class has one, else one as guests have it; of the host's own packets its own."""
        first, last = self._span(dimension)
        if dimension is Dimension.SOURCE and self._interface(Dimension.IN) == HOST:
            own = [each for each in self.scene.own if (each.version == 6) == (self.family == "ip6")]
            found = next((each for each in own if first <= int(each) <= last), None)
            if found is not None:
                return found
        outside = _OUTSIDE[dimension][self.family]
        inside = [first + step for step in _INSIDE if first + step <= last] + [last - 1, last]
        candidates = [each for each in outside if first <= int(each) <= last]
        candidates += [address_of(each, self.family) for each in inside if each >= first]
        return next((each for each in candidates if not _is_special(each)), candidates[0])

    def _source_port(self) -> int:
        """One that tells two translations apart, where only their ports differ."""
        usual = [_ANY_PORT, _LOW_PORT]
        sides = [leaf.ending for leaf in (self.region.left, self.region.right)]
        ports = [side.translate.ports for side in sides if side is not None and side.translate is not None]
        if len(ports) == len(sides) and ports[0] != ports[1]:
            usual += [edge for span in ports if span is not None for edge in (span[0] - 1, *span, span[1] + 1)]
            usual = [port for port in usual if _may_keep(ports[0], port) != _may_keep(ports[1], port)]
        return self._value(Dimension.SOURCE_PORT, *usual)

    def _flags(self, *, is_new: bool) -> frozenset[str]:
        bits = self._value(Dimension.TCP_FLAGS, TCP_FLAGS["syn" if is_new else "ack"])
        return frozenset(name for name, bit in TCP_FLAGS.items() if bits & bit)


def _may_keep(ports: Span | None, port: int) -> bool:
    """Whether a translation leaves a source port as it is, where it can."""
    return ports is None or ports[0] <= port <= ports[1]


def _usual_type(destination: Address) -> PacketType:
    if destination.is_multicast:
        return "multicast"
    return "broadcast" if _is_broadcast(destination) else "host"


def _is_broadcast(address: Address) -> bool:
    return str(address) == "255.255.255.255"


def _is_special(address: Address) -> bool:
    """Whether no router forwards packets from an address, or to it."""
    return (
        address.is_multicast
        or address.is_loopback
        or address.is_unspecified
        or address.is_reserved
        or address.is_link_local
        or (address.version == 4 and int(address) >> 24 == 0)
    )


def _strangeness(packet: Packet, scene: Scene, outside: str) -> int:
    source, destination, connection = packet.source, packet.destination, packet.connection
    sent_by_host = packet.in_interface == NO_INTERFACE
    score = 0
    if sent_by_host:
        score += _SELDOM // 2 + _RARELY * (source not in scene.own)
    if packet.in_interface is None or packet.in_interface.name not in scene.bridges:
        score += 1
    if packet.out_interface is None or packet.out_interface.name != outside:
        score += 1
    if source is None or source == destination or _is_special(source):
        score += _NEVER
    if destination is not None and _is_special(destination):
        # the host sends to groups itself; what guests send to them stays on a bridge, where few hosts let rules see it
        stays = packet.in_interface == packet.out_interface
        score += _SELDOM if sent_by_host else 2 * _SELDOM if stays else _NEVER
    if connection is not None:
        score += 2 * STATES.index(connection.state or "new")
        score += _RARELY * (bool(connection.status) + (connection.direction == "reply"))
    score += _RARELY * bool(packet.mark)
    return score + _BY_PROTOCOL.get(packet.protocol or 0, _RARELY)
