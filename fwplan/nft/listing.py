"""What a host has, out of what `nft -j -a list ruleset` prints.

A rule made of what `fwplan.nft.objects` knows is read as such a rule; any other keeps its place and its handle, and is
nobody's here. The same rule can be written in several ways, of which nft lists one: a subnet of one address is listed
as an address, a range that is a subnet as a subnet, a reject with the reason that it sends.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from fwplan.errors import UnreadableError
from fwplan.nft import objects
from fwplan.nft.objects import (
    AddressMatch,
    Chain,
    Field,
    Goto,
    Hook,
    InterfaceMatch,
    Jump,
    Masquerade,
    Meta,
    Ports,
    ProtocolMatch,
    Rule,
    Snat,
    StateMatch,
    Table,
    Verdict,
    VerdictMapLookup,
)
from fwplan.nft.read_map import read_elements, read_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Network, IPv6Network

    from fwplan.nft.objects import ElementKey, ElementVerdict, Statement, VerdictMap

    Name = tuple[Table, str]
    """What a chain or a map is known by."""

_INTERFACE_KEYS = {key.value: key for key in Meta}
_FIELDS = {field_.value: field_ for field_ in Field}
_DEFAULT_REJECTS = ({"type": "icmp", "expr": "port-unreachable"}, {"type": "icmpv6", "expr": "port-unreachable"})
_PROTOCOLS = {"tcp": ProtocolMatch("tcp"), "udp": ProtocolMatch("udp")}
_REPLIES = {"established", "related"}
_FAMILIES = {"ip", "ip6"}


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule as a host has it.

    Attributes:
        handle: the number by which the kernel knows it; None where the listing was made without `-a`.
        rule: what it says; None where that is more than `fwplan.nft.objects` knows.
    """

    handle: int | None
    rule: Rule | None


