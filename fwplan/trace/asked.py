"""From a question to the packet that it is about: what is not said is filled in, what was taken for granted is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from fwplan.audit.surroundings import UNKNOWN_UPLINK
from fwplan.errors import UnanswerableError
from fwplan.simulate.course import Bridged, Out, ToHost
from fwplan.simulate.packet import ICMP, ICMPV6, NO_INTERFACE, TCP, UDP, Connection, Endpoints, Interface, Packet
from fwplan.trace.placing import SOMEWHERE, Placed, Placing
from fwplan.trace.question import PROTOCOLS, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.nft.ruleset import Ruleset
    from fwplan.plan.plan import NetworkPlan
    from fwplan.simulate.course import Course
    from fwplan.simulate.packet import PacketFamily, PacketType
    from fwplan.simulate.world import World
    from fwplan.trace.question import Question

_HAVE_PORTS = frozenset((TCP, UDP, 33, 132, 136))
_USUAL_PORT = {UDP: 53}
"""What is asked for where nobody says; any other protocol: 443."""
_ANY_PORT = 50000
"""As a program is given that does not choose its source port."""
_SOURCE_PORT_OF = {(UDP, 67): 68, (UDP, 68): 67, (UDP, 547): 546, (UDP, 546): 547}
"""DHCP has both ends of a flow at ports of its own."""
_ECHO_REQUEST, _ECHO_REPLY = {ICMP: 8, ICMPV6: 128}, {ICMP: 0, ICMPV6: 129}
_TTL = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made definite.

    Attributes:
        packet: as it comes to the host, or as the host sends it.
        course: where routing sends it; None to find it by the host's addresses and routes.
        world: the host, with the interfaces that the question names.
        sender: who sends it, in words.
        receiver: who is to get it, in words.
        taken: what was taken for granted, in sentences without a full stop.
    """

    packet: Packet
    course: Course | None
    world: World
    sender: str
    receiver: str
    taken: tuple[str, ...]


def ask(question: Question, shares: Sequence[NetworkPlan], ruleset: Ruleset, world: World) -> Asked:
    """Make a question definite.

    Args:
        question: what is asked.
        shares: the networks that guests may be of, each with its bridge.
        ruleset: of the host; only whether rules of bridges are among it matters.
        world: what is known of the host.

    Raises:
        UnanswerableError: the question contradicts itself, or leaves out what nothing else tells.
    """
    return _Asking(question, shares, ruleset, world).asked()


