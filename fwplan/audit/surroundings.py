"""What lies around the networks of a host, as far as packets to and from them ask: bridges, ports, the ways out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from fwplan.simulate.packet import Interface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.network.addressing import Address, Subnet
    from fwplan.simulate.world import World

OUTSIDE: dict[int, tuple[Address, ...]] = {
    4: tuple(map(ip_address, ("198.51.100.7", "203.0.113.7", "192.0.2.7"))),
    6: tuple(map(ip_address, ("2001:db8:ffff::7", "2001:db8:fffe::7", "2001:db8:fffd::7"))),
}
"""Addresses for documentation (RFC 5737, RFC 3849): one that is in no network of the host stands for the outside."""
_EVERYWHERE: dict[int, Subnet] = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
UNKNOWN_UPLINK = "outside0"
"""What stands for the interface that leads outside, where it is not known: a name that no rule is likely to have."""
_UNKNOWN_PORT = "vnet0"


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
        for version, addresses in OUTSIDE.items():
            subnets = [subnet for subnet in self.subnets if subnet.version == version]
            free = (address for address in addresses if not any(address in subnet for subnet in subnets))
            found[version] = next(free, addresses[0])
        return found

    @cached_property
    def _ways_out(self) -> Mapping[int, str]:
        found = {}
        for version, everywhere in _EVERYWHERE.items():
            routes = [route for route in self.world.routes or () if route.destination == everywhere and route.interface]
            found[version] = min(routes, key=lambda route: route.metric).interface if routes else UNKNOWN_UPLINK
        return found

    @cached_property
    def _ports(self) -> Mapping[str, Interface]:
        return {interface.bridge: interface for interface in reversed(self.world.interfaces) if interface.bridge}


def is_routed(subnet: Subnet) -> bool:
    """Whether hosts can have addresses of a subnet, and routers forward for them: not multicast, loopback and the like.

    A definition may say so, and no packet ever comes of it.
    """
    ends = (subnet.network_address, subnet.broadcast_address)
    return not any(each.is_multicast or each.is_loopback or each.is_link_local or _is_reserved(each) for each in ends)


def _is_reserved(address: Address) -> bool:
    # RFC 1122: 0/8 is "this network"; 240/4 is kept for later
    return address.version == 4 and (int(address) >> 24 == 0 or int(address) >> 28 == 0xF)


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
