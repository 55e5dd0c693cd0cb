"""Which addresses the machines of a rehearsal get: of the networks' own subnets, and of others that nobody has."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network
from itertools import chain
from typing import TYPE_CHECKING

from fwplan.errors import HostError
from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.network.addressing import Address, Subnet


_NEARBY = 256
"""How many addresses are looked at for one that is free."""


def usable(subnet: Subnet) -> tuple[int, int]:
    """The lowest and the highest address that a machine may have, as numbers; none when the second is lower."""
    lowest, highest = int(subnet.network_address), int(subnet.broadcast_address)
    # Of two addresses both are usable (RFC 3021, RFC 6164); of more, the first and, in IPv4, the last are not. The last
    # of IPv6 is an anycast address by convention only, but one that people know.
    return (lowest + 1, highest - 1) if subnet.max_prefixlen - subnet.prefixlen > 1 else (lowest, highest)


def first_and_last(subnet: Subnet, taken: set[Address], near: Address) -> tuple[Address, ...]:
    """The lowest and the highest usable address of a subnet that are not taken: two, one or none.

    They are taken afterwards. Where a subnet is so large that its ends are no ordinary addresses, others near `near`
    stand for them.
    """
    lowest, highest = usable(subnet)
    middle = int(near)
    up = chain(range(lowest, lowest + _NEARBY), range(middle, middle + _NEARBY))
    down = chain(range(highest, highest - _NEARBY, -1), range(middle, middle - _NEARBY, -1))
    found: list[Address] = []
    for numbers in (up, down):
        addresses = (_address(subnet, number) for number in numbers if lowest <= number <= highest)
        free = next((address for address in addresses if address not in taken and _is_ordinary(address)), None)
        if free is not None:
            taken.add(free)
            found.append(free)
    return tuple(found)


def outsider(subnet: Subnet, subnets: Iterable[Subnet]) -> Address:
    """An address near `subnet`, in none of `subnets`, that a packet can come from: one that a spoofing guest claims."""
    others = (subnet, *subnets)
    after, before = int(subnet.broadcast_address) + 2, int(subnet.network_address) - 2
    last_resort = (int(each.network_address) + 2 for each in outside(Family.of(subnet), others))
    highest = int(_address(subnet, 0)) + (1 << subnet.max_prefixlen) - 1
    for number in chain((after, before), last_resort):
        if 0 <= number <= highest:
            address = _address(subnet, number)
            if _is_ordinary(address) and not any(address in other for other in others):
                return address
    raise HostError(f"the networks leave no {Family.of(subnet).value} address that a guest could claim falsely")


def outside(family: Family, taken: Iterable[Subnet]) -> Iterator[Subnet]:
    """Subnets for machines outside that do not touch those that are taken: those for documentation, while they last.

    Raises:
        HostError: there is none.
    """
    return _unused(family, taken, _PUBLIC[family])


def private(family: Family, taken: Iterable[Subnet]) -> Iterator[Subnet]:
    """Subnets for guests that do not touch those that are taken.

    Raises:
        HostError: there is none.
    """
    return _unused(family, taken, _PRIVATE[family])


_PUBLIC = {
    Family.IPV4: ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "128.0.0.0/4", "16.0.0.0/4"),
    Family.IPV6: ("2001:db8::/32", "2400::/8", "3000::/8", "4000::/8"),
}
_PRIVATE = {
    Family.IPV4: ("172.16.0.0/12", "100.64.0.0/10", "10.0.0.0/8", "32.0.0.0/4", "144.0.0.0/4"),
    Family.IPV6: ("fd00::/16", "fc00::/8", "2600::/8", "3800::/8", "4400::/8"),
}
_PREFIX = {Family.IPV4: 24, Family.IPV6: 64}


def _unused(family: Family, taken: Iterable[Subnet], blocks: Iterable[str]) -> Iterator[Subnet]:
    avoided = [subnet for subnet in taken if Family.of(subnet) is family]
    for block in map(ip_network, blocks):
        step = 1 << (block.max_prefixlen - _PREFIX[family])
        number, end = int(block.network_address), int(block.broadcast_address)
        while number < end:
            subnet = ip_network((_address(block, number), _PREFIX[family]))
            around = [other for other in avoided if other.overlaps(subnet)]
            if not around:
                yield subnet
            # On to the first subnet behind all that are in the way.
            last = max((int(other.broadcast_address) for other in around), default=number)
            number = max(number + step, last // step * step + step)
    raise HostError(f"the networks leave no {family.value} addresses for other machines of the lab")


def _address(subnet: Subnet, number: int) -> Address:
    return IPv4Address(number) if subnet.version == 4 else IPv6Address(number)


def _is_ordinary(address: Address) -> bool:
    """Whether no host takes it for the address of many machines, of itself, or of nobody."""
    return not (
        address.is_multicast
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or (address.version == 4 and address.is_reserved)
        or int(address) < 1 << 24
    )
