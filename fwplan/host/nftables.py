"""nftables' rules as a part of a host: read as JSON, compared, changed in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from fwplan.host.commit import commit
from fwplan.host.places import anchor_from_json, anchor_json, made_from_json, made_json, mark_from_json, mark_json
from fwplan.nft.json import escaped, rule_json
from fwplan.nft.listing import read_rule
from fwplan.nft.objects import FAMILIES, InterfaceMatch, Meta, Rule, Table
from fwplan.plan.compare_nftables import NftChange, compare_nftables, nft_before
from fwplan.plan.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.host.part import Json
    from fwplan.host.state import Applied
    from fwplan.host.system import System
    from fwplan.nft.listing import Listing
    from fwplan.plan.compare_nftables import Indexes
    from fwplan.plan.difference import Difference
    from fwplan.plan.settle import Anchor
    from fwplan.plan.share import Mark
    from fwplan.plan.wanted import NftChainKey, NftWanted

TABLES = tuple(Table(family, "libvirt_network") for family in FAMILIES)
"""The tables that libvirt makes."""

_BY_INDEX = {Meta.IIF, Meta.OIF}


@dataclass(frozen=True, slots=True)
class NftablesPart:
    """Rules of nftables as they are to be.

    Attributes:
        wanted: what is to be there, and what not.
        indexes: bridges by an index that was theirs; rules for an interface that is gone are listed with it.
        as_it_was: whether this is what was there before a change. A rule for an interface that is gone since is left
            out then: it would match nothing, and cannot be made.
    """

    kind: ClassVar[str] = "nftables"

    wanted: NftWanted
    indexes: Indexes = field(default_factory=dict)
    as_it_was: bool = False

    def compare(self, system: System) -> NftablesChange:
        """Read the host's rules, and find the edits that lead to those that are wanted.

        Raises:
            HostError: the host's rules cannot be read.
        """
        generation = system.generation()
        listing = system.list_nftables(TABLES)
        wanted = _possible(self.wanted, system.interfaces()) if self.as_it_was else self.wanted
        return NftablesChange(
            replace(self, wanted=wanted), listing, compare_nftables(listing, wanted, self.indexes), generation
        )

    def document(self) -> Json:
        """The part as the journal keeps it."""
        chains: dict[NftChainKey, list[Any]] = {}
        for (key, mark), share in self.wanted.shares.items():
            anchor = anchor_json(self.wanted.followed_by.get((key, mark)))
            rules = [rule_json(rule, escaped) for rule in share]
            chains.setdefault(key, []).append([mark_json(mark), anchor, rules])
        return {
            "kind": self.kind,
            "present": [made_json(made) for made in self.wanted.present],
            "absent": [made_json(made) for made in self.wanted.absent],
            "chains": [[table.family, table.name, chain, shares] for (table, chain), shares in chains.items()],
            "indexes": dict(self.indexes),
        }

    @classmethod
    def from_document(cls, document: Json) -> NftablesPart:
        """What the journal keeps, as what was there before a change."""
        shares: dict[tuple[NftChainKey, Mark], tuple[Rule, ...]] = {}
        followed_by: dict[tuple[NftChainKey, Mark], Anchor] = {}
        for family, name, chain, of_chain in document["chains"]:
            for mark, anchor, rules in of_chain:
                place = (Table(family, name), chain), mark_from_json(mark)
                read = [read_rule(rule, Table(family, name)).rule for rule in rules]
                shares[place] = tuple(rule for rule in read if rule is not None)
                if anchor is not None:
                    followed_by[place] = anchor_from_json(anchor)
        present = tuple(made_from_json(made) for made in document["present"])
        absent = tuple(made_from_json(made) for made in document["absent"])
        return cls(Wanted(present, absent, shares, followed_by), document["indexes"], as_it_was=True)


@dataclass(frozen=True, slots=True)
class NftablesChange:
    """Edits of nftables' rules, and the generation of the ruleset that they were found for."""

    kind: ClassVar[str] = NftablesPart.kind
    notes: ClassVar[tuple[str, ...]] = ()

    part: NftablesPart
    listing: Listing
    change: NftChange
    generation: int

    @property
    def before(self) -> NftablesPart:
        """What is there now, where the change will be."""
        return NftablesPart(nft_before(self.listing, self.part.wanted), self.part.indexes, as_it_was=True)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is not as it is wanted."""
        return self.change.differences

    @property
    def unchanged(self) -> int:
        """How many rules are as they are wanted."""
        return self.change.unchanged

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What is in the way, and is not fwplan's to change."""
        return self.change.obstacles

    def make(self, system: System) -> None:
        """Make the edits, in one transaction.

        Raises:
            ChangedMeanwhileError: somebody else changed the ruleset since it was read.
            HostError: the kernel refused, and nothing is changed.
        """
        commit(system, self.change.edits, self.generation)

    def credited(self, applied: Applied) -> Applied:
        """What was applied, with libvirt's tables if fwplan has made them."""
        return applied.with_set_up(self.kind, self.differences, Table)


def _possible(wanted: NftWanted, interfaces: Mapping[str, int]) -> NftWanted:
    """Without the rules for interfaces that are gone."""
    return replace(
        wanted,
        shares={
            place: tuple(rule for rule in share if _interfaces_of(rule) <= interfaces.keys())
            for place, share in wanted.shares.items()
        },
    )


def _interfaces_of(rule: Rule) -> set[str]:
    """The interfaces that have to exist for the rule to be made."""
    return {
        statement.interface
        for statement in rule.statements
        if isinstance(statement, InterfaceMatch) and statement.key in _BY_INDEX
    }
