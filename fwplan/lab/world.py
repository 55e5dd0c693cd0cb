"""The small world of a rehearsal, as values: a host with its interfaces, and the machines behind each of them.

    guest 1 ─┐
             ├─ bridge ─┐
    guest 2 ─┘          │
                        ├─ host ── device ── a machine outside
    guest 1 ─┐          │
             ├─ bridge ─┘
    guest 2 ─┘

What is behind one interface of the host is a *segment*. Machines of a segment that have addresses of the same subnets
are alike: they are one *place*, which is a row and a column of the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Interface, IPv6Interface

    from fwplan.network.addressing import Address
    from fwplan.plan.plan import NetworkPlan

    AddressWithPrefix = IPv4Interface | IPv6Interface

HOST = 0
"""The number of the host among the machines."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the world.

    Attributes:
        number: its place in `World.machines`.
        name: for people: "guest 1 of default".
        place: the number of its row and column in the matrix.
        segment: the number of the segment that it is on; None for the host.
        addresses: its address of each family; the host's are those of the segments.
        gateways: for each family, the address on its segment by which it reaches everything else.
        mac: of its interface; empty for the host.
        port: the host's end of its cable: a port of the bridge, or the device itself; empty for the host.
    """

    number: int
    name: str
    place: int
    segment: int | None
    addresses: Mapping[Family, AddressWithPrefix]
    gateways: Mapping[Family, Address]
    mac: str
    port: str


@dataclass(frozen=True, slots=True)
class Segment:
    """What is behind one interface of the host.

    Attributes:
        number: its place in `World.segments`.
        interface: of the host.
        share: the network whose bridge the interface is, and what is planned for it; None for a device.
        is_the_labs_own: whether the network was not asked for, and is there to have a neighbour.
        addresses: the host's, on the interface.
        mac: of the interface.
        has_ipv6: whether the host speaks IPv6 on it.
        isolates_ports: whether the bridge keeps its guests from each other.
    """

    number: int
    interface: str
    share: NetworkPlan | None
    is_the_labs_own: bool
    addresses: tuple[AddressWithPrefix, ...]
    mac: str
    has_ipv6: bool
    isolates_ports: bool

    def address(self, family: Family) -> AddressWithPrefix | None:
        """The host's first address of a family on it that can be talked to."""
        return next((own for own in self.addresses if Family.of(own.network) is family and _is_of_one(own)), None)

    def address_towards(self, machine: AddressWithPrefix) -> Address | None:
        """The host's address on it in the subnet of a machine; if there is none there, the first of the family."""
        family = Family.of(machine.network)
        near = (own.ip for own in self.addresses if own.ip in machine.network and _is_of_one(own))
        first = self.address(family)
        return next(near, None if first is None else first.ip)

    def addresses_of(self, family: Family) -> frozenset[Address]:
        """All the host's addresses of a family on it."""
        return frozenset(address.ip for address in self.addresses if Family.of(address.network) is family)


def _is_of_one(address: AddressWithPrefix) -> bool:
    """Whether it is the address of one machine, and not the one by which IPv4 means all, or the subnet."""
    subnet = address.network
    of_all = {subnet.network_address, subnet.broadcast_address}
    return address.version == 6 or subnet.prefixlen > 30 or address.ip not in of_all


@dataclass(frozen=True, slots=True)
class Place:
    """Machines that are alike.

    Attributes:
        number: its place in `World.places`.
        label: for people, short: the name of the network, "host", "outside".
        machines: the numbers of its machines.
        segment: the number of their segment; None for the host.
    """

    number: int
    label: str
    machines: tuple[int, ...]
    segment: int | None


@dataclass(frozen=True, slots=True)
class World:
    """All of it.

    Attributes:
        segments: in the order in which their interfaces are made.
        machines: the host first.
        places: the networks' first, in their order, then the host, then the machines outside.
        families: that are spoken in it.
    """

    segments: tuple[Segment, ...]
    machines: tuple[Machine, ...]
    places: tuple[Place, ...]
    families: tuple[Family, ...]

    def on(self, segment: Segment) -> tuple[Machine, ...]:
        """The machines of a segment."""
        return tuple(machine for machine in self.machines if machine.segment == segment.number)

    def segment_of(self, machine: Machine) -> Segment | None:
        """The segment that a machine is on; None for the host."""
        return None if machine.segment is None else self.segments[machine.segment]

    def route(self, destination: Address) -> Segment | None:
        """Where the host sends what is for `destination`; None where it has no route.

        It is the longest prefix in which the host has an address; of several, the one that it had first.
        """
        found: tuple[int, Segment] | None = None
        for segment in self.segments:
            for address in segment.addresses:
                length = address.network.prefixlen
                if destination in address.network and (found is None or length > found[0]):
                    found = length, segment
        return None if found is None else found[1]
