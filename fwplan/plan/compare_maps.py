"""Holds the wanted state of fwplan's own tables against those of a host: the edits that lead there.

One transaction takes them in their order: elements go before the chains that they lead to, chains come before maps and
elements (nft before 1.1 sends elements of a map of ranges with the map, if the same transaction makes both), and rules
before anything that a packet comes by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.nft.objects import Chain, Element, Table, VerdictMap
from fwplan.nft.transaction import Make, TakeAway
from fwplan.plan.chain_edits import chain_edits, differences_of
from fwplan.plan.maps_names import TABLES
from fwplan.plan.maps_wanted import MapsObject, MapsWanted
from fwplan.plan.settle import Anchor, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fwplan.nft.listing import ListedRule, Listing, Name
    from fwplan.nft.objects import ElementKey, ElementVerdict, Rule
    from fwplan.nft.transaction import Append, Delete, Edit, Insert
    from fwplan.plan.difference import Difference
    from fwplan.plan.settle import Settlement

_ORDER: tuple[type[MapsObject], ...] = (Table, Chain, VerdictMap)
_OWN = "own"
"""The mark of all rules of a chain but those that are not understood, which are others'."""


@dataclass(frozen=True, slots=True)
class MapsChange:
    """What brings a host to a wanted state.

    Attributes:
        edits: in an order in which one transaction takes them.
        differences: what the edits come to.
        unchanged: how many wanted rules are there already.
        obstacles: what is in the way and is not fwplan's to change.
    """

    edits: tuple[Edit, ...]
    differences: tuple[Difference, ...]
    unchanged: int
    obstacles: tuple[str, ...] = ()


def compare_maps(listing: Listing, wanted: MapsWanted) -> MapsChange:
    """The change that brings what is listed to the wanted state, which was `resolved` with the same listing."""
    tables = {made for made in wanted.absent if isinstance(made, Table) and made in listing.tables}
    going = _going(listing, wanted)
    leaving, coming = _elements(listing, wanted)
    deletes: list[Delete] = []
    inserts: list[Insert | Append] = []
    unchanged = 0
    # table by table, and elements map by map, so that nft is told of many at once
    for key, rules in sorted(wanted.rules.items(), key=lambda item: item[0][0].family):
        if key in going:
            continue
        gone, come = chain_edits(listing.listed.get(key, []), _settlement(listing, wanted, key))
        deletes.extend(gone)
        inserts.extend(come)
        unchanged += len(rules) - len(come)
    edits: list[Edit] = [
        *(TakeAway(element) for element in leaving if element.table not in tables),
        *(Make(made) for made in _in_order(wanted.present) if not _is_there(made, listing)),
        *(delete for delete in deletes if delete.rule.table not in tables),
        *inserts,
        *(Make(element) for element in coming),
        *(TakeAway(made) for made in going.values() if made.table not in tables),
        *(TakeAway(table) for table in TABLES.values() if table in tables),
    ]
    return MapsChange(tuple(edits), differences_of(edits), unchanged, tuple(_obstacles(listing, wanted)))


def maps_before(listing: Listing, wanted: MapsWanted) -> MapsWanted:
    """What is now where a change is to be: to come back to it undoes the change.

    Args:
        listing: what is there.
        wanted: the change, `resolved` with the same listing.
    """
    touched = (*wanted.present, *reversed(wanted.absent))
    found = {key: listing.listed.get(key, []) for key in wanted.rules}
    return MapsWanted(
        present=tuple(made for made in touched if _is_there(made, listing)),
        absent=tuple(made for made in reversed(touched) if not _is_there(made, listing)),
        rules={key: tuple(rule for rule in _rules(entries) if rule is not None) for key, entries in found.items()},
        elements={(table, name, key): _verdict(listing, table, name, key) for table, name, key in wanted.elements},
        followed_by={key: _behind(entries) for key, entries in found.items() if entries},
    )


def _in_order(made: Iterable[MapsObject]) -> list[MapsObject]:
    return sorted(made, key=lambda each: _ORDER.index(type(each)))


def _going(listing: Listing, wanted: MapsWanted) -> dict[Name, Chain | VerdictMap]:
    """The chains that go, with their rules, and after them the maps; a chain that holds a rule of others stays."""
    return {
        (made.table, made.name): made
        for made in _in_order(wanted.absent)
        if not isinstance(made, Table)
        and _is_there(made, listing)
        and None not in _rules(listing.listed.get((made.table, made.name), []))
    }


def _elements(listing: Listing, wanted: MapsWanted) -> tuple[list[Element], list[Element]]:
    """Those that go, and those that come; one whose verdict is another is both."""
    leaving, coming = [], []
    by_map = sorted(wanted.elements.items(), key=lambda item: (item[0][0].family, item[0][1]))
    for (table, name, key), verdict in by_map:
        there = _verdict(listing, table, name, key)
        if there == verdict:
            continue
        if there is not None:
            leaving.append(Element(table, name, key, there))
        if verdict is not None:
            coming.append(Element(table, name, key, verdict))
    return leaving, coming


def _verdict(listing: Listing, table: Table, name: str, key: ElementKey) -> ElementVerdict | None:
    return listing.elements.get((table, name), {}).get(key)


def _settlement(listing: Listing, wanted: MapsWanted, key: Name) -> Settlement[Rule]:
    entries = listing.listed.get(key, [])
    rules = _rules(entries)
    return settle(
        rules,
        [None if rule is None else _OWN for rule in rules],
        {_OWN: wanted.rules[key]},
        names=[entry.handle for entry in entries],
        followed_by={_OWN: wanted.followed_by[key]} if key in wanted.followed_by else {},
    )


def _rules(entries: Sequence[ListedRule]) -> list[Rule | None]:
    return [entry.rule for entry in entries]


def _behind(entries: Sequence[ListedRule]) -> Anchor:
    """The rule of others that stood behind all others of a chain, if one did."""
    behind = Anchor()
    for entry in reversed(entries):
        if entry.rule is not None:
            break
        behind = Anchor(name=entry.handle)
    return behind


def _is_there(made: MapsObject, listing: Listing) -> bool:
    match made:
        case Table():
            return made in listing.tables
        case Chain(table, name):
            return (table, name) in listing.chains
        case VerdictMap(table, name):
            return (table, name) in listing.maps


def _obstacles(listing: Listing, wanted: MapsWanted) -> Iterator[str]:
    for made in wanted.present:
        match made:
            case Chain(table, name, hook):
                kind, there = "chain", listing.chains.get((table, name))
                other = there is not None and there.hook != hook
            case VerdictMap(table, name):
                kind, other = "map", (table, name) in listing.maps and listing.maps[table, name] != made
            case _:
                continue
        if other:
            yield (
                f"{kind} {table.family} {table.name} {name} is of another kind than fwplan makes it: "
                f"take the table away (nft delete table {table.family} {table.name}), and apply all networks again"
            )
