"""By which interface a host sends what is for an address, for many addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwplan.network.addressing import Address, Subnet
    from fwplan.simulate.world import Route, World


class Routing:
    """The routes of a host: the longest prefix wins, then the lowest metric.

    Args:
        world: the host, whose routes are known.
    """

    def __init__(self, world: World) -> None:
        self._best: dict[tuple[int, int], dict[int, Route]] = {}
        self._there = {(route.destination, route.interface) for route in world.all_routes}
        for route in world.all_routes:
            subnet = route.destination
            same_length = self._best.setdefault((subnet.version, subnet.prefixlen), {})
            bits = int(subnet.network_address) >> (subnet.max_prefixlen - subnet.prefixlen)
            other = same_length.get(bits)
            if other is None or route.metric < other.metric:
                same_length[bits] = route
        self._lengths = sorted(self._best, reverse=True)

    def interface(self, address: Address) -> str:
        """The interface by which an address is reached that is none of the host's own; empty for none."""
        for version, length in self._lengths:
            if version == address.version:
                found = self._best[version, length].get(int(address) >> (address.max_prefixlen - length))
                if found is not None:
                    return found.interface
        return ""

    def leads(self, subnet: Subnet, interface: str) -> bool:
        """Whether there is a route for just that subnet by an interface."""
        return (subnet, interface) in self._there
