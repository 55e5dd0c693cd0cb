"""From promises to packets: for each network those that are to pass and those that are not, at its subnets' corners."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from fwplan.audit.surroundings import corners, is_routed
from fwplan.network.explanation import explain
from fwplan.plan.expectations import Flow
from fwplan.simulate.course import Bridged, Out, ToHost
from fwplan.simulate.packet import ICMP, ICMPV6, NO_INTERFACE, TCP, UDP, Connection, Interface, Packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.surroundings import Surroundings
    from fwplan.network.addressing import Address, Subnet
    from fwplan.network.definition import Network
    from fwplan.plan.expectations import Transport
    from fwplan.plan.plan import NetworkPlan
    from fwplan.simulate.course import Course
    from fwplan.simulate.packet import PacketType

_FIRST = Connection("new", "original", frozenset(), 0)
"""What connection tracking knows of the first packet of a connection."""
_NUMBERS: dict[tuple[Transport, int], int] = {
    ("tcp", 4): TCP,
    ("tcp", 6): TCP,
    ("udp", 4): UDP,
    ("udp", 6): UDP,
    ("icmp", 4): ICMP,
    ("icmp", 6): ICMPV6,
}
_ECHO_REQUEST = {4: 8, 6: 128}
_FROM, _TO = 40000, 8443
"""Ports that no rule is likely to be about."""
_SPOOFED: dict[int, Address] = {4: ip_address("100.64.99.99"), 6: ip_address("fd99:9999::99")}
"""Source addresses that guests have no right to."""
_ALL_DHCP_SERVERS = IPv6Address("ff02::1:2")
_A_GUEST_ON_THE_LINK = IPv6Address("fe80::5054:ff:fe00:99")
_THE_HOST_ON_THE_LINK = IPv6Address("fe80::5054:ff:fe00:1")
_BROADCAST = IPv4Address("255.255.255.255")
_MULTICAST_DNS: dict[int, Address] = {4: ip_address("224.0.0.251"), 6: ip_address("ff02::fb")}
_MULTICAST_DNS_PORT = 5353


class Way(enum.Enum):
    """From whom to whom a packet is, in words for what its passing means, and its being refused."""

    OUT = "reach the outside", "do not reach the outside"
    ENTERING = "are reached from the outside", "are not reached from the outside"
    AMONG = "reach each other", "do not reach each other"
    ELSEWHERE = "reach guests of another network", "do not reach guests of another network"
    FROM_ELSEWHERE = "are reached by guests of another network", "are not reached by guests of another network"
    SPOOFED = "send under addresses that are not theirs", "do not send under addresses that are not theirs"
    SERVICE = "reach services of the host", "do not reach services of the host"
    GROUP = "are sent multicast by the host", "are not sent multicast by the host"

    @property
    def passes(self) -> str:
        """What guests do if such packets pass."""
        return self.value[0]

    @property
    def refused(self) -> str:
        """What they do not do if they are refused."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Probe:
    """A packet, and what it is.

    Attributes:
        way: from whom to whom.
        what: in words: `TCP from a guest (192.168.122.2) to the outside (198.51.100.7)`.
        packet: as it comes to the host, or as the host sends it.
        course: where it is to go.
        flow: the same for promises.
        service: its name, where it is between guests and what the host serves to them.
        stands_for_ports: whether it stands for all ports: any other would do as well.
    """

    way: Way
    what: str
    packet: Packet
    course: Course
    flow: Flow
    service: str = ""
    stands_for_ports: bool = False

    def with_ports(self, source: int | None, destination: int | None) -> Probe:
        """The same at other ports; at any where none is given."""
        what = self.what if destination is None else self.what.replace(" from ", f" port {destination} from ", 1)
        return replace(
            self,
            what=what,
            packet=replace(self.packet, source_port=source, destination_port=destination),
            flow=replace(self.flow, source_port=source, destination_port=destination),
            stands_for_ports=False,
        )


