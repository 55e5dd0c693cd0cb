"""Addresses of a definition: `<ip>` with the services on it, and `<route>`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Literal

from hypothesis import strategies as st
from strategies_words import host_names, maybe, others, words, written_macs

from fwplan.network.ip import Bootp, Dhcp, DhcpHost, DhcpRange, Ip, Lease, Route, Tftp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.network.addressing import Address, Subnet
    from fwplan.network.ip import LeaseUnit

_SIXTEEN_BITS = 0xFFFF
_UNSIGNED_LONG = 2**64 - 1
_CLASS_D = int(IPv4Address("224.0.0.0"))
_SHORTEST_LEASES: dict[LeaseUnit | None, int] = {None: 2, "seconds": 120, "minutes": 2, "hours": 1}

ipv4_addresses = st.one_of(
    st.ip_addresses(v=4, network="10.0.0.0/8"), st.ip_addresses(v=4, network="192.168.0.0/16"), st.ip_addresses(v=4)
)
ipv6_addresses = st.one_of(
    st.ip_addresses(v=6, network="fd00::/8"), st.ip_addresses(v=6, network="2001:db8::/32"), st.ip_addresses(v=6)
)
addresses = ipv4_addresses | ipv6_addresses
"""Addresses of both families, private ones above all."""

yes_or_no = st.none() | st.booleans()
no = st.sampled_from([None, False])
_coins = st.booleans()


def _within(draw: st.DrawFn, subnet: Subnet) -> Address:
    number = draw(st.integers(int(subnet.network_address), int(subnet.broadcast_address)))
    return type(subnet.network_address)(number)


# DHCP


@st.composite
def _leases(draw: st.DrawFn) -> Lease:
    """For ever, or two minutes at least."""
    unit, shortest = draw(_units)
    expiry = draw(st.integers(shortest, _UNSIGNED_LONG)) if draw(_coins) else draw(st.sampled_from([0, shortest]))
    return Lease(expiry=expiry, unit=unit, others=draw(others))


_units = st.sampled_from(list(_SHORTEST_LEASES.items()))
_leases_or_none = maybe(_leases())


def _dhcp_range(draw: st.DrawFn, subnet: Subnet) -> DhcpRange:
    """A range in a subnet that has room for one."""
    first, last = int(subnet.network_address), int(subnet.broadcast_address)
    if subnet.version == 4:
        first, last = first + 1, last - 1
    start = draw(st.integers(first, last))
    end = draw(st.integers(start, min(last, start | _SIXTEEN_BITS)))
    make = type(subnet.network_address)
    return DhcpRange(start=make(start), end=make(end), lease=draw(_leases_or_none), others=draw(others))


_unique_ids = st.text("0123456789abcdefABCDEF:", max_size=12)
_known_by = st.sampled_from(["station", "name", "both"])


def _dhcp_host(draw: st.DrawFn, subnet: Subnet) -> DhcpHost:
    """A host with an address of the subnet, or of its family only, which libvirt takes as well."""
    known_by = draw(_known_by)
    of_ipv4 = subnet.version == 4
    station = draw(written_macs if of_ipv4 else _unique_ids) if known_by != "name" else None
    elsewhere = ipv4_addresses if of_ipv4 else ipv6_addresses
    return DhcpHost(
        ip=_within(draw, subnet) if draw(_coins) else draw(elsewhere),
        mac=station if of_ipv4 else None,
        id=draw(maybe(_unique_ids)) if of_ipv4 else station,
        name=draw(host_names) if known_by != "station" else None,
        lease=draw(_leases_or_none),
        others=draw(others),
    )


_bootps = maybe(st.builds(Bootp, file=words(), server=maybe(addresses), others=others))
_few = st.integers(0, 2)


def _dhcp(draw: st.DrawFn, subnet: Subnet, *, gives_addresses: bool) -> Dhcp:
    """The DHCP service in a subnet; where it gives no addresses, it may still say what to boot."""
    has_room = subnet.version == 6 or subnet.prefixlen <= 30
    ranges = draw(_few) if gives_addresses and has_room else 0
    hosts = draw(_few) if gives_addresses else 0
    return Dhcp(
        ranges=tuple(_dhcp_range(draw, subnet) for _ in range(ranges)),
        hosts=tuple(_dhcp_host(draw, subnet) for _ in range(hosts)),
        bootp=draw(_bootps) if subnet.version == 4 else None,
        others=draw(others),
    )


# Subnets

Size = tuple[IPv4Address | None, int | None]
"""How a subnet says its size: netmask and prefix."""


def _size_of_ipv4(prefix: int, *, by_netmask: bool) -> Size:
    return (IPv4Network((0, prefix)).netmask, None) if by_netmask else (None, prefix)


_ipv4_sizes = st.builds(_size_of_ipv4, st.sampled_from([24, 16, 30, 32]) | st.integers(1, 32), by_netmask=_coins)
_ipv6_sizes = st.tuples(st.none(), st.sampled_from([64, 48, 128]) | st.integers(1, 128))
_unsaid: st.SearchStrategy[Size] = st.sampled_from([(None, None), (None, 0)])
_ways_to_say = {4: _ipv4_sizes, 6: _unsaid | _ipv6_sizes}
_ipv4_sizes_or_class = _unsaid | _ipv4_sizes


def _size(draw: st.DrawFn, address: Address) -> Size:
    """All ways to say the size of the subnet of an address, to leave it to the address among them."""
    has_class = address.version == 4 and int(address) < _CLASS_D
    return draw(_ipv4_sizes_or_class if has_class else _ways_to_say[address.version])


_ipv4_families: st.SearchStrategy[Literal["ipv4"] | None] = st.sampled_from([None, "ipv4"])


def _family(draw: st.DrawFn, address: Address) -> Literal["ipv4", "ipv6"] | None:
    return draw(_ipv4_families) if address.version == 4 else "ipv6"


_tftps = maybe(st.builds(Tftp, root=maybe(words(min_size=1)), others=others))


def _ip(draw: st.DrawFn, address: Address, *, gives_addresses: bool) -> Ip:
    """`<ip>` with that address; with DHCP that gives addresses out, or may."""
    netmask, prefix = _size(draw, address)
    bare = Ip(address=address, family=_family(draw, address), netmask=netmask, prefix=prefix)
    step = 8 if address.version == 4 else 4
    ends_a_label = bare.prefix_length in range(step, address.max_prefixlen, step)
    return replace(
        bare,
        local_ptr=draw(yes_or_no if ends_a_label else no),
        tftp=draw(_tftps) if address.version == 4 else None,
        dhcp=_dhcp(draw, bare.subnet, gives_addresses=gives_addresses) if draw(_coins) else None,
        others=draw(others),
    )


@cache
@st.composite
def ip_lists(draw: st.DrawFn, of: st.SearchStrategy[Address], *, min_size: int) -> tuple[Ip, ...]:
    """The addresses of one bridge: DHCP gives addresses on one of each family at most."""
    chosen = draw(st.lists(of, min_size=min_size, max_size=3, unique=True))
    serving = {version: draw(_few) for version in sorted({address.version for address in chosen})}
    return tuple(
        _ip(draw, address, gives_addresses=serving[address.version] == index) for index, address in enumerate(chosen)
    )


# Routes


def _route(draw: st.DrawFn, subnets: Sequence[Subnet]) -> Route:
    gateway = _within(draw, draw(st.sampled_from(subnets)))
    netmask, prefix = _size(draw, gateway)
    address: Address | None = None
    if draw(_coins):
        # Without a size only the address of all zeros is that of a subnet.
        length = prefix or (0 if netmask is None else int(netmask).bit_count())
        address = _network_address(draw(ipv4_addresses if gateway.version == 4 else ipv6_addresses), length)
    return Route(
        gateway=gateway,
        address=address,
        family=_family(draw, gateway),
        netmask=netmask,
        prefix=prefix,
        metric=draw(_metrics),
        others=draw(others),
    )


_metrics = maybe(st.integers(1, 2**32 - 1))


def _network_address(address: Address, prefix: int) -> Address:
    if isinstance(address, IPv4Address):
        return IPv4Network((address, prefix), strict=False).network_address
    return IPv6Network((address, prefix), strict=False).network_address


def routes(draw: st.DrawFn, chosen: Sequence[Ip]) -> tuple[Route, ...]:
    """Routes by guests of a network that has these addresses."""
    subnets = [ip.subnet for ip in chosen]
    return tuple(_route(draw, subnets) for _ in range(draw(_few) if subnets else 0))
