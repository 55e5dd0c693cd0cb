"""nftables' objects in the JSON that libnftables takes and gives.

Source: libnftables-json(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fwplan.errors import NotExpressibleError
from fwplan.nft.grammar import pattern
from fwplan.nft.objects import (
    AddressMatch,
    Counter,
    Goto,
    InterfaceMatch,
    Jump,
    Masquerade,
    Meta,
    ProtocolMatch,
    Snat,
    StateMatch,
    Verdict,
    VerdictMapLookup,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.nft.objects import (
        Chain,
        Element,
        ElementKey,
        ElementVerdict,
        Family,
        Ports,
        Rule,
        Statement,
        Table,
        VerdictMap,
    )

    Json = dict[str, Any]


def table_json(table: Table) -> Json:
    """A table as it stands below `"table"`."""
    return {"family": table.family, "name": table.name}


def chain_json(chain: Chain) -> Json:
    """A chain as it stands below `"chain"`."""
    written: Json = {"family": chain.table.family, "table": chain.table.name, "name": chain.name}
    if chain.hook is not None:
        hook = chain.hook
        written |= {"type": hook.type, "hook": hook.hook, "prio": hook.priority, "policy": hook.policy}
    return written


def escaped(match: InterfaceMatch) -> str:
    """The name of an interface as nft lists it: in a pattern, a `*` at its end has a backslash."""
    name = match.interface
    return f"{name[:-1]}\\*" if match.key.takes_patterns and name.endswith("*") else name


def expressible(match: InterfaceMatch) -> str:
    """The name of an interface, for libnftables to read.

    Raises:
        NotExpressibleError: libnftables would read something else.
    """
    name = pattern(match.interface) if match.key.takes_patterns else match.interface
    if name.startswith("@") or name == "*":
        message = f"the interface name {name!r} cannot be written in nft's JSON, where it would name a set or all"
        raise NotExpressibleError(message)
    return name


def rule_json(rule: Rule, write_interface: Callable[[InterfaceMatch], str] = expressible) -> Json:
    """A rule as it stands below `"rule"`.

    Raises:
        NotExpressibleError: JSON for libnftables cannot carry the name of an interface.
    """
    family = rule.table.family
    return {
        "family": family,
        "table": rule.table.name,
        "chain": rule.chain,
        "expr": [_statement(statement, family, write_interface) for statement in rule.statements],
    }


def _statement(statement: Statement, family: Family, write_interface: Callable[[InterfaceMatch], str]) -> Json:
    match statement:
        case InterfaceMatch(key, negated=negated):
            return _match("!=" if negated else "==", {"meta": {"key": key.value}}, write_interface(statement))
        case AddressMatch(field, subnet, negated):
            prefix = {"prefix": {"addr": str(subnet.network_address), "len": subnet.prefixlen}}
            left = {"payload": {"protocol": family, "field": field.value}}
            return _match("!=" if negated else "==", left, prefix)
        case ProtocolMatch(protocol):
            return _match("==", {"meta": {"key": "l4proto"}}, protocol)
        case StateMatch():
            return _match("in", {"ct": {"key": "state"}}, ["established", "related"])
        case Counter(packets, octets):
            return {"counter": {"packets": packets, "bytes": octets} if packets or octets else None}
        case Verdict() | Jump() | Goto():
            return verdict_json(statement)
        case VerdictMapLookup(Meta() as key, name):
            return {"vmap": {"key": {"meta": {"key": key.value}}, "data": f"@{name}"}}
        case VerdictMapLookup(key, name):
            return {"vmap": {"key": {"payload": {"protocol": family, "field": key.value}}, "data": f"@{name}"}}
        case Masquerade(ports):
            return {"masquerade": None if ports is None else {"port": _ports(ports)}}
        case Snat(start, end, ports):
            addresses = {"range": [str(start), str(end)]}
            return {"snat": {"addr": addresses} | ({} if ports is None else {"port": _ports(ports)})}


def verdict_json(verdict: ElementVerdict) -> Json:
    """A verdict as it stands in a rule, or beside the key of an element."""
    match verdict:
        case Jump(chain):
            return {"jump": {"target": chain}}
        case Goto(chain):
            return {"goto": {"target": chain}}
        case Verdict():
            return {verdict.value: None}


def map_json(made: VerdictMap) -> Json:
    """A verdict map as it stands below `"map"`."""
    written = {**table_place(made.table), "name": made.name, "type": made.key, "map": "verdict"}
    return written | ({"flags": ["interval"]} if made.intervals else {})


def element_json(element: Element, *, with_verdict: bool = True) -> Json:
    """An element as it stands below `"element"`; to delete it, its key is enough.

    Raises:
        NotExpressibleError: JSON for libnftables cannot carry the name of an interface.
    """
    key = _key(element.key)
    elements = [[key, verdict_json(element.verdict)] if with_verdict else key]
    return {**table_place(element.table), "name": element.map, "elem": elements}


def _key(key: ElementKey) -> object:
    if isinstance(key, str):
        return expressible(InterfaceMatch(Meta.IIFNAME, key))
    if key.first == key.last:
        return str(key.first)
    subnet = key.subnet
    if subnet is None:
        return {"range": [str(key.first), str(key.last)]}
    return {"prefix": {"addr": str(subnet.network_address), "len": subnet.prefixlen}}


def table_place(table: Table) -> Json:
    """The table that something is in."""
    return {"family": table.family, "table": table.name}


def _match(operator: str, left: Json, right: object) -> Json:
    return {"match": {"op": operator, "left": left, "right": right}}


def _ports(ports: Ports) -> Json:
    return {"range": [ports.start, ports.end]}
