"""Reads `<ip>` with the DHCP and TFTP services on it, and `<route>`."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Literal

from fwplan.network.ip import Bootp, Dhcp, DhcpHost, DhcpRange, Ip, Lease, Route, Tftp
from fwplan.network.station import check_unicast_mac

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from fwplan.network.ip import LeaseUnit
    from fwplan.network.node import Node

_UNSIGNED_LONG = 2**64 - 1
_FAMILIES: tuple[Literal["ipv4", "ipv6"], ...] = ("ipv4", "ipv6")
_LEASE_UNITS: tuple[LeaseUnit, ...] = ("seconds", "minutes", "hours")
_UNIQUE_ID = re.compile(r"[0-9a-fA-F:]*")


def read_ip(node: Node) -> Ip | None:
    """Read `<ip>`; None, and an error noted, when its address is missing or no address."""
    family = _read_family(node)
    address = node.address("address") if _has(node, "address", "give the address of the bridge: address='…'") else None
    netmask = _read_netmask(node)
    prefix = node.integer("prefix")
    local_ptr = node.yes_no("localPtr")
    tftp = node.child("tftp")
    dhcp = node.child("dhcp")
    parts = (
        None if tftp is None else Tftp(root=tftp.string("root"), others=tftp.others()),
        None if dhcp is None else _read_dhcp(dhcp, of_ipv6=address is not None and address.version == 6),
    )
    others = node.others()
    if address is None:
        return None
    return Ip(
        address=address,
        family=family,
        netmask=netmask,
        prefix=prefix,
        local_ptr=local_ptr,
        tftp=parts[0],
        dhcp=parts[1],
        others=others,
    )


def read_route(node: Node) -> Route | None:
    """Read `<route>`; None, and an error noted, when its gateway is missing or either is no address."""
    family = node.choice("family", _FAMILIES)
    names_address = node.has("address")
    address = node.address("address")
    gateway = node.address("gateway") if _has(node, "gateway", "name the guest that leads there: gateway='…'") else None
    netmask = _read_netmask(node)
    prefix = node.integer("prefix")
    metric = node.integer("metric")
    others = node.others()
    if gateway is None or (names_address and address is None):
        return None
    return Route(
        address=address,
        gateway=gateway,
        family=family,
        netmask=netmask,
        prefix=prefix,
        metric=metric,
        others=others,
    )


def _has(node: Node, name: str, advice: str) -> bool:
    if node.has(name):
        return True
    node.raw(name)  # an empty one: nobody is to report it a second time
    node.error(f"'{name}' is missing", advice)
    return False


def _read_family(node: Node) -> Literal["ipv4", "ipv6"] | None:
    return node.choice("family", _FAMILIES) if node.has("family") else None


def _read_netmask(node: Node) -> IPv4Address | None:
    if not node.has("netmask"):
        return None
    return node.ipv4_address("netmask")


def _read_dhcp(node: Node, *, of_ipv6: bool) -> Dhcp:
    # libvirt passes over <bootp> under IPv6: it is then left to `others`.
    bootp = None if of_ipv6 else node.child("bootp")
    ranges = node.all("range", _read_range)
    hosts = node.all("host", partial(_read_host, of_ipv6=of_ipv6))
    return Dhcp(
        ranges=ranges,
        hosts=hosts,
        bootp=None if bootp is None else _read_bootp(bootp),
        others=node.others(),
    )


def _read_range(node: Node) -> DhcpRange | None:
    written = [node.required(name, f"give both ends of the range: {name}='…'") for name in ("start", "end")]
    start, end = (
        None if value is None else node.to_address(name, value)
        for name, value in zip(("start", "end"), written, strict=True)
    )
    lease = _read_lease(node)
    others = node.others()
    if start is None or end is None:
        return None
    return DhcpRange(start=start, end=end, lease=lease, others=others)


def _read_host(node: Node, *, of_ipv6: bool) -> DhcpHost | None:
    mac = node.raw("mac")
    if mac is not None:
        check_unicast_mac(node, "mac", mac)
    if mac is not None and of_ipv6:
        node.error("a host under IPv6 is not known by its MAC address", "give its DHCPv6 unique id instead: id='…'")
    unique_id = node.raw("id")
    if unique_id is not None and not _UNIQUE_ID.fullmatch(unique_id):
        node.error(f"id='{unique_id}' is no DHCP unique id", "write hexadecimal octets with colons")
    name = node.raw("name")
    if name is not None and not (name[:1].isascii() and name[:1].isalnum()):
        node.error(f"name='{name}' is no host name", "begin it with a letter or a digit")
    if of_ipv6 and unique_id is None and name is None and mac is None:
        node.error("nothing tells which host this is", "give it an id or a name")
    if not of_ipv6 and mac is None and name is None:
        node.error("nothing tells which host this is", "give it a mac or a name")
    written_ip = node.required("ip", "give the address that the host gets: ip='…'")
    ip = None if written_ip is None else node.to_address("ip", written_ip)
    lease = _read_lease(node)
    others = node.others()
    if ip is None:
        return None
    return DhcpHost(ip=ip, mac=mac, id=unique_id, name=name, lease=lease, others=others)


def _read_lease(parent: Node) -> Lease | None:
    node = parent.child("lease")
    if node is None:
        return None
    expiry = node.integer("expiry", maximum=_UNSIGNED_LONG, base=0)
    if expiry is None:
        if node.element.get("expiry") is None:
            node.warn("a lease without 'expiry' changes nothing", "say how long: expiry='…', 0 for ever")
        return None
    unit = node.choice("unit", _LEASE_UNITS)
    return Lease(expiry=expiry, unit=unit, others=node.others())


def _read_bootp(node: Node) -> Bootp | None:
    file = node.required("file", "name the file to boot from: file='…'")
    server = node.raw("server")
    address = None if server is None else node.to_address("server", server)
    others = node.others()
    return None if file is None else Bootp(file=file, server=address, others=others)
