"""Rules out of what `nft -j -a list ruleset` prints.

Only rules made of what `fwplan.nft.objects` knows are found; all others are nobody's here. The same rule can be
written in several ways, of which nft lists one: a subnet of one address is listed as an address, a range that is a
subnet as a subnet, a reject with the reason that it sends.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from fwplan.errors import UnreadableError
from fwplan.nft import objects
from fwplan.nft.objects import (
    AddressMatch,
    Field,
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
)

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from fwplan.nft.objects import Statement

_INTERFACE_KEYS = {key.value: key for key in Meta}
_DEFAULT_REJECTS = ({"type": "icmp", "expr": "port-unreachable"}, {"type": "icmpv6", "expr": "port-unreachable"})
_REPLIES = {"established", "related"}


@dataclass(frozen=True, slots=True)
class Listing:
    """What a host has.

    Attributes:
        tables: all of them.
        rule_counts: how many rules each table has, those that are not known included.
        rules: the known rules, in order, each with its handle.
    """

    tables: frozenset[Table]
    rule_counts: Counter[Table]
    rules: tuple[Rule, ...]


def read_listing(document: str | bytes) -> Listing:
    """Read a listing.

    Raises:
        UnreadableError: it is none.
    """
    try:
        items = json.loads(document)["nftables"]
        tables = [Table(item["table"]["family"], item["table"]["name"]) for item in items if "table" in item]
        rules = [item["rule"] for item in items if "rule" in item]
        return Listing(
            tables=frozenset(tables),
            rule_counts=Counter(Table(rule["family"], rule["table"]) for rule in rules),
            rules=tuple(rule for rule in map(_rule, rules) if rule is not None),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableError("not a ruleset as `nft -j -a list ruleset` prints it") from None


def _rule(listed: dict[str, Any]) -> Rule | None:
    family = listed["family"]
    if family not in {"ip", "ip6"}:
        return None
    statements = [_statement(statement) for statement in listed.get("expr", [])]
    known = tuple(statement for statement in statements if statement is not None)
    if len(known) < len(statements):
        return None
    return Rule(Table(family, listed["table"]), listed["chain"], known, listed.get("handle"))


def _statement(listed: dict[str, Any]) -> Statement | None:
    match listed:
        case {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": ("tcp" | "udp") as protocol}}:
            return ProtocolMatch(protocol)
        case {"match": {"op": "==", "left": {"meta": {"key": str() as key}}, "right": str() as name}}:
            return _interface_match(key, name)
        case {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": list() as states}}:
            return StateMatch() if set(states) == _REPLIES else None
        case {"match": {"op": ("==" | "!=") as op, "left": {"payload": {"field": field}}, "right": right}}:
            return _address_match(field, right, negated=op == "!=")
        case {"counter": _}:
            return objects.Counter()
        case _:
            return _decision(listed)


def _decision(listed: dict[str, Any]) -> Statement | None:
    match listed:
        case {"jump": {"target": str() as chain}}:
            return Jump(chain)
        case {"accept": None}:
            return Verdict.ACCEPT
        case {"return": None}:
            return Verdict.RETURN
        case {"reject": reason}:
            return Verdict.REJECT if reason is None or reason in _DEFAULT_REJECTS else None
        case {"masquerade": None}:
            return Masquerade()
        case {"masquerade": {"port": {"range": [int() as start, int() as end]}}}:
            return Masquerade(Ports(start, end))
        case {"snat": {"addr": address, "port": {"range": [int() as start, int() as end]}}}:
            return _snat(address, Ports(start, end))
        case {"snat": {"addr": address}} if listed["snat"].keys() == {"addr"}:
            return _snat(address, None)
        case _:
            return None


def _interface_match(key: str, name: str) -> InterfaceMatch | None:
    if key not in _INTERFACE_KEYS or (name.endswith("*") and not name.endswith("\\*")):
        return None
    return InterfaceMatch(_INTERFACE_KEYS[key], f"{name[:-2]}*" if name.endswith("\\*") else name)


def _address_match(field: str, right: object, *, negated: bool) -> AddressMatch | None:
    subnet = _subnet(right)
    if subnet is None or field not in {"saddr", "daddr"}:
        return None
    return AddressMatch(Field(field), subnet, negated)


def _subnet(listed: object) -> IPv4Network | IPv6Network | None:
    match listed:
        case str() as address:
            return ip_network(address)
        case {"prefix": {"addr": str() as address, "len": int() as length}}:
            return ip_network(f"{address}/{length}")
        case _:
            return None


def _snat(address: object, ports: Ports | None) -> Snat | None:
    match address:
        case {"range": [str() as start, str() as end]}:
            return Snat(ip_address(start), ip_address(end), ports)
        case _:
            subnet = _subnet(address)
            return None if subnet is None else Snat(subnet[0], subnet[-1], ports)
