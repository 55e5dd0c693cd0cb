"""What libvirt refuses in `<ip>`, its DHCP service, and `<route>`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.network.address_range import range_fault
from fwplan.network.addressing import mask_length
from fwplan.network.problems import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from fwplan.network.addressing import Address, Subnet
    from fwplan.network.definition import Network
    from fwplan.network.faults import Faults
    from fwplan.network.ip import Dhcp, Ip, Route

_BITS = {4: 32, 6: 128}
_PTR_STEPS = {4: 8, 6: 4}
"""Bits of an address that a label of in-addr.arpa or ip6.arpa stands for."""


def address_problems(network: Network, faults: Faults) -> Iterator[Problem]:
    """All problems of the `<ip>` elements."""
    serving: dict[int, str] = {}
    addresses: set[tuple[Address, int]] = set()
    for path, ip in zip(faults.places("ip", len(network.ips)), network.ips, strict=True):
        problems = [
            *_family_problems(ip.address, ip.family, ip.netmask, path),
            *_prefix_problems(ip.address, ip.prefix, ip.netmask, path),
        ]
        has_subnet = not problems and path not in faults.faulty
        if has_subnet:
            problems = list(_subnet_problems(ip, path))
        yield from problems
        if has_subnet and not problems:
            address = (ip.address, ip.prefix_length)
            if address in addresses:
                yield Problem(Severity.ERROR, path, f"the bridge has the address {ip.address} already", "give it once")
            addresses.add(address)
        if ip.tftp is not None and ip.address.version == 6:
            yield Problem(Severity.ERROR, f"{path}/tftp", "TFTP is served over IPv4 only", "move it to an IPv4 <ip>")
        if ip.dhcp is not None and has_subnet and not problems:
            yield from _dhcp_problems(ip.dhcp, ip.subnet, f"{path}/dhcp", faults)
        if ip.gives_addresses:
            first = serving.setdefault(ip.address.version, path)
            if first != path:
                yield Problem(
                    Severity.ERROR,
                    f"{path}/dhcp",
                    f"DHCP is served on a second IPv{ip.address.version} address (the first is {first})",
                    "serve it on one address of each family",
                )


def _family_problems(address: Address, family: str | None, netmask: IPv4Address | None, path: str) -> Iterator[Problem]:
    meant = f"ipv{address.version}"
    if (family or "ipv4") != meant:
        said = "no family is given, which means ipv4" if family is None else f"the family given is {family}"
        yield Problem(
            Severity.ERROR,
            path,
            f"{address} is an IPv{address.version} address, and {said}",
            f"write family='{meant}'",
        )
    if netmask is not None and address.version == 6:
        yield Problem(Severity.ERROR, path, "an IPv6 address takes no netmask", "write prefix='64' instead")


def _prefix_problems(address: Address, prefix: int | None, netmask: IPv4Address | None, path: str) -> Iterator[Problem]:
    bits = _BITS[address.version]
    if prefix is not None and prefix > bits:
        yield Problem(Severity.ERROR, path, f"prefix='{prefix}' is more bits than an address has", f"use 1 to {bits}")
    if netmask is not None and address.version == 4:
        if prefix:
            yield Problem(Severity.ERROR, path, "both a prefix and a netmask are given", "keep one of them")
        try:
            mask_length(netmask)
        except ValueError as error:
            yield Problem(Severity.ERROR, path, str(error), "write ones followed by zeros, such as 255.255.255.0")


def _subnet_problems(ip: Ip, path: str) -> Iterator[Problem]:
    try:
        prefix = ip.prefix_length
    except ValueError as error:
        yield Problem(Severity.ERROR, path, str(error), "give the prefix, such as prefix='24'")
        return
    step, bits = _PTR_STEPS[ip.address.version], _BITS[ip.address.version]
    if ip.local_ptr and (prefix % step or prefix in {0, bits}):
        yield Problem(
            Severity.ERROR,
            path,
            f"no PTR domain ends at {prefix} bits, which localPtr='yes' asks for",
            f"choose a prefix from {step} to {bits - step} that {step} divides, or take localPtr out",
        )


def _dhcp_problems(dhcp: Dhcp, subnet: Subnet, path: str, faults: Faults) -> Iterator[Problem]:
    leases = []
    for place, given in zip(faults.places(f"{path}/range", len(dhcp.ranges)), dhcp.ranges, strict=True):
        fault = range_fault(given.start, given.end, subnet)
        if fault is not None:
            yield Problem(Severity.ERROR, place, fault, f"choose addresses of {subnet}")
        leases.append((place, given.lease))
    for place, host in zip(faults.places(f"{path}/host", len(dhcp.hosts)), dhcp.hosts, strict=True):
        if host.ip not in subnet:
            yield Problem(
                Severity.WARNING,
                place,
                f"{host.ip} lies outside {subnet}: it is never given out",
                f"choose an address of {subnet}",
            )
        leases.append((place, host.lease))
    for place, lease in leases:
        # The unit of a faulty lease is not known.
        known = lease is not None and not faults.within(f"{place}/lease")
        if lease is not None and known and _too_short(lease.expiry, lease.unit or "minutes"):
            yield Problem(
                Severity.ERROR,
                f"{place}/lease",
                "the lease is shorter than two minutes",
                "give it two minutes or more, or 0 for ever",
            )


def _too_short(expiry: int, unit: str) -> bool:
    return 0 < expiry < {"seconds": 120, "minutes": 2, "hours": 0}[unit]


def route_problems(network: Network, faults: Faults) -> Iterator[Problem]:
    """All problems of the `<route>` elements."""
    subnets = list(_subnets(network))
    places = list(faults.places("ip", len(network.ips)))
    knows_subnets = not faults.are_missing("ip") and faults.faulty.isdisjoint(places)
    for path, route in zip(faults.places("route", len(network.routes)), network.routes, strict=True):
        if path not in faults.faulty:
            yield from _route_address_problems(route, path)
        if route.metric == 0:
            yield Problem(Severity.ERROR, path, "metric='0' is no metric", "use 1 or more")
        if knows_subnets and not any(route.gateway in subnet for subnet in subnets):
            yield Problem(
                Severity.ERROR,
                path,
                f"the gateway {route.gateway} lies in no subnet of this network",
                "name an address of " + (" or ".join(map(str, subnets)) or "a subnet of this network, which has none"),
            )


def _route_address_problems(route: Route, path: str) -> Iterator[Problem]:
    address = route.gateway if route.address is None else route.address
    problems = [
        *_family_problems(address, route.family, route.netmask, path),
        *_prefix_problems(address, route.prefix, route.netmask, path),
    ]
    yield from problems
    if address.version != route.gateway.version:
        yield Problem(
            Severity.ERROR,
            path,
            f"{address} and the gateway {route.gateway} are not of one family",
            f"name a gateway of IPv{address.version}",
        )
    if not problems and route.address not in {None, route.subnet.network_address}:
        yield Problem(
            Severity.ERROR,
            path,
            f"{route.address} is an address in a subnet, not that of one",
            "set the host part to zero, and give the prefix",
        )


def _subnets(network: Network) -> Iterator[Subnet]:
    for ip in network.ips:
        try:
            yield ip.subnet
        except ValueError:  # reported where the address stands
            continue
