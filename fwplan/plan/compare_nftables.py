"""Holds a wanted state against nftables' rules on a host: the edits that lead there, none where it is reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.nft.objects import Chain, Rule, Table
from fwplan.nft.transaction import Make, TakeAway
from fwplan.plan.chain_edits import chain_edits, differences_of
from fwplan.plan.settle import Anchor, settle
from fwplan.plan.share import nft_mark
from fwplan.plan.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fwplan.nft.listing import ListedRule, Listing
    from fwplan.nft.transaction import Append, Delete, Edit, Insert
    from fwplan.plan.difference import Difference
    from fwplan.plan.share import Mark
    from fwplan.plan.wanted import NftChainKey, NftWanted

    Indexes = Mapping[str, str]
    """Bridges by an index that was theirs, written as nft lists the index of an interface that is gone."""


@dataclass(frozen=True, slots=True)
class NftChange:
    """What brings a host to a wanted state.

    Attributes:
        edits: in an order in which one transaction takes them.
        differences: what the edits come to.
        unchanged: how many wanted rules are there already.
        moved: how many rules only change their place; they are deleted and come again.
        obstacles: what is in the way and is not fwplan's to change.
    """

    edits: tuple[Edit, ...]
    differences: tuple[Difference, ...]
    unchanged: int
    moved: int
    obstacles: tuple[str, ...] = ()


def compare_nftables(listing: Listing, wanted: NftWanted, indexes: Indexes | None = None) -> NftChange:
    """The change that brings the listed rules to the wanted state."""
    makes: list[Edit] = [Make(made) for made in wanted.present if not _is_there(made, listing)]
    deletes: list[Delete] = []
    inserts: list[Insert | Append] = []
    leaving: Counter[Table] = Counter()
    moved = 0
    for key, shares in wanted.by_chain().items():
        entries = listing.listed.get(key, [])
        settlement = settle(
            [entry.rule for entry in entries],
            _marks(entries, indexes or {}),
            shares,
            names=[entry.handle for entry in entries],
            followed_by={mark: wanted.followed_by[key, mark] for mark in shares if (key, mark) in wanted.followed_by},
        )
        if not settlement.leaving and not settlement.coming:
            continue
        moved += settlement.moved
        leaving[key[0]] += len(settlement.leaving)
        gone, come = chain_edits(entries, settlement)
        deletes.extend(gone)
        inserts.extend(come)
    going = _empty_tables(listing, wanted, leaving, {edit.rule.table for edit in inserts})
    edits: list[Edit] = [*makes, *(edit for edit in deletes if edit.rule.table not in going), *inserts]
    edits.extend(TakeAway(table) for table in going)
    unchanged = sum(len(share) for share in wanted.shares.values()) - len(inserts)
    return NftChange(tuple(edits), differences_of(edits), unchanged, moved, tuple(_obstacles(listing, wanted)))


def nft_before(listing: Listing, wanted: NftWanted) -> NftWanted:
    """What is now where a change is to be: to come back to it undoes the change.

    Rules for an interface that is gone are not in it: they match nothing, and could not be made again.
    """
    shares: dict[tuple[NftChainKey, Mark], list[Rule]] = {place: [] for place in wanted.shares}
    followed_by: dict[tuple[NftChainKey, Mark], Anchor] = {}
    for key in dict.fromkeys(key for key, _ in shares):
        behind = Anchor()
        for entry in reversed(listing.listed.get(key, [])):
            mark = None if entry.rule is None else nft_mark(entry.rule)
            if entry.rule is None or mark is None or (key, mark) not in shares:
                behind = Anchor(name=entry.handle)
                continue
            shares[key, mark].append(entry.rule)
            followed_by.setdefault((key, mark), behind)
            behind = Anchor(mark=mark)
    touched = (*wanted.present, *reversed(wanted.absent))
    return Wanted(
        present=tuple(made for made in touched if _is_there(made, listing)),
        absent=tuple(made for made in reversed(touched) if not _is_there(made, listing)),
        shares={place: tuple(reversed(share)) for place, share in shares.items()},
        followed_by=followed_by,
    )


def _marks(entries: Sequence[ListedRule], indexes: Indexes) -> list[Mark | None]:
    marks: list[Mark | None] = []
    for entry in entries:
        mark = None if entry.rule is None else nft_mark(entry.rule)
        marks.append(indexes.get(mark, mark) if isinstance(mark, str) else mark)
    return marks


def _is_there(made: Table | Chain, listing: Listing) -> bool:
    match made:
        case Table():
            return made in listing.tables
        case Chain(table, name):
            return (table, name) in listing.chains


def _empty_tables(
    listing: Listing, wanted: NftWanted, leaving: Counter[Table], filled: set[Table]
) -> tuple[Table, ...]:
    """The tables that are to go, unless rules of others would go with them."""
    return tuple(
        made
        for made in wanted.absent
        if isinstance(made, Table)
        and made in listing.tables
        and made not in filled
        and listing.rule_counts[made] == leaving[made]
    )


def _obstacles(listing: Listing, wanted: NftWanted) -> Iterator[str]:
    for made in wanted.present:
        if isinstance(made, Chain):
            there = listing.chains.get((made.table, made.name))
            if there is not None and there.hook != made.hook:
                place = f"{made.table.family} {made.table.name} {made.name}"
                yield f"chain {place} is of another kind than libvirt makes it: take it away (nft delete chain {place})"
