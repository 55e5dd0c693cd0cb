"""What rules of others name: addresses and ports at which they may treat a network's packets differently.

A subnet's corners do not tell of a rule about one guest in its middle. These are the places to look at besides.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import fields, is_dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fwplan.audit.owners import table_of
from fwplan.nft.datatypes import DATATYPES, number_of
from fwplan.nft.expressions import Goto, Jump, Number, Payload, Prefix, Range, SetReference, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fwplan.network.addressing import Address, Subnet
    from fwplan.nft.ruleset import Rule, Ruleset, Table

MOST_ADDRESSES = 64
"""Of a subnet, that are looked at."""
_SERVICE = DATATYPES["inet_service"]
_HIGHEST_PORT = 65535
_ON_THE_WAY = frozenset(("prerouting", "forward", "postrouting"))
"""The hooks that a packet comes through which the host forwards."""


class Interests:
    """Addresses and ports that rules of a host name.

    Args:
        ruleset: of the host.
        concerns: whether a rule may be one of others'. Those of a plan name whole subnets, and there are many of them.
    """

    def __init__(self, ruleset: Ruleset, concerns: Callable[[Rule], bool]) -> None:
        self._ruleset = ruleset
        self._concerns = concerns
        self._parts: dict[int, tuple[object, ...]] = {}

    def addresses(self, subnet: Subnet) -> Iterator[Address]:
        """Addresses within a subnet, but not its first, from which on rules may say something else."""
        numbers = self._boundaries[subnet.version]
        first, last = int(subnet.network_address), int(subnet.broadcast_address)
        of_version = type(subnet.network_address)
        for number in numbers[bisect_left(numbers, first + 1) : bisect_left(numbers, last)]:
            yield of_version(number)

    @cached_property
    def look_at_ports(self) -> bool:
        """Whether ports matter to any rule that a forwarded packet may meet."""
        return any(
            isinstance(part, Payload) and part.field in {"sport", "dport"}
            for rule in self._on_the_way()
            for part in self._parts_of(rule)
        )

    def ports(self, rules: Iterable[Rule]) -> tuple[int, ...]:
        """Ports from which on one of these rules may say something else."""
        found: set[int] = set()
        for rule in rules:
            for part in self._with_sets(rule):
                match part:
                    case Range(start, end):
                        found.update(port for port in (_port(start), _port(end, 1)) if port is not None)
                    case Number() | Word():
                        found.update(port for port in (_port(part), _port(part, 1)) if port is not None)
        return tuple(sorted(found))

    @cached_property
    def _boundaries(self) -> dict[int, list[int]]:
        found: dict[int, set[int]] = {4: set(), 6: set()}
        for part in self._named():
            span = _span(part)
            if span is not None:
                first, last = span
                found[first.version].update((int(first), int(last) + 1))
        return {version: sorted(numbers) for version, numbers in found.items()}

    def _named(self) -> Iterator[object]:
        for rule in self._ruleset.rules:
            if self._concerns(rule):
                yield from self._parts_of(rule)
        for table in self._ruleset.tables:
            for named in table.sets.values():
                yield from (part for element in named.elements for part in parts(element))

    def _on_the_way(self) -> Iterator[Rule]:
        for table in self._ruleset.tables:
            for name in _reached(table, self._parts_of):
                yield from (rule for rule in table.chains[name].rules if self._concerns(rule))

    def _with_sets(self, rule: Rule) -> Iterator[object]:
        table = table_of(self._ruleset, rule.place)
        for part in self._parts_of(rule):
            yield part
            if isinstance(part, SetReference) and table is not None and part.name in table.sets:
                yield from (each for element in table.sets[part.name].elements for each in parts(element))

    def _parts_of(self, rule: Rule) -> Iterator[object]:
        """Of all statements. Equal ones of a listing are one object."""
        for statement in rule.statements:
            found = self._parts.get(id(statement))
            if found is None:
                found = self._parts[id(statement)] = tuple(parts(statement))
            yield from found


def parts(value: object) -> Iterator[object]:
    """A statement or expression, and all that is in it; a range or a prefix is one thing."""
    if isinstance(value, tuple):
        for each in value:
            yield from parts(each)
    elif isinstance(value, Range | Prefix):
        yield value
    elif is_dataclass(value):
        yield value
        for field in fields(value):
            yield from parts(getattr(value, field.name))


def _reached(table: Table, parts_of: Callable[[Rule], Iterator[object]]) -> Iterator[str]:
    """The chains of a table that a forwarded packet may come to."""
    waiting = [name for name, chain in table.chains.items() if chain.hook and chain.hook.hook in _ON_THE_WAY]
    found = set(waiting)
    while waiting:
        name = waiting.pop()
        yield name
        for rule in table.chains[name].rules:
            for part in parts_of(rule):
                if isinstance(part, Jump | Goto) and part.chain in table.chains and part.chain not in found:
                    found.add(part.chain)
                    waiting.append(part.chain)


def _span(part: object) -> tuple[Address, Address] | None:
    """The first and the last of the addresses that an expression stands for; None where it stands for none."""
    match part:
        case Word(text):
            address = _address(text)
            return None if address is None else (address, address)
        case Range(Word(first), Word(last)):
            start, end = _address(first), _address(last)
            return None if start is None or end is None or start.version != end.version else (start, end)
        case Prefix(Word(text), length):
            address = _address(text)
            if address is None or not 0 <= length <= address.max_prefixlen:
                return None
            mask = (1 << (address.max_prefixlen - length)) - 1
            return type(address)(int(address) & ~mask), type(address)(int(address) | mask)
        case _:
            return None


def _address(text: str) -> Address | None:
    if not text or not (text[0].isdigit() or ":" in text):
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def _port(expression: object, more: int = 0) -> int | None:
    match expression:
        case Number(value):
            number: int | None = value
        case Word(text):
            number = number_of(text, _SERVICE)
        case _:
            number = None
    return None if number is None or not 0 <= number + more <= _HIGHEST_PORT else number + more
