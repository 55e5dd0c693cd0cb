"""From a plan to the world in which it is rehearsed: the same world each time, for the same plan."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, summarize_address_range
from itertools import count, zip_longest
from typing import TYPE_CHECKING

from fwplan.lab.addresses import first_and_last, outside, private
from fwplan.lab.networks import has_something_to_rehearse, speaks_ipv6
from fwplan.lab.world import Machine, Place, Segment, World
from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fwplan.lab.world import AddressWithPrefix
    from fwplan.network.addressing import Address, Subnet
    from fwplan.network.definition import Network
    from fwplan.plan.plan import NetworkPlan, Plan

_SPOKEN_FOR = {"host", "outside"}
_NOBODY = {Family.IPV4: ip_address("169.254.0.1"), Family.IPV6: ip_address("fe80::1")}
"""By which guests send beyond a bridge on which the host has no address: they know its MAC address all the same."""


def make_world(plan: Plan, labs_own: str | None = None) -> World:
    """The world for those networks of a plan that have a bridge of libvirt's.

    Args:
        plan: what is rehearsed.
        labs_own: the name of the network that was added for the others to meet.
    """
    shares = [share for share in plan.networks if has_something_to_rehearse(share.network)]
    return _Making(shares, labs_own).world()


class _Making:
    """A world while it is made."""

    def __init__(self, shares: Sequence[NetworkPlan], labs_own: str | None) -> None:
        networks = [share.network for share in shares]
        self._shares = shares
        self._labs_own = labs_own
        self._segments: list[Segment] = []
        self._machines: list[Machine] = []
        self._places: list[Place] = []
        self._addresses: set[Address] = {ip.address for network in networks for ip in network.ips}
        self._subnets: list[Subnet] = [subnet for network in networks for subnet in _spoken_for(network)]
        devices = [device for network in networks if (device := network.forward_device) is not None]
        self._interfaces = {"lo", *devices, *(share.bridge for share in shares)}
        self._macs = (f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}" for number in count(1))
        self._ports = self._free_names("vnet{}")

    def world(self) -> World:
        for share in self._shares:
            self._network(share)
        families = tuple(
            family for family in Family if family is Family.IPV4 or any(segment.has_ipv6 for segment in self._segments)
        )
        host = Machine(0, "the host", len(self._places), None, {}, {}, "", "")
        self._places.append(Place(host.place, "host", (host.number,), None))
        devices = self._devices()
        for device in devices:
            self._outside(device, families, "outside" if len(devices) == 1 else f"outside {device}")
        return World(tuple(self._segments), (host, *self._machines), tuple(self._places), families)

    def _network(self, share: NetworkPlan) -> None:
        network = share.network
        segment = self._segment(
            str(share.bridge),
            tuple(ip_interface((ip.address, ip.prefix_length)) for ip in network.ips),
            share=share,
            has_ipv6=speaks_ipv6(network),
        )
        label = f"network {network.name}" if network.name in _SPOKEN_FOR else network.name
        subnets = [self._guest_subnets(network, family) for family in Family]
        guests = count(1)
        for number, group in enumerate(zip_longest(*subnets), start=1):
            addresses = [
                first_and_last(subnet, self._addresses, _host_in(subnet, network))
                for subnet in group
                if subnet is not None
            ]
            prefixes = [subnet.prefixlen for subnet in group if subnet is not None]
            place = label if number == 1 else f"{label} ({number})"
            machines = [
                self._machine(
                    f"guest {next(guests)} of {network.name}",
                    segment,
                    [
                        ip_interface((address, prefix))
                        for address, prefix in zip(each, prefixes, strict=True)
                        if address is not None
                    ],
                    next(self._ports),
                )
                for each in zip_longest(*addresses)
            ]
            self._place(place, machines, segment)

    def _guest_subnets(self, network: Network, family: Family) -> list[Subnet]:
        """The subnets of a family that guests have addresses of; the lab's own where the network has none."""
        own = list(dict.fromkeys(ip.subnet for ip in network.ips if Family.of(ip.subnet) is family))
        if own or (family is Family.IPV6 and not network.ipv6):
            return own
        subnet = next(private(family, self._subnets))
        self._subnets.append(subnet)
        return [subnet]

    def _devices(self) -> list[str]:
        """The devices that lead outside: those that networks are limited to, and one more; or just one."""
        bridges = {share.bridge for share in self._shares}
        named = dict.fromkeys(share.network.forward_device for share in self._shares)
        devices = [device for device in named if device is not None and device != "lo" and device not in bridges]
        return [*devices, next(self._free_names("eth{}"))]

    def _outside(self, device: str, families: Iterable[Family], label: str) -> None:
        subnets = [next(outside(family, self._subnets)) for family in families]
        self._subnets += subnets
        hosts, others = (
            [ip_interface((subnet.network_address + number, subnet.prefixlen)) for subnet in subnets]
            for number in (1, 2)
        )
        segment = self._segment(device, tuple(hosts), share=None, has_ipv6=Family.IPV6 in families)
        name = "the machine outside" if label == "outside" else f"the machine outside, by {device}"
        self._place(label, [self._machine(name, segment, others, device)], segment)

    def _segment(
        self, interface: str, addresses: tuple[AddressWithPrefix, ...], *, share: NetworkPlan | None, has_ipv6: bool
    ) -> Segment:
        port = None if share is None else share.network.port
        segment = Segment(
            number=len(self._segments),
            interface=interface,
            share=share,
            is_the_labs_own=share is not None and share.network.name == self._labs_own,
            addresses=addresses,
            mac=next(self._macs),
            has_ipv6=has_ipv6,
            isolates_ports=port is not None and bool(port.isolated),
        )
        self._segments.append(segment)
        return segment

    def _machine(self, name: str, segment: Segment, addresses: Sequence[AddressWithPrefix], port: str) -> Machine:
        by_family = {Family.of(address.network): address for address in addresses}
        gateways = {family: _gateway(address, segment) for family, address in by_family.items()}
        number = len(self._machines) + 1  # the host is the first
        machine = Machine(number, name, len(self._places), segment.number, by_family, gateways, next(self._macs), port)
        self._machines.append(machine)
        return machine

    def _place(self, label: str, machines: Sequence[Machine], segment: Segment) -> None:
        if machines:
            numbers = tuple(machine.number for machine in machines)
            self._places.append(Place(len(self._places), label, numbers, segment.number))

    def _free_names(self, template: str) -> Iterator[str]:
        return (name for number in count() if (name := template.format(number)) not in self._interfaces)


def _spoken_for(network: Network) -> Iterator[Subnet]:
    """What the machines outside, and networks of the lab's own, keep away from."""
    for ip in network.ips:
        yield ip.subnet
    nat = None if network.forward is None else network.forward.nat
    if nat is not None and nat.address is not None:
        yield from summarize_address_range(nat.address.start, nat.address.end)


def _host_in(subnet: Subnet, network: Network) -> Address:
    """The host's address in a subnet of a network; the first of the subnet where it has none."""
    return next((ip.address for ip in network.ips if ip.address in subnet), subnet.network_address)


def _gateway(address: AddressWithPrefix, segment: Segment) -> Address:
    """The host's address in the same subnet, or else one that nobody has."""
    own = segment.address_towards(address)
    return own if own is not None and own in address.network else _NOBODY[Family.of(address.network)]
