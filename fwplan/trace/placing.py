"""Who the ends of a flow are on a host: guests of a network, the host itself, or somebody outside, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fwplan.audit.surroundings import OUTSIDE
from fwplan.errors import UnanswerableError
from fwplan.network.modes import Kind
from fwplan.simulate.fib import address_type
from fwplan.simulate.packet import Interface
from fwplan.trace.question import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fwplan.network.ip import Ip
    from fwplan.plan.plan import NetworkPlan
    from fwplan.simulate.packet import Address
    from fwplan.simulate.world import World
    from fwplan.trace.question import Endpoint

SOMEWHERE: Mapping[int, Address] = {version: addresses[0] for version, addresses in OUTSIDE.items()}
"""Somebody outside, where nobody says who."""
_GUESTS_KINDS = frozenset(("tun", "veth", "macvtap"))
"""Of the ports of a bridge, those that lead to guests."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An end of a flow.

    Attributes:
        role: who it is.
        address: None where it is not known.
        share: of whom it is a guest; None for others.
        is_group: whether it is a broadcast or multicast address, which the host hears as well.
    """

    role: Role
    address: Address | None
    share: NetworkPlan | None = None
    is_group: bool = False

    @property
    def bridge(self) -> str | None:
        """The bridge that a guest is on."""
        return None if self.share is None else self.share.bridge


class Placing:
    """What is known of a host and of its networks.

    Args:
        shares: networks, each with its bridge.
        world: the host.
    """

    def __init__(self, shares: Sequence[NetworkPlan], world: World) -> None:
        self.world = world
        self._shares = [share for share in shares if share.bridge is not None]
        self._without_bridge = [share for share in shares if share.bridge is None]

    def version(self) -> int:
        """The version of IP where nothing tells: of the first network that has an address."""
        versions = [ip.address.version for share in self._shares for ip in share.network.ips]
        return 4 if not versions or 4 in versions else 6

    def place(self, endpoint: Endpoint) -> Placed:
        """An end of a flow; the addresses of roles are left open.

        Raises:
            UnanswerableError: it is a guest, and no network has any whose packets come by the host.
        """
        if endpoint.address is not None:
            return self._with_address(endpoint.address)
        if endpoint.where is not Role.GUEST:
            return Placed(Role(endpoint.where), None)
        if self._shares:
            return Placed(Role.GUEST, None, self._shares[0])
        reason = next((share.why_empty for share in self._without_bridge), "no network was given")
        raise UnanswerableError(f"there is no bridge by which a guest's packets come to the host: {reason}")

    def _with_address(self, address: Address) -> Placed:
        if address.is_multicast or str(address) == "255.255.255.255":
            return Placed(Role.HOST, address, is_group=True)
        if self._is_of_host(address):
            return Placed(Role.HOST, address)
        of_networks = [
            (ip.subnet.prefixlen, -number, share, ip)
            for number, share in enumerate(self._shares)
            for ip in share.network.ips
            if address in ip.subnet
        ]
        if not of_networks and self._shares and (address.is_unspecified or address.is_link_local):
            # of a guest that has no other yet
            return Placed(Role.GUEST, address, self._shares[0])
        if not of_networks:
            return Placed(Role.OUTSIDE, address)
        _, _, share, ip = max(of_networks, key=lambda each: each[:2])
        if address.version == 4 and ip.subnet.prefixlen < 31 and address == ip.subnet.broadcast_address:
            return Placed(Role.HOST, address, is_group=True)
        return Placed(Role.GUEST, address, share)

    def _is_of_host(self, address: Address) -> bool:
        if address.is_loopback or any(address == ip.address for share in self._shares for ip in share.network.ips):
            return True
        return self.world.addresses is not None and address_type(address, self.world) == "local"

    def guest_address(self, placed: Placed, version: int, other: Address | None) -> Address:
        """An address that a guest may have, and `other` has not.

        Raises:
            UnanswerableError: its network has none.
        """
        if placed.share is None:
            raise UnanswerableError("there is no network that has guests")
        network = placed.share.network
        own = {ip.address for ip in network.ips} | {other}
        for ip in network.ips:
            if ip.address.version == version:
                found = next((address for address in _addresses(ip) if address not in own), None)
                if found is not None:
                    return found
        raise UnanswerableError(
            f"network {network.name!r} has no IPv{version} address of its own that tells its guests': give the guest's"
        )

    def host_address(self, version: int, towards: Placed, interface: str) -> Address | None:
        """The host's own address towards somebody, or on an interface; None where it is not known."""
        if towards.role is Role.HOST:
            return ip_address("127.0.0.1" if version == 4 else "::1")
        if towards.address is not None and self.world.routes is not None:
            route = self.world.route_to(towards.address)
            if route is not None and route.source is not None:
                return route.source
        defined = [] if towards.share is None else [ip.address for ip in towards.share.network.ips]
        known = [each.ip for each in (self.world.addresses or {}).get(interface, ())]
        found = [address for address in (*defined, *known) if address.version == version and not address.is_link_local]
        return next(iter(found), None)

    def interface(self, name: str) -> Interface:
        """An interface by its name; one that is not known is taken to be as its name and the definitions say."""
        found = self.world.interface(name)
        if found is not None:
            return found
        is_bridge = any(share.bridge == name for share in self._shares)
        kind = "bridge" if is_bridge else "loopback" if name == "lo" else None
        return Interface(name, None, kind, "loopback" if name == "lo" else "ether", None)

    def ports(self, bridge: str) -> list[Interface]:
        """The ports of a bridge that lead to guests, or that may."""
        ports = [interface for interface in self.world.interfaces if interface.bridge == bridge]
        return [port for port in ports if port.kind in _GUESTS_KINDS] or ports

    def uplink(self, bridge: str) -> Interface | None:
        """The port of a bridge that leads outside."""
        ports = [interface for interface in self.world.interfaces if interface.bridge == bridge]
        return next((port for port in ports if port.kind not in _GUESTS_KINDS), None)

    def is_bridged(self, share: NetworkPlan | None) -> bool:
        """Whether guests reach the outside by a port of their bridge, and not by way of the host."""
        return share is not None and share.network.kind is Kind.EXISTING_BRIDGE

    def way_outside(self, address: Address | None, inside: Placed) -> str | None:
        """The interface that leads to somebody outside; None where it is not known."""
        if address is not None and self.world.routes is not None:
            route = self.world.route_to(address)
            return None if route is None or route.type != "unicast" else route.interface
        return None if inside.share is None else inside.share.network.forward_device


def _addresses(ip: Ip) -> Iterator[Address]:
    """Addresses that guests may have, likely ones first."""
    if ip.dhcp is not None:
        for span in ip.dhcp.ranges:
            yield from map(ip_address, range(int(span.start), int(span.end) + 1))
        for host in ip.dhcp.hosts:
            yield host.ip
    yield from ip.subnet.hosts()