def probes(share: NetworkPlan, around: Surroundings, neighbour: NetworkPlan | None = None) -> Iterator[Probe]:
    """The packets that tell whether a network is as it is to be.

    Args:
        share: the network; one whose bridge libvirt makes.
        around: what lies around it.
        neighbour: another network of the host.
    """
    network, bridge = share.network, share.bridge
    if bridge is None:
        return
    place = Place(around, around.bridge(bridge), around.port(bridge))
    for ip in network.ips:
        if not is_routed(ip.subnet):
            continue
        yield from place.of_subnet(network, *corners(ip.subnet, ip.address))
        yield place.spoofed(ip.subnet, _device(network))
        yield place.multicast(ip.address)
    yield from place.services(network)
    if neighbour is not None and neighbour.bridge is not None:
        other = Place(around, around.bridge(neighbour.bridge), around.port(neighbour.bridge))
        yield from _between(place, network, other, neighbour.network)


def _device(network: Network) -> str | None:
    return network.forward_device if network.meaning.forwards else None


@dataclass(frozen=True, slots=True)
class Place:
    """A network's bridge, and what lies around it."""

    around: Surroundings
    bridge: Interface
    port: Interface

    def of_subnet(self, network: Network, guest: Address, other: Address) -> Iterator[Probe]:
        """Those of two guests: between them, and to and from the outside."""
        if guest != other:
            yield self._among(guest, other)
        yield from self.of_guest(network, guest)
        if guest != other:
            yield from self.of_guest(network, other, ("tcp",))

    def of_guest(
        self, network: Network, guest: Address, transports: tuple[Transport, ...] = ("tcp", "udp", "icmp")
    ) -> Iterator[Probe]:
        """Those of one guest to and from the outside."""
        outside = self.around.outside(_device(network), guest.version)
        there = self.around.outside_address(guest.version)
        for transport in transports:
            yield self._out(Way.OUT, f"a guest ({guest})", transport, guest, outside, there)
        flow = Flow(there, guest, "tcp", outside.name, self.bridge.name, _FROM, _TO)
        what = f"TCP from the outside ({there}) to a guest ({guest})"
        packet = _packet("tcp", outside, there, guest)
        yield Probe(Way.ENTERING, what, packet, Out(self.bridge, self.port), flow, stands_for_ports=True)

    def spoofed(self, subnet: Subnet, device: str | None) -> Probe:
        """From a guest under an address that is not its own."""
        source = _SPOOFED[subnet.version]
        who = f"a guest with a source that is not its own ({source})"
        outside, there = self.around.outside(device, subnet.version), self.around.outside_address(subnet.version)
        return self._out(Way.SPOOFED, who, "tcp", source, outside, there)

    def multicast(self, own: Address) -> Probe:
        """From the host to all on the link: it has to keep its source."""
        group, port = _MULTICAST_DNS[own.version], _MULTICAST_DNS_PORT
        packet = _packet("udp", NO_INTERFACE, own, group, source_port=port, destination_port=port)
        flow = Flow(own, group, "udp", None, self.bridge.name, port, port)
        what = f"multicast from the host ({own}) to guests ({group})"
        return Probe(Way.GROUP, what, packet, Out(self.bridge, self.port), flow)

    def _among(self, guest: Address, other: Address) -> Probe:
        port = Interface("vnet1", kind="tun", type="ether", group=0, bridge=self.bridge.name)
        flow = Flow(guest, other, "tcp", self.bridge.name, self.bridge.name, _FROM, _TO)
        what = f"TCP from one guest ({guest}) to another ({other})"
        packet = replace(_packet("tcp", self.port, guest, other), type="other")
        return Probe(Way.AMONG, what, packet, Bridged(port), flow)

    def _out(
        self, way: Way, who: str, transport: Transport, source: Address, outside: Interface, there: Address
    ) -> Probe:
        ports = (None, None) if transport == "icmp" else (_FROM, _TO)
        flow = Flow(source, there, transport, self.bridge.name, outside.name, *ports)
        what = f"{_said(transport)} from {who} to the outside ({there})"
        packet = _packet(transport, self.port, source, there)
        return Probe(way, what, packet, Out(outside), flow, stands_for_ports=transport != "icmp")

    def services(self, network: Network) -> Iterator[Probe]:
        """Between guests and the host, what libvirt serves there."""
        (served,) = explain([network])
        for ip in network.ips:
            if not is_routed(ip.subnet):
                continue
            guest = corners(ip.subnet, ip.address)[0]
            if served.serves_dns:
                for transport in ("udp", "tcp"):
                    yield self._service("DNS", transport, guest, ip.address, 53)
            if served.serves_tftp and ip.address.version == 4 and ip.tftp is not None:
                yield self._service("TFTP", "udp", guest, ip.address, 69)
            if ip.gives_addresses and served.serves_dhcp:
                yield from self._dhcp(ip.address) if ip.address.version == 4 else self._dhcp_of_ipv6()

    def _service(self, name: str, transport: Transport, guest: Address, own: Address, port: int) -> Probe:
        packet = _packet(transport, self.port, guest, own, destination_port=port)
        flow = Flow(guest, own, transport, self.bridge.name, None, _FROM, port)
        what = f"{name} over {transport.upper()} from a guest ({guest}) to the host ({own})"
        return Probe(Way.SERVICE, what, packet, ToHost(), flow, name)

    def _dhcp(self, own: Address) -> Iterator[Probe]:
        nobody = IPv4Address(0)
        yield self._asked("DHCP", nobody, _BROADCAST, (68, 67))
        yield self._offered("DHCP", own, _BROADCAST, (67, 68))

    def _dhcp_of_ipv6(self) -> Iterator[Probe]:
        yield self._asked("DHCPv6", _A_GUEST_ON_THE_LINK, _ALL_DHCP_SERVERS, (546, 547))
        yield self._offered("DHCPv6", _THE_HOST_ON_THE_LINK, _A_GUEST_ON_THE_LINK, (547, 546))

    def _asked(self, name: str, source: Address, destination: Address, ports: tuple[int, int]) -> Probe:
        packet = _packet("udp", self.port, source, destination, source_port=ports[0], destination_port=ports[1])
        flow = Flow(source, destination, "udp", self.bridge.name, None, *ports)
        return Probe(Way.SERVICE, f"{name} from a guest to the host", packet, ToHost(), flow, name)

    def _offered(self, name: str, source: Address, destination: Address, ports: tuple[int, int]) -> Probe:
        packet = _packet("udp", NO_INTERFACE, source, destination, source_port=ports[0], destination_port=ports[1])
        flow = Flow(source, destination, "udp", None, self.bridge.name, *ports)
        course = Out(self.bridge, self.port)
        return Probe(Way.SERVICE, f"{name} from the host to a guest", packet, course, flow, name)


