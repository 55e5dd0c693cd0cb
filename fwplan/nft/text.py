"""nftables' objects in nft's own syntax, word by word."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from fwplan.nft.grammar import pattern, quoted_interface
from fwplan.nft.objects import (
    AddressMatch,
    Counter,
    Field,
    Goto,
    InterfaceMatch,
    Jump,
    Masquerade,
    ProtocolMatch,
    Snat,
    StateMatch,
    Verdict,
    VerdictMapLookup,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from ipaddress import IPv4Network, IPv6Network

    from fwplan.nft.objects import (
        Chain,
        Element,
        ElementKey,
        ElementVerdict,
        Family,
        Hook,
        Ports,
        Rule,
        Statement,
        Table,
        VerdictMap,
    )

    Quote = Callable[[str], str]


def table_words(table: Table) -> list[str]:
    """`FAMILY NAME`."""
    return [table.family, table.name]


def chain_words(chain: Chain) -> list[str]:
    """`FAMILY TABLE NAME`."""
    return [*table_words(chain.table), chain.name]


def hook_text(hook: Hook) -> str:
    """`{ type … hook … priority …; policy …; }`, one word to a shell."""
    return f"{{ type {hook.type} hook {hook.hook} priority {hook.priority}; policy {hook.policy}; }}"


def map_words(made: VerdictMap) -> list[str]:
    """`FAMILY TABLE NAME`."""
    return [*table_words(made.table), made.name]


def map_text(made: VerdictMap) -> str:
    """`{ type … : verdict; flags interval; }`, one word to a shell."""
    return f"{{ type {made.key} : verdict; {'flags interval; ' if made.intervals else ''}}}"


def element_words(element: Element) -> list[str]:
    """`FAMILY TABLE MAP`."""
    return [*table_words(element.table), element.map]


def element_text(*elements: Element, with_verdict: bool = True) -> str:
    """`{ KEY : VERDICT, … }`, one word to a shell; to delete an element its key is enough.

    Raises:
        NotExpressibleError: nft's syntax cannot carry the name of an interface.
    """
    written = (
        f"{key_text(each.key)} : {' '.join(verdict_words(each.verdict))}" if with_verdict else key_text(each.key)
        for each in elements
    )
    return f"{{ {', '.join(written)} }}"


def key_text(key: ElementKey) -> str:
    """An interface in quotes, or a range of addresses: as a subnet where it is one, as nft lists it.

    Raises:
        NotExpressibleError: nft's syntax cannot carry the name of an interface.
    """
    if isinstance(key, str):
        return quoted_interface(pattern(key))
    if key.first == key.last:
        return str(key.first)
    subnet = key.subnet
    return f"{key.first}-{key.last}" if subnet is None else str(subnet)


def verdict_words(verdict: ElementVerdict) -> tuple[str, ...]:
    """`jump CHAIN`, `accept` and the like."""
    match verdict:
        case Jump(chain):
            return ("jump", chain)
        case Goto(chain):
            return ("goto", chain)
        case Verdict():
            return (verdict.value,)


def rule_words(rule: Rule, quote: Quote) -> list[str]:
    """`FAMILY TABLE CHAIN STATEMENT…`; `quote` writes the names of interfaces.

    Raises:
        NotExpressibleError: nft's syntax cannot carry the name of an interface.
    """
    return [*table_words(rule.table), rule.chain, *statements_words(rule, quote)]


def statements_words(rule: Rule, quote: Quote) -> list[str]:
    """Only the statements of a rule."""
    family = rule.table.family
    return [word for statement in rule.statements for word in _words(statement, family, quote)]


def _words(statement: Statement, family: Family, quote: Quote) -> Iterator[str] | tuple[str, ...]:
    match statement:
        case InterfaceMatch(key, interface, negated):
            written = quote(pattern(interface) if key.takes_patterns else interface)
            return (key.value, "!=", written) if negated else (key.value, written)
        case AddressMatch(field, subnet, negated):
            written = _subnet_text(subnet)
            return (family, field.value, "!=", written) if negated else (family, field.value, written)
        case ProtocolMatch(protocol):
            return ("meta", "l4proto", protocol)
        case StateMatch():
            return ("ct", "state", "related,established")
        case Counter():
            return ("counter",)
        case Verdict() | Jump() | Goto():
            return verdict_words(statement)
        case VerdictMapLookup(key, name):
            return (*((family,) if isinstance(key, Field) else ()), key.value, "vmap", f"@{name}")
        case Masquerade(ports):
            return ("masquerade",) if ports is None else ("masquerade", "to", _ports(ports))
        case Snat(start, end, ports):
            return ("snat", "to", f"{start}-{end}{'' if ports is None else _ports(ports)}")


@lru_cache(maxsize=8192)
def _subnet_text(subnet: IPv4Network | IPv6Network) -> str:
    """Written once: several rules of a network name its subnet, each more than once."""
    return str(subnet)


def _ports(ports: Ports) -> str:
    return f":{ports.start}-{ports.end}"
