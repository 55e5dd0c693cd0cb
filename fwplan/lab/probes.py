"""The packets of a rehearsal: who sends what to whom."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count
from typing import TYPE_CHECKING

from fwplan.lab.addresses import outsider
from fwplan.lab.world import HOST
from fwplan.plan.intents import SERVICE_PORTS, Family, ReachService
from fwplan.plan.promises import promises

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.lab.world import Machine, Place, Segment, World
    from fwplan.network.addressing import Address
    from fwplan.plan.expectations import Transport


class Kind(enum.Enum):
    """What a probe is about."""

    PAIR = "pair"
    """One machine begins, and the other answers."""
    BY_THE_HOST = "by way of the host"
    """One guest sends to another on its own bridge, but by way of the host."""
    SPOOFED = "spoofed source"
    """A guest sends under an address of no network."""
    BROADCAST = "broadcast"
    MULTICAST = "multicast"
    SERVICE = "service"
    """A guest asks for what libvirt's dnsmasq offers."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One packet to be sent, or the beginning of a connection.

    Attributes:
        number: its place among all probes.
        kind: what it is about.
        transport: TCP, UDP or ICMP.
        sender: the number of the machine that sends.
        segment: the number of the segment that it is sent on.
        receiver: the number of the machine that has the destination; None for groups.
        source: the address that it is sent under.
        destination: where it goes.
        ports: of source and destination; None for ICMP. That of the source is a privileged one, under which guests must
            not appear outside.
        subject: the service that is asked for.
    """

    number: int
    kind: Kind
    transport: Transport
    sender: int
    segment: int
    receiver: int | None
    source: Address
    destination: Address
    ports: tuple[int, int] | None
    subject: str = ""

    @property
    def family(self) -> Family:
        """The version of IP."""
        return Family.IPV4 if self.destination.version == 4 else Family.IPV6

    @property
    def asks(self) -> bool:
        """Whether the receiver is to answer."""
        return self.kind in {Kind.PAIR, Kind.SERVICE}


TRANSPORTS: tuple[Transport, ...] = ("tcp", "udp", "icmp")

_GROUPS = {
    Family.IPV4: {Kind.BROADCAST: ip_address("255.255.255.255"), Kind.MULTICAST: ip_address("224.0.0.1")},
    Family.IPV6: {Kind.MULTICAST: ip_address("ff02::1")},
}
"""Every machine listens to these."""

DHCP_PORTS = {Family.IPV4: (68, 67), Family.IPV6: (546, 547)}
"""The ports of DHCP's clients and servers, which groups are sent to and from, since it is DHCP that needs them."""

_FIRST_PORT, _PORTS = 20000, 40000
_FIRST_SOURCE_PORT, _SOURCE_PORTS = 600, 400


def make_probes(world: World) -> tuple[Probe, ...]:
    """All probes of a rehearsal."""
    making = _Making(world)
    return tuple(probe for family in world.families for probe in making.of(family))


