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
    InterfaceMatch,
    Jump,
    Masquerade,
    ProtocolMatch,
    Snat,
    StateMatch,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fwplan.nft.objects import Chain, Family, Ports, Rule, Statement, Table

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
        case InterfaceMatch(key):
            return _match("==", {"meta": {"key": key.value}}, write_interface(statement))
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
        case Verdict():
            return {statement.value: None}
        case Jump(chain):
            return {"jump": {"target": chain}}
        case Masquerade(ports):
            return {"masquerade": None if ports is None else {"port": _ports(ports)}}
        case Snat(start, end, ports):
            addresses = {"range": [str(start), str(end)]}
            return {"snat": {"addr": addresses} | ({} if ports is None else {"port": _ports(ports)})}


def _match(operator: str, left: Json, right: object) -> Json:
    return {"match": {"op": operator, "left": left, "right": right}}


def _ports(ports: Ports) -> Json:
    return {"range": [ports.start, ports.end]}
