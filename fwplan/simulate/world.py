"""What a host is besides its rulesets, as far as rules and routing ask: interfaces, addresses, routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

from fwplan.simulate.packet import NO_INTERFACE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network

    from fwplan.simulate.packet import Address, Interface

RouteType = Literal["unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit"]


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table, or one of the host's own for an address of it.

    Attributes:
        destination: what it is for.
        interface: by which it leads; empty where it leads nowhere.
        type: what becomes of a packet.
        metric: the lower one wins among those for the same destination.
        source: the address that the host takes for packets of its own.
    """

    destination: IPv4Network | IPv6Network
    interface: str = ""
    type: RouteType = "unicast"
    metric: int = 0
    source: Address | None = None


class Claim(NamedTuple):
    """What an address of an interface makes of an address.

    Attributes:
        interface: whose.
        type: `local` for the address itself, `broadcast` for the last one of its subnet, `anycast` for the first one of
            an IPv6 subnet, which is that of its routers, if the host is one.
    """

    interface: str
    type: RouteType


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A station on a link of the host.

    Attributes:
        port: of the bridge behind which it is; empty where it is behind none, or that is not known.
        mac: its hardware address; None where it is not known.
    """

    port: str = ""
    mac: str | None = None


@dataclass(frozen=True)
class World:
    """A host.

    Attributes:
        interfaces: those that are there.
        addresses: of each interface, by its name, in order; None where they are not known.
        routes: besides those that addresses bring; None where they are not known.
        neighbours: by their addresses, as far as they are known.
        bridge_netfilter: whether frames that a bridge carries go through the rules of IP as well (the sysctls
            `net.bridge.bridge-nf-call-*`); None where that is not known.
    """

    interfaces: tuple[Interface, ...] = ()
    addresses: Mapping[str, tuple[IPv4Interface | IPv6Interface, ...]] | None = None
    routes: tuple[Route, ...] | None = None
    neighbours: Mapping[Address, Neighbour] = field(default_factory=dict)
    bridge_netfilter: bool | None = False

    @cached_property
    def by_name(self) -> Mapping[str, Interface]:
        """Interfaces by name."""
        return {interface.name: interface for interface in self.interfaces}

    def sources(self, version: int, interface: str | None = None) -> tuple[IPv4Interface | IPv6Interface, ...]:
        """The addresses of an interface, or of all, that masquerading may take; none where they are not known.

        IPv4's of the loopback and IPv6's of one link are for nobody elsewhere. An interface that has none takes one of
        the others, of IPv4 the first. Source: `inet_select_addr` and `ipv6_dev_get_saddr` in Linux.
        """
        known = self.addresses or {}
        names = known if interface is None else [interface]
        found = (own for name in names for own in known.get(name, ()) if own.version == version)
        return tuple(own for own in found if not (own.ip.is_loopback if version == 4 else own.ip.is_link_local))

    @cached_property
    def all_routes(self) -> tuple[Route, ...]:
        """The routes, and those that the addresses of interfaces bring."""
        connected = [
            Route(address.network, name)
            for name, addresses in (self.addresses or {}).items()
            for address in addresses
            if address.network.prefixlen < address.max_prefixlen and name != "lo"
        ]
        return (*(self.routes or ()), *connected)

    @cached_property
    def claims(self) -> Mapping[Address, tuple[Claim, ...]]:
        """What the addresses of interfaces make of addresses, in order: of these, the kernel takes the first."""
        claims: dict[Address, tuple[Claim, ...]] = {}

        def claim(address: Address, kind: RouteType, interface: str) -> None:
            claims[address] = (*claims.get(address, ()), Claim(interface, kind))

        for name, addresses in (self.addresses or {}).items():
            for own in addresses:
                claim(own.ip, "local", name)
                if own.version == 4 and own.network.prefixlen < 31:
                    claim(own.network.broadcast_address, "broadcast", name)
                if own.version == 6 and own.network.prefixlen < 127:
                    claim(own.network.network_address, "anycast", name)
        return claims

    def route_to(self, address: Address) -> Route | None:
        """The route for an address that is none of the host's own; None where there is none, or none is known."""
        number, bits = int(address), address.max_prefixlen
        for prefix, routes in self._routes_by_prefix[address.version]:
            route = routes.get(number >> (bits - prefix))
            if route is not None:
                return route
        return None

    @cached_property
    def _routes_by_prefix(self) -> Mapping[int, Sequence[tuple[int, Mapping[int, Route]]]]:
        """Of each version, from the longest prefix to the shortest: the best route by the bits that it is for."""
        found: dict[int, dict[int, dict[int, Route]]] = {4: {}, 6: {}}
        for route in self.all_routes:
            network = route.destination
            routes = found[network.version].setdefault(network.prefixlen, {})
            bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            if bits not in routes or route.metric < routes[bits].metric:
                routes[bits] = route
        return {version: sorted(routes.items(), key=itemgetter(0), reverse=True) for version, routes in found.items()}

    def interface(self, name: str) -> Interface | None:
        """An interface by its name; none for an empty one."""
        return NO_INTERFACE if not name else self.by_name.get(name)


UNKNOWN_WORLD = World(bridge_netfilter=None)
"""A host of which nothing is known but its rulesets."""
