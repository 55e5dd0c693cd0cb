"""nftables' rules of a machine in memory: what an edit does to them, and what the kernel would not do.

Source of what it refuses: Linux, net/netfilter/nf_tables_api.c.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.errors import HostError
from fwplan.nft.listing import ListedRule
from fwplan.nft.objects import (
    AddressRange,
    Chain,
    Element,
    Goto,
    InterfaceMatch,
    Jump,
    Meta,
    Table,
    VerdictMap,
    VerdictMapLookup,
)
from fwplan.nft.transaction import Append, Delete, Insert, Make, TakeAway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.host.memory import Machine
    from fwplan.nft.listing import Name
    from fwplan.nft.objects import ElementVerdict, Rule, Statement
    from fwplan.nft.transaction import Edit

_BY_INDEX = {Meta.IIF, Meta.OIF}


def make(machine: Machine, edit: Edit) -> None:
    """Make one edit.

    Raises:
        HostError: the kernel would refuse it.
    """
    match edit:
        case Make(made):
            _make(machine, made)
        case TakeAway(gone):
            _take_away(machine, gone)
        case Insert(rule, before):
            rules = _rules(machine, rule)
            rules.insert(0 if before is None else _place(rules, before), _listed(machine, rule))
        case Append(rule, after):
            rules = _rules(machine, rule)
            rules.insert(len(rules) if after is None else _place(rules, after) + 1, _listed(machine, rule))
        case Delete(rule):
            rules = _rules(machine, rule)
            del rules[_place(rules, rule.handle)]


def _make(machine: Machine, made: Table | Chain | VerdictMap | Element) -> None:
    match made:
        case Table():
            machine.tables.add(made)
        case Chain(table, name):
            need(table in machine.tables, f"there is no table {table}")
            machine.chains.setdefault((table, name), made)
        case VerdictMap(table, name):
            need(table in machine.tables, f"there is no table {table}")
            machine.maps.setdefault((table, name), made)
            machine.elements.setdefault((table, name), {})
        case Element(table, name, key, verdict):
            need((table, name) in machine.maps, f"there is no map {name}")
            of_map = machine.elements[table, name]
            _need_target(machine, table, verdict)
            need(of_map.get(key, verdict) == verdict, "File exists")
            if isinstance(key, AddressRange):
                met = [each for each in of_map if isinstance(each, AddressRange) and each != key and _meet(each, key)]
                need(not met, "interval overlaps with an existing one")
            of_map[key] = verdict


def _take_away(machine: Machine, gone: Table | Chain | VerdictMap | Element) -> None:
    match gone:
        case Table():
            need(gone in machine.tables, f"there is no table {gone}")
            machine.tables.remove(gone)
            for things in (machine.chains, machine.rules, machine.maps, machine.elements):
                for key in [key for key in things if key[0] == gone]:
                    del things[key]
        case Chain(table, name):
            need((table, name) in machine.chains, f"there is no chain {name}")
            machine.rules.pop((table, name), None)
            need(name not in _targets(machine, table), f"chain {name} is in use")
            del machine.chains[table, name]
        case VerdictMap(table, name):
            used = (statement for statement in _statements(machine, table) if isinstance(statement, VerdictMapLookup))
            need(all(lookup.map != name for lookup in used), f"map {name} is in use")
            del machine.maps[table, name], machine.elements[table, name]
        case Element(table, name, key):
            need(key in machine.elements.get((table, name), {}), f"there is no element {key}")
            del machine.elements[table, name][key]


def _meet(one: AddressRange, other: AddressRange) -> bool:
    return int(one.first) <= int(other.last) and int(other.first) <= int(one.last)


def _targets(machine: Machine, table: Table) -> set[str]:
    """The chains that something in a table leads to."""
    verdicts = (verdict for (of, _), of_map in machine.elements.items() if of == table for verdict in of_map.values())
    return {each.chain for each in (*verdicts, *_statements(machine, table)) if isinstance(each, Jump | Goto)}


def _statements(machine: Machine, table: Table) -> Iterator[Statement]:
    for (of, _), rules in machine.rules.items():
        if of == table:
            for listed in rules:
                yield from () if listed.rule is None else listed.rule.statements


def _need_target(machine: Machine, table: Table, led_to: Statement | ElementVerdict) -> None:
    match led_to:
        case Jump(chain) | Goto(chain):
            need((table, chain) in machine.chains, f"there is no chain {chain}")
        case VerdictMapLookup(_, name):
            need((table, name) in machine.maps, f"there is no map {name}")
        case _:
            pass


def _rules(machine: Machine, rule: Rule) -> list[ListedRule]:
    key: Name = (rule.table, rule.chain)
    need(key in machine.chains, f"there is no chain {rule.chain}")
    return machine.rules.setdefault(key, [])


def _place(rules: list[ListedRule], handle: int | None) -> int:
    for place, listed in enumerate(rules):
        if listed.handle == handle:
            return place
    raise HostError(f"there is no rule with handle {handle}")


def _listed(machine: Machine, rule: Rule) -> ListedRule:
    for statement in rule.statements:
        _need_target(machine, rule.table, statement)
        if isinstance(statement, InterfaceMatch) and statement.key in _BY_INDEX:
            need(statement.interface in machine.interfaces, f"there is no interface {statement.interface}")
    handle = next(machine.handles)
    return ListedRule(handle, replace(rule, handle=handle))


def need(there: object, otherwise: str) -> None:
    """See that something is so.

    Raises:
        HostError: it is not.
    """
    if not there:
        raise HostError(otherwise)