class _Making:
    """Probes while they are made."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = count()

    def of(self, family: Family) -> Iterator[Probe]:
        for senders in self._world.places:
            for receivers in self._world.places:
                for sender, receiver in self._pairs(senders, receivers):
                    yield from self._between(sender, receiver, family)
        for segment in self._world.segments:
            if segment.share is not None and not segment.is_the_labs_own:
                yield from self._special(segment, family)

    def _pairs(self, senders: Place, receivers: Place) -> Iterator[tuple[Machine, Machine]]:
        """The first machine of one place and the first of the other, the last and the last; all of one place."""
        machines = self._world.machines
        if senders is receivers:
            pairs = [(one, other) for one in senders.machines for other in senders.machines if one != other]
        else:
            pairs = list(dict.fromkeys((senders.machines[which], receivers.machines[which]) for which in (0, -1)))
        return ((machines[one], machines[other]) for one, other in pairs)

    def _between(self, sender: Machine, receiver: Machine, family: Family) -> Iterator[Probe]:
        """A connection of each transport, where the host knows the way."""
        segment = self._world.segment_of(sender) or self._world.segment_of(receiver)
        source, destination = self._address(sender, receiver, family), self._address(receiver, sender, family)
        if segment is None or source is None or destination is None:
            return
        if self._is_a_way(sender, receiver, family):
            for transport in TRANSPORTS:
                yield self._probe(Kind.PAIR, transport, sender, segment, receiver, source, destination)

    def _is_a_way(self, sender: Machine, receiver: Machine, family: Family) -> bool:
        """Whether both are neighbours, or else the host knows the way.

        Where one alone takes the other for its neighbour, there is none that would tell anything.
        """
        if receiver.number == HOST:
            return True
        other = receiver.addresses[family]
        if sender.segment == receiver.segment:
            own = sender.addresses[family]
            if (own.ip in other.network) != (other.ip in own.network):
                return False
            if own.ip in other.network:
                return True
        return self._world.route(other.ip) is self._world.segment_of(receiver)

    def _address(self, machine: Machine, other: Machine, family: Family) -> Address | None:
        """The address of a machine; of the host, the one that is nearest to the other machine."""
        segment = self._world.segment_of(other) if machine.number == HOST else None
        if segment is None:
            found = machine.addresses.get(family)
            return None if found is None else found.ip
        towards = other.addresses.get(family)
        return None if towards is None else segment.address_towards(towards)

    def _special(self, segment: Segment, family: Family) -> Iterator[Probe]:
        """What the guests of a network send besides."""
        guests = [machine for machine in self._world.on(segment) if family in machine.addresses]
        if not guests:
            return
        guest = guests[0]
        own = guest.addresses[family]
        for other in guests[1:2]:
            destination = other.addresses[family].ip
            if self._world.route(destination) is segment:
                yield self._probe(Kind.BY_THE_HOST, "udp", guest, segment, other, own.ip, destination)
        subnets = (address.network for each in self._world.segments for address in each.addresses)
        claimed = outsider(own.network, subnets)
        for stranger in self._strangers(segment, family):
            destination = stranger.addresses[family].ip
            if self._world.route(destination) is self._world.segment_of(stranger):
                yield self._probe(Kind.SPOOFED, "udp", guest, segment, stranger, claimed, destination)
        address = segment.address(family)
        if address is not None:
            yield from self._to_groups(guest, segment, own.ip, address.ip, family)
            yield from self._to_services(guest, segment, own.ip, address.ip, family)

    def _strangers(self, segment: Segment, family: Family) -> Iterator[Machine]:
        """A machine of each other segment."""
        for other in self._world.segments:
            if other is not segment:
                yield from [machine for machine in self._world.on(other) if family in machine.addresses][:1]

    def _to_groups(
        self, guest: Machine, segment: Segment, of_guest: Address, of_host: Address, family: Family
    ) -> Iterator[Probe]:
        client, server = DHCP_PORTS[family]
        host = self._world.machines[HOST]
        for kind, group in _GROUPS[family].items():
            yield self._probe(kind, "udp", guest, segment, None, of_guest, group, ports=(client, server))
            yield self._probe(kind, "udp", host, segment, None, of_host, group, ports=(server, client))
            for limit in self._limits_of(segment):
                # By other ports: to the kernel it would be one connection with the one before.
                yield self._probe(kind, "udp", host, limit, None, of_host, group, ports=(server, server))

    def _limits_of(self, segment: Segment) -> Iterator[Segment]:
        """The segment behind the device that a network is limited to, where alone it keeps or changes sources."""
        device = None if segment.share is None else segment.share.network.forward_device
        return (each for each in self._world.segments if each.interface == device and each.share is None)

    def _to_services(
        self, guest: Machine, segment: Segment, of_guest: Address, of_host: Address, family: Family
    ) -> Iterator[Probe]:
        if segment.share is None:
            return
        host = self._world.machines[HOST]
        for intent in promises(segment.share.network, segment.interface):
            if isinstance(intent, ReachService) and intent.family is family:
                used = SERVICE_PORTS[intent.service]
                for protocol in used.protocols:
                    yield self._probe(
                        Kind.SERVICE,
                        protocol,
                        guest,
                        segment,
                        host,
                        of_guest,
                        of_host,
                        ports=(used.on_guest, used.on_host),
                        subject=intent.service.value,
                    )

    def _probe(
        self,
        kind: Kind,
        transport: Transport,
        sender: Machine,
        segment: Segment,
        receiver: Machine | None,
        source: Address,
        destination: Address,
        *,
        ports: tuple[int, int] | None = None,
        subject: str = "",
    ) -> Probe:
        number = next(self._numbers)
        if ports is None and transport != "icmp":
            ports = _FIRST_SOURCE_PORT + number % _SOURCE_PORTS, _FIRST_PORT + number % _PORTS
        return Probe(
            number=number,
            kind=kind,
            transport=transport,
            sender=sender.number,
            segment=segment.number,
            receiver=None if receiver is None else receiver.number,
            source=source,
            destination=destination,
            ports=ports,
            subject=subject,
        )
