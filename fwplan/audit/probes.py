"""From promises to packets: for each network those that are to pass and those that are not, at its subnets' corners."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from fwplan.network.explanation import explain
from fwplan.plan.expectations import Flow
from fwplan.simulate.course import Bridged, Out, ToHost
from fwplan.simulate.packet import (
    ICMP,
    ICMPV6,
    NO_INTERFACE,
    TCP,
    UDP,
    Connection,
    Interface,
    Packet,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.network.definition import Address, Network, Subnet
    from fwplan.plan.expectations import Transport
    from fwplan.plan.plan import NetworkPlan
    from fwplan.simulate.course import Course
    from fwplan.simulate.packet import PacketType
    from fwplan.simulate.world import World

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
_FAMILY = {4: "ip", 6: "ip6"}
_FROM, _TO = 40000, 8443
"""Ports that no rule is likely to be about."""
_OUTSIDE: dict[int, tuple[Address, ...]] = {
    4: tuple(map(ip_address, ("198.51.100.7", "203.0.113.7", "192.0.2.7"))),
    6: tuple(map(ip_address, ("2001:db8:ffff::7", "2001:db8:fffe::7", "2001:db8:fffd::7"))),
}
"""Addresses for documentation (RFC 5737, RFC 3849): one that is in no network of the host stands for the outside."""
_SPOOFED: dict[int, Address] = {4: ip_address("100.64.99.99"), 6: ip_address("fd99:9999::99")}
"""Source addresses that guests have no right to."""
_EVERYWHERE: dict[int, Subnet] = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
_UNKNOWN_OUTSIDE = "outside0"
_UNKNOWN_PORT = "vnet0"
_ALL_DHCP_SERVERS = IPv6Address("ff02::1:2")
_BROADCAST = IPv4Address("255.255.255.255")


@dataclass(frozen=True, slots=True)
class Probe:
    """A packet, and what it is.

    Attributes:
        what: in words: `TCP from a guest (192.168.122.2) to the outside (198.51.100.7)`.
        packet: as it comes to the host, or as the host sends it.
        course: where it is to go.
        flow: the same for promises.
        is_service: whether it is between guests and what the host serves to them.
    """

    what: str
    packet: Packet
    course: Course
    flow: Flow
    is_service: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What lies around the networks of a host.

    Attributes:
        world: the host.
        subnets: of all its networks.
    """

    world: World
    subnets: tuple[Subnet, ...]

    def bridge(self, name: str) -> Interface:
        """The bridge of a network, also where it is not there, or not known."""
        return self.world.interface(name) or Interface(name, kind="bridge", type="ether", group=0)

    def port(self, bridge: str) -> Interface:
        """A port of a bridge: one that is there, or one as libvirt makes it."""
        return self._ports.get(bridge) or Interface(_UNKNOWN_PORT, kind="tun", type="ether", group=0, bridge=bridge)

    def outside(self, device: str | None, version: int) -> Interface:
        """The interface by which the outside is reached: the one asked for, or that of the default route."""
        name = device
        if name is None:
            name = self._ways_out[version]
        return self.world.interface(name) or Interface(name, kind="", type="ether", group=0)

    def outside_address(self, version: int) -> Address:
        """An address that is in none of the networks."""
        return self._outside_addresses[version]

    @cached_property
    def _outside_addresses(self) -> Mapping[int, Address]:
        found = {}
        for version, addresses in _OUTSIDE.items():
            subnets = [subnet for subnet in self.subnets if subnet.version == version]
            free = (address for address in addresses if not any(address in subnet for subnet in subnets))
            found[version] = next(free, addresses[0])
        return found

    @cached_property
    def _ways_out(self) -> Mapping[int, str]:
        found = {}
        for version, everywhere in _EVERYWHERE.items():
            routes = [route for route in self.world.routes or () if route.destination == everywhere]
            found[version] = min(routes, key=lambda route: route.metric).interface if routes else _UNKNOWN_OUTSIDE
        return found

    @cached_property
    def _ports(self) -> Mapping[str, Interface]:
        return {interface.bridge: interface for interface in reversed(self.world.interfaces) if interface.bridge}


def probes(share: NetworkPlan, surroundings: Surroundings) -> Iterator[Probe]:
    """The packets that tell whether a network is as it is to be.

    Args:
        share: the network; one whose bridge libvirt makes.
        surroundings: of it.
    """
    network, bridge = share.network, share.bridge
    if bridge is None:
        return
    place = _Place(surroundings, surroundings.bridge(bridge), surroundings.port(bridge))
    for ip in network.ips:
        yield from place.between_guests(ip.subnet, ip.address)
        device = network.forward_device if network.meaning.forwards else None
        yield from place.with_outside(ip.subnet, ip.address, device)
    yield from place.services(network)


