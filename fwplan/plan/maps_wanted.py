"""The state that fwplan's own tables of the layout `maps` are to come to, as far as one change is concerned.

A chain of these tables is one network's, or the set-up's, so that it is wanted as a whole, and so is an element. As for
libvirt's tables the same value says how things were before a change.

A host may hold more than what a change knows of: chains and elements of networks that somebody else, or an earlier
fwplan, has put there. They stay, unless they are in the way; `resolved` tells.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fwplan.nft.objects import AddressRange, Chain, Element, Goto, Jump, Rule, Table, VerdictMap
from fwplan.plan.maps_names import TABLES, bridge_of, is_of_networks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fwplan.nft.listing import Listing, Name
    from fwplan.nft.objects import ElementKey, ElementVerdict
    from fwplan.plan.plan import Plan
    from fwplan.plan.settle import Anchor

MapsObject = Table | Chain | VerdictMap
ElementPlace = tuple[Table, str, "ElementKey"]
"""Table, map and key."""


@dataclass(frozen=True, slots=True)
class MapsWanted:
    """What is to be there, and what is not.

    Attributes:
        present: tables, chains and maps that are to be there, in the order of their making.
        absent: those that are not, in the order in which they go. A table, with the chains and maps that all networks
            share, goes only when nothing of others is left in it.
        rules: of each chain, from first to last; none for a chain that is to go.
        elements: the verdict of each; None for one that is not to be there.
        bridges: that have no chains but those that are to be there.
        followed_by: for the rules of a state that was, what stood behind them in their chain.
    """

    present: tuple[MapsObject, ...] = ()
    absent: tuple[MapsObject, ...] = ()
    rules: Mapping[Name, tuple[Rule, ...]] = field(default_factory=dict)
    elements: Mapping[ElementPlace, ElementVerdict | None] = field(default_factory=dict)
    bridges: frozenset[str] = frozenset()
    followed_by: Mapping[Name, Anchor] = field(default_factory=dict)


def maps_wanted(plan: Plan) -> MapsWanted:
    """The state that a plan of the layout leads to: a filtered network has its chains and elements, and no others."""
    present: list[MapsObject] = []
    rules: dict[Name, list[Rule]] = {}
    elements: dict[ElementPlace, ElementVerdict | None] = {}
    for operation in plan.operations:
        match operation.object:
            case Chain(table, name) as chain:
                present.append(chain)
                rules[table, name] = []
            case Table() | VerdictMap() as made:
                present.append(made)
            case Rule(table, name) as rule:
                rules[table, name].append(rule)
            case Element(table, name, key, verdict):
                elements[table, name, key] = verdict
            case _:
                pass
    bridges = (share.bridge for share in plan.networks if share.network.meaning.filtered)
    return MapsWanted(
        present=tuple(present),
        # Each rule is made at the head of its chain.
        rules={key: tuple(reversed(of_chain)) for key, of_chain in rules.items()},
        elements=elements,
        bridges=frozenset(bridge for bridge in bridges if bridge is not None),
    )


def maps_change(now: MapsWanted, *, gone: MapsWanted, set_up_gone: MapsWanted | None = None) -> MapsWanted:
    """What is wanted after a change.

    Args:
        now: what is planned.
        gone: what was planned earlier, for the same networks and all that share addresses with them.
        set_up_gone: what is needed once on a host, if that is to go.
    """
    going = [*(() if set_up_gone is None else set_up_gone.present), *gone.present]
    staying = set(now.present)
    return MapsWanted(
        present=now.present,
        # An overlap chain was made after those that it jumps to, and goes before them.
        absent=tuple(made for made in reversed(going) if made not in staying),
        rules={**{(made.table, made.name): () for made in going if isinstance(made, Chain)}, **now.rules},
        elements={**dict.fromkeys(gone.elements), **now.elements},
        bridges=now.bridges | gone.bridges,
    )


def resolved(listing: Listing, wanted: MapsWanted) -> MapsWanted:
    """The same, with what a host has beside it.

    - Chains of the networks that are not theirs any more go as well.
    - Elements go that lead to one of the networks' chains, and should not, or whose addresses are in the way of
      others: a map of ranges holds no two that overlap.
    - A table stays, with all that networks share in it, if something in it stays.

    Args:
        listing: the host's chains, maps and elements; and the rules of the chains that are asked about, if they are
            known yet. Without them a table is taken to have none of others.
        wanted: what a plan asks for.
    """
    strays = [
        chain
        for key, chain in listing.chains.items()
        if key[0] in TABLES.values() and key not in wanted.rules and bridge_of(chain.name) in wanted.bridges
    ]
    rules = {**wanted.rules, **{(chain.table, chain.name): () for chain in strays}}
    elements = {**wanted.elements, **dict.fromkeys(_superfluous(listing, wanted, rules))}
    absent = (*wanted.absent, *strays)
    staying = {table for table in TABLES.values() if table in absent and _is_needed(listing, table, absent, elements)}
    return replace(
        wanted,
        absent=tuple(made for made in absent if not (_table_of(made) in staying and is_shared(made))),
        rules={
            key: of_chain
            for key, of_chain in rules.items()
            if of_chain or key[0] not in staying or is_of_networks(key[1])
        },
        elements=elements,
    )


def is_shared(made: MapsObject) -> bool:
    """Whether it is there for all networks."""
    return not (isinstance(made, Chain) and is_of_networks(made.name))


def _table_of(made: MapsObject) -> Table:
    return made if isinstance(made, Table) else made.table


def _superfluous(listing: Listing, wanted: MapsWanted, rules: Mapping[Name, object]) -> Iterator[ElementPlace]:
    for (table, name), of_map in listing.elements.items():
        if table not in TABLES.values():
            continue
        wished = [
            key
            for (of_table, of_name, key), verdict in wanted.elements.items()
            if (of_table, of_name) == (table, name) and verdict is not None and isinstance(key, AddressRange)
        ]
        in_the_way = _Ranges(wished).meet
        for key, verdict in of_map.items():
            if (table, name, key) in wanted.elements:
                continue
            ours = (
                isinstance(verdict, Jump | Goto) and is_of_networks(verdict.chain) and (table, verdict.chain) in rules
            )
            if ours or (isinstance(key, AddressRange) and in_the_way(key)):
                yield table, name, key


class _Ranges:
    """Disjoint ranges of addresses of one family."""

    def __init__(self, ranges: Iterable[AddressRange]) -> None:
        self._ranges = sorted((int(each.first), int(each.last)) for each in ranges)
        self._firsts = [first for first, _ in self._ranges]

    def meet(self, other: AddressRange) -> bool:
        """Whether some of them has an address in common with another."""
        place = bisect_right(self._firsts, int(other.last))
        return place > 0 and self._ranges[place - 1][1] >= int(other.first)


def _is_needed(
    listing: Listing,
    table: Table,
    absent: Iterable[MapsObject],
    elements: Mapping[ElementPlace, object],
) -> bool:
    """Whether a table holds something that is to stay."""
    going = {(made.table, made.name) for made in absent if isinstance(made, Chain | VerdictMap)}
    return (
        any(key not in going for key in (*listing.chains, *listing.maps) if key[0] == table)
        or any(entry.rule is None for key, rules in listing.listed.items() if key[0] == table for entry in rules)
        or any(
            elements.get((table, name, key), "others'") is not None
            for (of_table, name), of_map in listing.elements.items()
            if of_table == table
            for key in of_map
        )
    )
