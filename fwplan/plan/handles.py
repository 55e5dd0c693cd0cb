"""Holds a removal against the rules that a host has: which of them are to go, and by which handles.

nft takes a chain or a table away with all that is in it. Set-up is therefore left standing where rules of others would
go with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.nft.objects import Chain, Rule, Table
from fwplan.plan.operations import Verb

if TYPE_CHECKING:
    from fwplan.nft.listing import Listing
    from fwplan.plan.operations import Operation
    from fwplan.plan.plan import Plan


def with_handles(plan: Plan, listing: Listing) -> Plan:
    """The removal with the handles of a host's rules; what the host does not have is left out."""
    handles: dict[Rule, list[int]] = {}
    for rule in listing.rules:
        if rule.handle is not None:
            handles.setdefault(rule, []).append(rule.handle)
    networks = tuple(replace(network, operations=_found(network.operations, handles)) for network in plan.networks)
    set_up = _found(plan.set_up, handles)
    going = Counter(
        operation.object.table
        for operations in (set_up, *(network.operations for network in networks))
        for operation in operations
        if isinstance(operation.object, Rule)
    )
    tables = {operation.object for operation in set_up if isinstance(operation.object, Table)}
    stays = any(listing.rule_counts[table] > going[table] for table in tables)
    return replace(
        plan,
        networks=networks,
        set_up=() if stays else tuple(operation for operation in set_up if _table_of(operation) in listing.tables),
    )


def _table_of(operation: Operation) -> Table | None:
    match operation.object:
        case Table() as table:
            return table
        case Chain(table) | Rule(table):
            return table
        case _:
            return None


def _found(operations: tuple[Operation, ...], handles: dict[Rule, list[int]]) -> tuple[Operation, ...]:
    found = []
    for operation in operations:
        if operation.verb is Verb.TAKE_AWAY and isinstance(operation.object, Rule):
            known = handles.get(operation.object)
            if not known:
                continue
            found.append(replace(operation, object=replace(operation.object, handle=known.pop(0))))
        else:
            found.append(operation)
    return tuple(found)