def _between(place: Place, network: Network, other: Place, neighbour: Network) -> Iterator[Probe]:
    """From a guest to one of another network, and from there."""
    for version in (4, 6):
        ours = next((ip for ip in network.ips if ip.address.version == version), None)
        theirs = next((ip for ip in neighbour.ips if ip.address.version == version), None)
        if ours is None or theirs is None or ours.subnet.overlaps(theirs.subnet):
            continue
        if not (is_routed(ours.subnet) and is_routed(theirs.subnet)):
            continue
        here, there = corners(ours.subnet, ours.address)[0], corners(theirs.subnet, theirs.address)[0]
        for way, sender, source, receiver, destination in (
            (Way.ELSEWHERE, place, here, other, there),
            (Way.FROM_ELSEWHERE, other, there, place, here),
        ):
            of_network = neighbour.name if way is Way.ELSEWHERE else network.name
            what = f"TCP from a guest ({source}) to one of network {of_network!r} ({destination})"
            flow = Flow(source, destination, "tcp", sender.bridge.name, receiver.bridge.name, _FROM, _TO)
            packet = _packet("tcp", sender.port, source, destination)
            yield Probe(way, what, packet, Out(receiver.bridge, receiver.port), flow)


def _packet(
    transport: Transport,
    by: Interface,
    source: Address,
    destination: Address,
    *,
    source_port: int = _FROM,
    destination_port: int = _TO,
) -> Packet:
    version = destination.version
    is_echo = transport == "icmp"
    return Packet(
        "ip" if version == 4 else "ip6",
        by,
        None,
        source,
        destination,
        _NUMBERS[transport, version],
        None if is_echo else source_port,
        None if is_echo else destination_port,
        tcp_flags=frozenset({"syn"}) if transport == "tcp" else None,
        icmp_type=_ECHO_REQUEST[version] if is_echo else None,
        icmp_code=0 if is_echo else None,
        icmp_id=1 if is_echo else None,
        connection=_FIRST,
        type=_frame_type(destination),
        fragment_offset=0,
    )


def _frame_type(destination: Address) -> PacketType:
    if destination == _BROADCAST:
        return "broadcast"
    return "multicast" if destination.is_multicast else "host"


def _said(transport: Transport) -> str:
    return "ICMP echo" if transport == "icmp" else transport.upper()
