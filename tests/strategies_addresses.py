"""Addresses of a definition: `<ip>` with the services on it, and `<route>`."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Literal

from hypothesis import strategies as st
from strategies_words import host_names, others, words, written_macs

from fwplan.network.definition import Bootp, Dhcp, DhcpHost, DhcpRange, Ip, Lease, Route, Tftp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.network.definition import Address, LeaseUnit, Subnet

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


@st.composite
def leases(draw: st.DrawFn) -> Lease:
    """How long an address is given for: for ever, or two minutes at least."""
    unit, shortest = draw(st.sampled_from(list(_SHORTEST_LEASES.items())))
    expiry = draw(st.just(0) | st.integers(shortest, 10 * shortest) | st.integers(shortest, _UNSIGNED_LONG))
    return Lease(expiry=expiry, unit=unit, others=draw(others()))


@st.composite
def dhcp_ranges(draw: st.DrawFn, subnet: Subnet) -> DhcpRange:
    """A range in a subnet that has room for one."""
    first, last = int(subnet.network_address), int(subnet.broadcast_address)
    if subnet.version == 4:
        first, last = first + 1, last - 1
    start = draw(st.integers(first, last))
    end = draw(st.integers(start, min(last, start | _SIXTEEN_BITS)))
    make = type(subnet.network_address)
    return DhcpRange(start=make(start), end=make(end), lease=draw(st.none() | leases()), others=draw(others()))


@st.composite
def dhcp_hosts(draw: st.DrawFn, subnet: Subnet) -> DhcpHost:
    """A host with an address of the subnet, or of its family only, which libvirt takes as well."""
    network = st.sampled_from([subnet, subnet, None])
    of_ipv4 = subnet.version == 4
    ids = st.text("0123456789abcdefABCDEF:", max_size=12)
    given = draw(network)
    ip = draw(st.ip_addresses(v=subnet.version) if given is None else st.ip_addresses(network=given))
    known_by = draw(st.sampled_from(["first", "name", "both"]))
    first = draw(written_macs if of_ipv4 else ids) if known_by != "name" else None
    return DhcpHost(
        ip=ip,
        mac=first if of_ipv4 else None,
        id=draw(st.none() | ids) if of_ipv4 else first,
        name=draw(host_names) if known_by != "first" else None,
        lease=draw(st.none() | leases()),
        others=draw(others()),
    )


@st.composite
def dhcps(draw: st.DrawFn, subnet: Subnet, *, gives_addresses: bool) -> Dhcp:
    """The DHCP service in a subnet; where it gives no addresses, it may still say what to boot."""
    has_room = subnet.version == 6 or subnet.prefixlen <= 30
    most = 2 if gives_addresses else 0
    bootp = st.builds(Bootp, file=words(), server=st.none() | addresses, others=others())
    return Dhcp(
        ranges=tuple(draw(st.lists(dhcp_ranges(subnet), max_size=most if has_room else 0))),
        hosts=tuple(draw(st.lists(dhcp_hosts(subnet), max_size=most))),
        bootp=draw(st.none() | bootp) if subnet.version == 4 else None,
        others=draw(others()),
    )


Size = tuple[IPv4Address | None, int | None]
"""How a subnet says its size: netmask and prefix."""


def _netmask(prefix: int) -> IPv4Address:
    return IPv4Network((0, prefix)).netmask


def _sizes(address: Address) -> st.SearchStrategy[Size]:
    """All ways to say the size of the subnet of an address, to leave it to the address among them."""
    bits = address.max_prefixlen
    prefixes = st.integers(1, bits) | st.sampled_from([24, 16, 30, bits] if bits == 32 else [64, 48, bits])
    said: list[st.SearchStrategy[Size]] = [st.tuples(st.none(), prefixes)]
    if address.version == 4:
        said.append(st.tuples(prefixes.map(_netmask), st.none() | st.just(0)))
    if address.version == 6 or int(address) < _CLASS_D:
        said.append(st.tuples(st.none(), st.none() | st.just(0)))
    return st.one_of(said)


def _family(draw: st.DrawFn, address: Address) -> Literal["ipv4", "ipv6"] | None:
    return draw(st.sampled_from([None, "ipv4"])) if address.version == 4 else "ipv6"


@st.composite
def ips(draw: st.DrawFn, address: Address, *, gives_addresses: bool) -> Ip:
    """`<ip>` with that address; with DHCP that gives addresses out, or may."""
    netmask, prefix = draw(_sizes(address))
    bare = Ip(address=address, family=_family(draw, address), netmask=netmask, prefix=prefix)
    step = 8 if address.version == 4 else 4
    tftp = st.builds(Tftp, root=st.none() | words(min_size=1), others=others())
    return Ip(
        address=address,
        family=bare.family,
        netmask=netmask,
        prefix=prefix,
        local_ptr=draw(yes_or_no if bare.prefix_length % step == 0 else st.none() | st.just(value=False)),
        tftp=draw(st.none() | tftp) if address.version == 4 else None,
        dhcp=draw(st.none() | dhcps(bare.subnet, gives_addresses=gives_addresses)),
        others=draw(others()),
    )


@st.composite
def ip_lists(draw: st.DrawFn, *, min_size: int = 0, of: st.SearchStrategy[Address] = addresses) -> tuple[Ip, ...]:
    """The addresses of one bridge: DHCP gives addresses on one of each family at most."""
    chosen = draw(st.lists(of, min_size=min_size, max_size=3, unique=True))
    serving = {
        version: draw(st.integers(0, len(chosen))) for version in sorted({address.version for address in chosen})
    }
    return tuple(
        draw(ips(address, gives_addresses=serving[address.version] == index)) for index, address in enumerate(chosen)
    )


@st.composite
def _routes(draw: st.DrawFn, subnets: Sequence[Subnet]) -> Route:
    gateway: Address = draw(st.sampled_from(subnets).flatmap(lambda subnet: st.ip_addresses(network=subnet)))
    netmask, prefix = draw(_sizes(gateway))
    address: Address | None = None
    if draw(st.booleans()):
        # Without a size only the address of all zeros is that of a subnet.
        length = prefix or (0 if netmask is None else int(netmask).bit_count())
        behind = draw(st.ip_addresses(v=gateway.version))
        address = _network_address(behind, length)
    return Route(
        gateway=gateway,
        address=address,
        family=_family(draw, gateway),
        netmask=netmask,
        prefix=prefix,
        metric=draw(st.none() | st.integers(1, 2**32 - 1)),
        others=draw(others()),
    )


def _network_address(address: IPv4Address | IPv6Address, prefix: int) -> Address:
    if isinstance(address, IPv4Address):
        return IPv4Network((address, prefix), strict=False).network_address
    return IPv6Network((address, prefix), strict=False).network_address


def route_lists(chosen: Sequence[Ip]) -> st.SearchStrategy[tuple[Route, ...]]:
    """Routes by guests of a network that has these addresses."""
    if not chosen:
        return st.just(())
    return st.lists(_routes([ip.subnet for ip in chosen]), max_size=2).map(tuple)