class _Asking:
    """One question."""

    def __init__(self, question: Question, shares: Sequence[NetworkPlan], ruleset: Ruleset, world: World) -> None:
        self._question = question
        self._world = world
        self._placing = Placing(shares, world)
        self._sees_ports = world.bridge_netfilter is True or any(
            table.family == "bridge" and not table.is_dormant and any(chain.hook for chain in table.chains.values())
            for table in ruleset.tables
        )
        self._taken: list[str] = []
        self._version = self._which_version()
        self._protocol = self._which_protocol()

    def asked(self) -> Asked:
        """The question, made definite."""
        source, destination = self._placed()
        arrival = self._arrival(source, destination)
        course = self._course(source, destination, arrival)
        source, destination = self._host_addressed(source, destination, arrival, course)
        packet = self._packet(source, destination, arrival, bridged=isinstance(course, Bridged))
        known = [arrival, *_interfaces_of(course)]
        bridges = [self._placing.interface(each.bridge) for each in known if each.bridge]
        new = {each.name: each for each in (*known, *bridges) if each.name and self._world.interface(each.name) is None}
        world = replace(self._world, interfaces=(*self._world.interfaces, *new.values())) if new else self._world
        return Asked(
            packet,
            course,
            world,
            _who(source, arrival.bridge or arrival.name),
            _who(destination, _leaving_by(course) or self._placing.way_outside(destination.address, source) or ""),
            tuple(self._taken),
        )

    # Of which kind

    def _which_version(self) -> int:
        question = self._question
        versions = {end.address.version for end in (question.source, question.destination) if end.address is not None}
        if len(versions) > 1:
            raise UnanswerableError("one address is of IPv4 and the other of IPv6: no packet has both")
        if question.version is not None and versions - {question.version}:
            raise UnanswerableError(f"an address is not of IPv{question.version}, which is asked for")
        if question.version is not None:
            return question.version
        if versions:
            return versions.pop()
        if "icmpv6" in {question.source.protocol, question.destination.protocol}:
            return 6
        return self._placing.version()

    def _which_protocol(self) -> int:
        question = self._question
        named = {end.protocol for end in (question.source, question.destination) if end.protocol is not None}
        if len(named) > 1:
            raise UnanswerableError(f"a packet is of one protocol: {' or '.join(sorted(named))}?")
        number = PROTOCOLS[named.pop()] if named else TCP
        if number in {ICMP, ICMPV6}:
            number = ICMP if self._version == 4 else ICMPV6
        has_port = question.source.port is not None or question.destination.port is not None
        if has_port and number not in _HAVE_PORTS:
            raise UnanswerableError("only TCP, UDP, SCTP, DCCP and UDP-Lite have ports")
        return number

    # Who, and by what

    def _placed(self) -> tuple[Placed, Placed]:
        """Both ends, each guest and each outside with an address."""
        question, placing = self._question, self._placing
        source, destination = placing.place(question.source), placing.place(question.destination)
        if source.is_group:
            raise UnanswerableError(f"nobody sends from {source.address}")
        source = self._addressed(source, destination)
        return source, self._addressed(destination, source)

    def _addressed(self, placed: Placed, other: Placed) -> Placed:
        if placed.address is not None or placed.role is Role.HOST:
            return placed
        if placed.role is Role.OUTSIDE:
            return replace(placed, address=SOMEWHERE[self._version])
        return replace(placed, address=self._placing.guest_address(placed, self._version, other.address))

    def _arrival(self, source: Placed, destination: Placed) -> Interface:
        """By which interface the packet comes to the host."""
        given = self._question.in_interface
        if given is not None:
            return self._placing.interface(given)
        if source.role is Role.HOST:
            return NO_INTERFACE
        if source.bridge is not None:
            return self._on_bridge(source.bridge, "vnet0", destination)
        if self._placing.is_bridged(destination.share) and destination.bridge is not None:
            return self._uplink_of(destination.bridge)
        return self._outside(source, destination, "comes in")

    def _on_bridge(self, bridge: str, name: str, other: Placed) -> Interface:
        """A port of a bridge where rules may see it, the bridge itself where none do."""
        stays = other.bridge == bridge or self._placing.is_bridged(other.share)
        if not self._sees_ports and not stays:
            return self._placing.interface(bridge)
        return self._port(bridge, name)

    def _port(self, bridge: str, name: str, besides: str = "") -> Interface:
        ports = [port for port in self._placing.ports(bridge) if port.name != besides]
        if ports:
            return ports[0]
        if self._sees_ports:
            self._taken.append(f"a port of {bridge} is called {name}")
        return Interface(name, None, "tun", "ether", None, bridge)

    def _uplink_of(self, bridge: str) -> Interface:
        found = self._placing.uplink(bridge)
        if found is None:
            self._taken.append(f"{bridge} leads outside by a port that is called {UNKNOWN_UPLINK}")
        return found or Interface(UNKNOWN_UPLINK, None, "", "ether", None, bridge)

    def _outside(self, end: Placed, inside: Placed, moves: str) -> Interface:
        name = self._placing.way_outside(end.address, inside)
        if name is None:
            name = UNKNOWN_UPLINK
            option = "--in-interface" if moves == "comes in" else "--out-interface"
            self._taken.append(f"it {moves} by {name}, which is not known ({option} says which)")
        return self._placing.interface(name)

    def _course(self, source: Placed, destination: Placed, arrival: Interface) -> Course | None:
        """Where the packet goes."""
        given = self._question.out_interface
        bridge = arrival.bridge or (arrival.name if arrival.kind == "bridge" else "")
        if given is not None:
            interface = self._placing.interface(given)
            if bridge and interface.bridge == bridge:
                return Bridged(interface)
            return Out(self._placing.interface(interface.bridge), interface) if interface.bridge else Out(interface)
        if destination.role is Role.HOST:
            return ToHost()
        if destination.bridge is not None:
            return self._to_guest(destination.bridge, arrival)
        if self._placing.is_bridged(source.share) and arrival.bridge:
            return Bridged(self._uplink_of(arrival.bridge))
        if self._world.routes is not None and self._world.addresses is not None:
            return None
        return Out(self._outside(destination, source, "leaves"))

    def _to_guest(self, bridge: str, arrival: Interface) -> Course:
        if arrival.bridge == bridge:
            return Bridged(self._port(bridge, "vnet1", besides=arrival.name))
        port = self._port(bridge, "vnet1") if self._sees_ports else None
        return Out(self._placing.interface(bridge), port)

    def _host_addressed(
        self, source: Placed, destination: Placed, arrival: Interface, course: Course | None
    ) -> tuple[Placed, Placed]:
        """Both ends, the host's too as far as its address is known."""
        placing = self._placing
        if destination.role is Role.HOST and destination.address is None:
            address = placing.host_address(self._version, source, arrival.bridge or arrival.name)
            if address is None:
                self._taken.append("the host's address there is not known")
            destination = replace(destination, address=address)
        if source.role is Role.HOST and source.address is None:
            by = placing.way_outside(destination.address, destination) or _leaving_by(course)
            address = placing.host_address(self._version, destination, by)
            if address is None:
                self._taken.append("the host's address there is not known")
            source = replace(source, address=address)
        return source, destination

    # The packet

    def _packet(self, source: Placed, destination: Placed, arrival: Interface, *, bridged: bool) -> Packet:
        question, protocol = self._question, self._protocol
        family: PacketFamily = "ip" if self._version == 4 else "ip6"
        destination_port = source_port = None
        if protocol in _HAVE_PORTS:
            destination_port = question.destination.port or _USUAL_PORT.get(protocol, 443)
            source_port = question.source.port or _SOURCE_PORT_OF.get((protocol, destination_port), _ANY_PORT)
        is_new = question.state == "new"
        icmp_type = (_ECHO_REQUEST if is_new else _ECHO_REPLY).get(protocol)
        packet = Packet(
            family,
            arrival,
            None,
            source.address,
            destination.address,
            protocol,
            source_port,
            destination_port,
            tcp_flags=frozenset({"syn"} if is_new else {"ack"}) if protocol == TCP else None,
            icmp_type=icmp_type,
            icmp_code=None if icmp_type is None else 0,
            icmp_id=None if icmp_type is None else 1,
            mark=question.mark,
            type=_type(destination, bridged=bridged),
            ttl=_TTL,
        )
        return replace(packet, connection=self._connection(packet))

    def _connection(self, packet: Packet) -> Connection:
        state = self._question.state
        if state in {"invalid", "untracked"}:
            return Connection(state)
        if state == "new":
            return Connection("new", "original", frozenset(), 0, helper="")
        # a connection that nothing is translated of
        way = Endpoints(packet.source, packet.destination, packet.source_port, packet.destination_port)
        back = Endpoints(packet.destination, packet.source, packet.destination_port, packet.source_port)
        status = frozenset({"seen-reply", "assured", "confirmed"} if state == "established" else {"expected"})
        return Connection(state, "original", status, 0, way, back, helper="")


def _type(destination: Placed, *, bridged: bool) -> PacketType:
    if destination.is_group and destination.address is not None:
        return "multicast" if destination.address.is_multicast else "broadcast"
    return "other" if bridged else "host"


def _interfaces_of(course: Course | None) -> list[Interface]:
    match course:
        case Out(interface, None):
            return [interface]
        case Out(interface, Interface() as port):
            return [interface, port]
        case Bridged(port):
            return [port]
        case _:
            return []


def _leaving_by(course: Course | None) -> str:
    match course:
        case Out(interface):
            return interface.name
        case Bridged(port):
            return port.bridge
        case _:
            return ""


_OF_ROLE: dict[Role, Literal["the host itself", "outside"]] = {Role.HOST: "the host itself", Role.OUTSIDE: "outside"}


def _who(placed: Placed, interface: str) -> str:
    by = f", by {interface}" if interface else ""
    if placed.role is Role.GUEST and placed.share is not None:
        return f"a guest of network {placed.share.network.name}{by}"
    if placed.is_group:
        return "everybody there, of whom the host is looked at"
    return _OF_ROLE[placed.role] + ("" if placed.role is Role.HOST else by)
