"""Sets of ipset as sets of nftables, where these can say the same. Source: Linux, net/netfilter/ipset/."""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING

from fwplan.errors import UnreadableError
from fwplan.nft.expressions import Concatenation, Element, Number, Prefix, Word
from fwplan.nft.ruleset import NamedSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fwplan.iptables.sets import Entry, IpSet
    from fwplan.nft.expressions import Expression

_HAVE_PORTS = frozenset(("tcp", "udp", "sctp", "udplite"))
_TYPES = {"mac": ("ether_addr",), "iface": ("ifname",), "mark": ("mark",)}
_PORT = {"hash": ("inet_proto", "inet_service"), "bitmap": ("inet_service",)}
_NOT_SAID = ("netmask", "bitmask")
"""Options by which only a part of an address is looked up."""


def named_sets(sets: Iterable[IpSet], family: str) -> Mapping[str, tuple[tuple[str, ...], NamedSet]]:
    """The sets in which packets of a family may be looked up: by name, the parts of a key and the set.

    What nftables cannot say is left out: it is not given, then.
    """
    return {
        each.name: (_parts(each), _named_set(each, family))
        for each in sets
        if each.family in {None, family} and (family == "ip" or each.method != "bitmap") and _is_plain(each)
    }


def _is_plain(ipset: IpSet) -> bool:
    known = {"ip", "net", "port", "mac", "iface", "mark"}
    if ipset.method == "list" or not known.issuperset(ipset.parts):
        return False
    options = ipset.options.split()
    return not any(option in options for option in _NOT_SAID) and all(
        _is_plain_entry(entry, ipset) for entry in ipset.entries
    )


def _is_plain_entry(entry: Entry, ipset: IpSet) -> bool:
    if len(entry.parts) != len(ipset.parts) or "nomatch" in entry.options.split():
        return False
    for part, value in zip(ipset.parts, entry.parts, strict=True):
        if part == "port" and ipset.method == "hash" and value.partition(":")[0] not in _HAVE_PORTS:
            return False
        if part == "iface" and value.startswith("physdev:"):
            return False
    return True


def _parts(ipset: IpSet) -> tuple[str, ...]:
    """A port of a bitmap is that of any protocol."""
    return tuple(
        "port of any protocol" if part == "port" and ipset.method == "bitmap" else part for part in ipset.parts
    )


def _named_set(ipset: IpSet, family: str) -> NamedSet:
    address = "ipv4_addr" if family == "ip" else "ipv6_addr"
    types: list[str] = []
    for part in ipset.parts:
        types += _PORT[ipset.method] if part == "port" else _TYPES.get(part, (address,))
    return NamedSet(ipset.name, tuple(types), partial(_elements, ipset))


def _elements(ipset: IpSet) -> tuple[Element, ...]:
    try:
        if ipset.parts in {("ip",), ("net",)}:
            return _addresses(ipset.entries)
        return tuple(Element(_key(entry, ipset)) for entry in ipset.entries)
    except ValueError as error:
        raise UnreadableError(f"set {ipset.name} of ipset: {error}") from None


def _addresses(entries: Iterable[Entry]) -> tuple[Element, ...]:
    """Of subnets within others, these are enough."""
    found = [ip_network(entry.parts[0]) for entry in entries]
    of_ip = collapse_addresses(each for each in found if isinstance(each, IPv4Network))
    of_ip6 = collapse_addresses(each for each in found if isinstance(each, IPv6Network))
    return (*(Element(_subnet(each)) for each in of_ip), *(Element(_subnet(each)) for each in of_ip6))


def _subnet(subnet: IPv4Network | IPv6Network) -> Expression:
    start = Word(str(subnet.network_address))
    return start if subnet.prefixlen == subnet.max_prefixlen else Prefix(start, subnet.prefixlen)


def _key(entry: Entry, ipset: IpSet) -> Expression:
    found: list[Expression] = []
    for part, value in zip(ipset.parts, entry.parts, strict=True):
        if part in {"ip", "net"}:
            found.append(_subnet(ip_network(value)))
        elif part == "port":
            protocol, _, port = value.rpartition(":")
            found += [Word(protocol)] if ipset.method == "hash" else []
            found.append(Number(int(port)))
        elif part == "mac":
            found.append(Word(value.lower()))
        elif part == "mark":
            found.append(Number(int(value, 16)))
        else:
            found.append(Word(value))
    return found[0] if len(found) == 1 else Concatenation(tuple(found))