@dataclass(frozen=True, slots=True)
class _Place:
    """A network's bridge, and what lies around it."""

    around: Surroundings
    bridge: Interface
    port: Interface

    def between_guests(self, subnet: Subnet, own: Address) -> Iterator[Probe]:
        """On the bridge."""
        first, last = corners(subnet, own)
        if first == last:
            return
        other = Interface("vnet1", kind="tun", type="ether", group=0, bridge=self.bridge.name)
        packet = _packet("tcp", self.port, first, last)
        flow = Flow(first, last, "tcp", self.bridge.name, self.bridge.name, _FROM, _TO)
        yield Probe(f"TCP from one guest ({first}) to another ({last})", packet, Bridged(other), flow)

    def with_outside(self, subnet: Subnet, own: Address, device: str | None) -> Iterator[Probe]:
        """From guests to the outside, and from there."""
        outside = self.around.outside(device, subnet.version)
        there = self.around.outside_address(subnet.version)
        first, last = corners(subnet, own)
        ways: tuple[tuple[Transport, Address], ...] = (("tcp", first), ("udp", first), ("icmp", first), ("tcp", last))
        for transport, guest in dict.fromkeys(ways):
            yield self._out(f"a guest ({guest})", transport, guest, outside, there)
        for guest in dict.fromkeys((first, last)):
            what = f"TCP from the outside ({there}) to a guest ({guest})"
            packet = _packet("tcp", outside, there, guest)
            flow = Flow(there, guest, "tcp", outside.name, self.bridge.name, _FROM, _TO)
            yield Probe(what, packet, Out(self.bridge, self.port), flow)
        spoofed = _SPOOFED[subnet.version]
        yield self._out(f"a guest with a source that is not its own ({spoofed})", "tcp", spoofed, outside, there)

    def _out(self, who: str, transport: Transport, source: Address, outside: Interface, there: Address) -> Probe:
        ports = (None, None) if transport == "icmp" else (_FROM, _TO)
        flow = Flow(source, there, transport, self.bridge.name, outside.name, *ports)
        what = f"{_said(transport)} from {who} to the outside ({there})"
        return Probe(what, _packet(transport, self.port, source, there), Out(outside), flow)

    def services(self, network: Network) -> Iterator[Probe]:
        """Between guests and the host, what libvirt serves there."""
        (served,) = explain([network])
        for ip in network.ips:
            guest = corners(ip.subnet, ip.address)[0]
            if served.serves_dns:
                for transport in ("udp", "tcp"):
                    yield self._service("DNS", transport, guest, ip.address, 53)
            if served.serves_tftp and ip.address.version == 4 and ip.tftp is not None:
                yield self._service("TFTP", "udp", guest, ip.address, 69)
            if ip.gives_addresses and served.serves_dhcp:
                yield from self._dhcp(ip.address)

    def _service(self, name: str, transport: Transport, guest: Address, own: Address, port: int) -> Probe:
        packet = _packet(transport, self.port, guest, own, destination_port=port)
        flow = Flow(guest, own, transport, self.bridge.name, None, _FROM, port)
        what = f"{name} over {transport.upper()} from a guest ({guest}) to the host ({own})"
        return Probe(what, packet, ToHost(), flow, is_service=True)

    def _dhcp(self, own: Address) -> Iterator[Probe]:
        guest: Address = IPv4Address(0)
        server: Address = _BROADCAST
        ports, name = (68, 67), "DHCP"
        if own.version == 6:
            guest, server, ports, name = IPv6Address("fe80::99"), _ALL_DHCP_SERVERS, (546, 547), "DHCPv6"
        packet = _packet("udp", self.port, guest, server, source_port=ports[0], destination_port=ports[1])
        flow = Flow(guest, server, "udp", self.bridge.name, None, *ports)
        yield Probe(f"{name} from a guest to the host", packet, ToHost(), flow, is_service=True)
        if isinstance(own, IPv4Address):
            answer = _packet("udp", NO_INTERFACE, own, server, source_port=67, destination_port=68)
            flow = Flow(own, server, "udp", None, self.bridge.name, 67, 68)
            course = Out(self.bridge, self.port)
            yield Probe(f"{name} from the host to a guest", answer, course, flow, is_service=True)


def corners(subnet: Subnet, own: Address) -> tuple[Address, Address]:
    """The first and the last address of a subnet that a guest may have."""
    first, last = int(subnet.network_address), int(subnet.broadcast_address)
    if last - first > 1:
        first += 1
        last -= subnet.version == 4
    while first < last and first == int(own):
        first += 1
    while last > first and last == int(own):
        last -= 1
    make = IPv4Address if isinstance(subnet, IPv4Network) else IPv6Address
    return make(first), make(last)


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
