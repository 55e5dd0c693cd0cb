"""Interfaces, addresses and routes, out of what `ip -j` prints.

Source: ip-link(8), ip-address(8), ip-route(8); iproute2's JSON (5.10 to 6.15).
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING, Any, get_args

from fwplan.errors import UnreadableError
from fwplan.simulate.packet import Interface
from fwplan.simulate.world import Route, RouteType, World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Interface, IPv6Interface

BRIDGED_THROUGH_IP = ("net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables")
"""Whether frames on a bridge are shown to the rules of IP; there only where br_netfilter is loaded."""

_ROUTE_TYPES: frozenset[str] = frozenset(get_args(RouteType))
_EVERYTHING: dict[str, IPv4Network | IPv6Network] = {"ip": ip_network("0.0.0.0/0"), "ip6": ip_network("::/0")}
_TYPES = {"ether": "ether", "loopback": "loopback", "none": "none"}


def read_world(addresses: object, routes: object, settings: Mapping[str, str]) -> World:
    """Read what is known of a host besides its rulesets.

    Args:
        addresses: as `ip -j -d address show` prints it, parsed; None where it is not known.
        routes: by family (`ip`, `ip6`), as `ip -j -4 route show` and `ip -j -6 route show` print them, parsed; None
            where they are not known.
        settings: of the kernel, by name.

    Raises:
        UnreadableError: one of them is not of that form.
    """
    try:
        links = None if addresses is None else _listed(addresses)
        interfaces = () if links is None else tuple(map(_interface, links))
        of_interfaces = None if links is None else {link["ifname"]: _addresses(link) for link in links}
        found = None if routes is None else _routes(routes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableError(f"interfaces and routes are not as `ip -j` prints them: {error!r}") from None
    return World(interfaces, of_interfaces, found, bridge_netfilter=_bridged_through_ip(settings))


def read_down(addresses: object) -> frozenset[str]:
    """The interfaces that are switched off, of what `ip -j -d address show` prints, which was read before."""
    return frozenset(
        link["ifname"]
        for link in (addresses if isinstance(addresses, list) else ())
        if link and isinstance(link.get("flags"), list) and "UP" not in link["flags"]
    )


def _bridged_through_ip(settings: Mapping[str, str]) -> bool | None:
    if not settings:
        return None
    return any(settings.get(name, "") not in {"", "0"} for name in BRIDGED_THROUGH_IP)


def _listed(document: object) -> list[dict[str, Any]]:
    if not isinstance(document, list):
        raise TypeError("no list")
    # iproute2 lists {} for what it leaves out.
    return [entry for entry in document if entry]


def _interface(link: dict[str, Any]) -> Interface:
    group = link.get("group")
    return Interface(
        name=link["ifname"],
        index=int(link["ifindex"]),
        kind=link.get("linkinfo", {}).get("info_kind", ""),
        type=_TYPES.get(link.get("link_type", "")),
        group=0 if group == "default" else int(str(group)) if str(group).isdigit() else None,
        bridge=link.get("master", ""),
    )


def _addresses(link: dict[str, Any]) -> tuple[IPv4Interface | IPv6Interface, ...]:
    return tuple(
        ip_interface((entry["local"], int(entry["prefixlen"])))
        for entry in link.get("addr_info", ())
        if "local" in entry
    )


def _routes(by_family: object) -> tuple[Route, ...]:
    if not isinstance(by_family, dict):
        raise TypeError("no routes by family")
    found = [
        _route(entry, everything)
        for family, everything in _EVERYTHING.items()
        for entry in _listed(by_family.get(family, []))
    ]
    return tuple(route for route in found if route is not None)


def _route(entry: dict[str, Any], everything: IPv4Network | IPv6Network) -> Route | None:
    kind = entry.get("type", "unicast")
    if kind not in _ROUTE_TYPES:
        return None
    source = entry.get("prefsrc")
    hops = entry.get("nexthops") or [{}]
    return Route(
        destination=everything if entry["dst"] == "default" else ip_network(entry["dst"]),
        interface=entry.get("dev") or hops[0].get("dev", ""),
        type=kind,
        metric=int(entry.get("metric", 0)),
        source=None if source is None else ip_address(source),
    )