@dataclass(frozen=True)
class Listing:
    """What a host has, in the families of libvirt's networks.

    Attributes:
        tables: all of them.
        chains: each chain by table and name. `hook` is None also for a base chain of another kind than libvirt makes.
        listed: the rules of each chain that has any, by table and name, in order.
        dormant: the tables whose chains see no packet.
        maps: each map by table and name; None for one of another kind than fwplan makes.
        elements: of those maps, what each key leads to.
    """

    tables: frozenset[Table] = frozenset()
    chains: dict[Name, Chain] = field(default_factory=dict)
    listed: dict[Name, list[ListedRule]] = field(default_factory=dict)
    dormant: frozenset[Table] = frozenset()
    maps: dict[Name, VerdictMap | None] = field(default_factory=dict)
    elements: dict[Name, dict[ElementKey, ElementVerdict]] = field(default_factory=dict)

    @cached_property
    def rule_counts(self) -> Counter[Table]:
        """How many rules each table has, those that are not known included."""
        counts: Counter[Table] = Counter()
        for (table, _), rules in self.listed.items():
            counts[table] += len(rules)
        return counts

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The known rules, in order, each with its handle."""
        return tuple(entry.rule for rules in self.listed.values() for entry in rules if entry.rule is not None)


def read_listing(document: str | bytes) -> Listing:
    """Read a listing.

    Raises:
        UnreadableError: it is none.
    """
    try:
        items = json.loads(document)["nftables"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unreadable() from None
    return listing_of(items)


def listing_of(items: list[dict[str, Any]]) -> Listing:
    """Read the list of a listing that is parsed already.

    Raises:
        UnreadableError: it is none.
    """
    try:
        return _listing(items)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _unreadable() from None


def _unreadable() -> UnreadableError:
    return UnreadableError("not a ruleset as `nft -j -a list ruleset` prints it")


def merge(listings: Iterable[Listing]) -> Listing:
    """What several listings of different things hold together."""
    merged = Listing()
    for listing in listings:
        merged = Listing(
            merged.tables | listing.tables,
            merged.chains | listing.chains,
            merged.listed | listing.listed,
            merged.dormant | listing.dormant,
            merged.maps | listing.maps,
            merged.elements | listing.elements,
        )
    return merged


def _listing(items: list[dict[str, Any]]) -> Listing:
    tables: dict[tuple[str, str], Table] = {}
    dormant = set()
    chains = {}
    listed: dict[Name, list[ListedRule]] = {}
    maps: dict[Name, VerdictMap | None] = {}
    elements = {}
    for item in items:
        rule = item.get("rule")
        if rule is not None:
            family = rule["family"]
            table = tables.get((family, rule["table"])) or Table(family, rule["table"])
            listed.setdefault((table, rule["chain"]), []).append(read_rule(rule, table))
        elif "table" in item:
            family, name = item["table"]["family"], item["table"]["name"]
            tables[family, name] = Table(family, name)
            if "dormant" in item["table"].get("flags", ()):
                dormant.add(tables[family, name])
        elif "chain" in item:
            chain = read_chain(item["chain"])
            chains[chain.table, chain.name] = chain
        elif "map" in item and item["map"]["family"] in _FAMILIES:
            place = Table(item["map"]["family"], item["map"]["table"]), item["map"]["name"]
            made = maps[place] = read_map(item["map"])
            if made is not None:
                elements[place] = read_elements(item["map"], made)
    return Listing(frozenset(tables.values()), chains, listed, frozenset(dormant), maps, elements)


def read_chain(listed: dict[str, Any]) -> Chain:
    """A chain as it stands below `"chain"`."""
    table = Table(listed["family"], listed["table"])
    match listed:
        case {
            "type": "filter" | "nat" as type_,
            "hook": "forward" | "postrouting" as hook,
            "prio": int() as priority,
            "policy": "accept" | "drop" as policy,
        }:
            return Chain(table, listed["name"], Hook(type_, hook, priority, policy))
        case _:
            return Chain(table, listed["name"])


def read_rule(listed: dict[str, Any], table: Table) -> ListedRule:
    """A rule as it stands below `"rule"`."""
    handle = listed.get("handle")
    if table.family not in _FAMILIES:
        return ListedRule(handle, None)
    statements = []
    for written in listed.get("expr", ()):
        [(kind, content)] = written.items()
        read = _READERS.get(kind)
        statement = None if read is None else read(content)
        if statement is None:
            return ListedRule(handle, None)
        statements.append(statement)
    return ListedRule(handle, Rule(table, listed["chain"], tuple(statements), handle))


def _match(content: dict[str, Any]) -> Statement | None:
    left, right = content["left"], content["right"]
    [(kind, subject)] = left.items()
    match kind:
        case "meta" if content["op"] == "==" and isinstance(right, str):
            key = subject["key"]
            if key == "l4proto":
                return _PROTOCOLS.get(right)
            return _interface_match(key, right)
        case "payload" if content["op"] in {"==", "!="} and subject.get("protocol") in _FAMILIES:
            if subject["field"] not in _FIELDS:
                return None
            subnet = _subnet(right)
            return None if subnet is None else _address_match(subject["field"], subnet, content["op"] == "!=")
        case "ct" if content["op"] == "in" and subject == {"key": "state"} and isinstance(right, list):
            return StateMatch() if set(right) == _REPLIES else None
        case _:
            return None


@lru_cache(maxsize=8192)
def _interface_match(key: str, name: str) -> InterfaceMatch | None:
    meta = _INTERFACE_KEYS.get(key)
    if meta is None:
        return None
    if meta.takes_patterns and name.endswith("*"):
        return InterfaceMatch(meta, f"{name[:-2]}*") if name.endswith("\\*") else None
    return InterfaceMatch(meta, name)


@lru_cache(maxsize=8192)
def _address_match(name: str, subnet: IPv4Network | IPv6Network, negated: bool) -> AddressMatch:  # noqa: FBT001 - cached
    return AddressMatch(_FIELDS[name], subnet, negated)


def _counter(content: object) -> objects.Counter | None:
    match content:
        case {"packets": int() as packets, "bytes": int() as octets}:
            return objects.Counter(packets, octets)
        case None:
            return objects.Counter()
        case _:
            # one that has a name, and counts for others too
            return None


def _jump(content: dict[str, Any]) -> Jump:
    return Jump(content["target"])


def _goto(content: dict[str, Any]) -> Goto:
    return Goto(content["target"])


def _vmap(content: dict[str, Any]) -> VerdictMapLookup | None:
    match content:
        case {"key": {"meta": {"key": "iifname" | "oifname" as key}}, "data": str() as name}:
            return VerdictMapLookup(Meta(key), name.removeprefix("@"))
        case {"key": {"payload": {"protocol": "ip" | "ip6", "field": "saddr" | "daddr" as key}}, "data": str() as name}:
            return VerdictMapLookup(Field(key), name.removeprefix("@"))
        case _:
            return None


def _reject(content: object) -> Verdict | None:
    return Verdict.REJECT if content is None or content in _DEFAULT_REJECTS else None


def _masquerade(content: object) -> Masquerade | None:
    match content:
        case None:
            return Masquerade()
        case {"port": {"range": [int() as start, int() as end]}, **more} if not more:
            return Masquerade(Ports(start, end))
        case _:
            return None


def _snat(content: object) -> Snat | None:
    match content:
        case {"addr": address, "port": {"range": [int() as start, int() as end]}, **more} if not more:
            return _snat_to(address, Ports(start, end))
        case {"addr": address, **more} if not more:
            return _snat_to(address, None)
        case _:
            return None


def _snat_to(address: object, ports: Ports | None) -> Snat | None:
    match address:
        case {"range": [str() as start, str() as end]}:
            return Snat(ip_address(start), ip_address(end), ports)
        case _:
            subnet = _subnet(address)
            return None if subnet is None else Snat(subnet[0], subnet[-1], ports)


def _subnet(listed: object) -> IPv4Network | IPv6Network | None:
    match listed:
        case str() as address:
            return _network(address)
        case {"prefix": {"addr": str() as address, "len": int() as length}}:
            return _network(f"{address}/{length}")
        case _:
            return None


@lru_cache(maxsize=8192)
def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text)
    except ValueError:
        # a set, which has a name, or bits beyond the prefix, which match nothing
        return None


_READERS: dict[str, Callable[[Any], Statement | None]] = {
    "match": _match,
    "counter": _counter,
    "jump": _jump,
    "goto": _goto,
    "vmap": _vmap,
    "accept": lambda _: Verdict.ACCEPT,
    "return": lambda _: Verdict.RETURN,
    "reject": _reject,
    "masquerade": _masquerade,
    "snat": _snat,
}
