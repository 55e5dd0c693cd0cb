"""fwplan's own tables as a part of a host: of thousands of networks only what a change is about is read and changed."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, ClassVar

from fwplan.errors import HostError
from fwplan.host.commit import commit
from fwplan.host.places import anchor_from_json, anchor_json, made_from_json, made_json
from fwplan.nft.json import escaped, map_json, rule_json, verdict_json
from fwplan.nft.listing import read_rule
from fwplan.nft.objects import AddressRange, Table, VerdictMap
from fwplan.nft.read_map import read_map, read_verdict
from fwplan.plan import maps_names
from fwplan.plan.compare_maps import compare_maps, maps_before
from fwplan.plan.maps_wanted import MapsWanted, resolved

if TYPE_CHECKING:
    from fwplan.host.part import Json
    from fwplan.host.state import Applied
    from fwplan.host.system import System
    from fwplan.nft.listing import Listing
    from fwplan.nft.objects import ElementKey
    from fwplan.plan.compare_maps import MapsChange
    from fwplan.plan.difference import Difference
    from fwplan.plan.maps_wanted import MapsObject

TABLES = tuple(maps_names.TABLES.values())
_MAPS = (maps_names.ENTERING, maps_names.LEAVING, maps_names.TRANSLATED)


@dataclass(frozen=True, slots=True)
class MapsPart:
    """What fwplan's own tables are to hold."""

    kind: ClassVar[str] = "maps"

    wanted: MapsWanted

    def compare(self, system: System) -> MapsPartChange:
        """Read the host's tables, and find the edits that lead to what is wanted.

        Raises:
            HostError: the host's rules cannot be read.
        """
        generation = system.generation()
        outline = system.list_nftables_outline(TABLES, _MAPS)
        listing = system.list_nftables_rules(outline, resolved(outline, self.wanted).rules)
        wanted = resolved(listing, self.wanted)
        return MapsPartChange(wanted, listing, compare_maps(listing, wanted), generation)

    def document(self) -> Json:
        """The part as the journal keeps it."""
        wanted = self.wanted
        return {
            "kind": self.kind,
            "present": [_made_json(made) for made in wanted.present],
            "absent": [_made_json(made) for made in wanted.absent],
            "chains": [
                [
                    *(table.family, table.name, chain),
                    anchor_json(wanted.followed_by.get((table, chain))),
                    [rule_json(rule, escaped) for rule in rules],
                ]
                for (table, chain), rules in wanted.rules.items()
            ],
            "elements": [
                [table.family, table.name, name, _key_json(key), None if verdict is None else verdict_json(verdict)]
                for (table, name, key), verdict in wanted.elements.items()
            ],
        }

    @classmethod
    def from_document(cls, document: Json) -> MapsPart:
        """What the journal keeps."""
        rules, followed_by = {}, {}
        for family, name, chain, anchor, written in document["chains"]:
            key = Table(family, name), chain
            read = [read_rule(rule, key[0]).rule for rule in written]
            rules[key] = tuple(rule for rule in read if rule is not None)
            if anchor is not None:
                followed_by[key] = anchor_from_json(anchor)
        elements = {
            (Table(family, name), of, _key(key)): None if verdict is None else read_verdict(verdict)
            for family, name, of, key, verdict in document["elements"]
        }
        present = tuple(_made(made) for made in document["present"])
        absent = tuple(_made(made) for made in document["absent"])
        return cls(MapsWanted(present, absent, rules, elements, followed_by=followed_by))


@dataclass(frozen=True, slots=True)
class MapsPartChange:
    """Edits of fwplan's own tables, and the generation of the ruleset that they were found for."""

    kind: ClassVar[str] = MapsPart.kind
    notes: ClassVar[tuple[str, ...]] = ()

    wanted: MapsWanted
    listing: Listing
    change: MapsChange
    generation: int

    @property
    def before(self) -> MapsPart:
        """What is there now, where the change will be."""
        return MapsPart(maps_before(self.listing, self.wanted))

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
        """What was applied, with the tables if fwplan has made them."""
        return applied.with_set_up(self.kind, self.differences, Table)


def _made_json(made: MapsObject) -> Json:
    return {"map": map_json(made)} if isinstance(made, VerdictMap) else made_json(made)


def _made(document: Json) -> MapsObject:
    if "map" not in document:
        return made_from_json(document)
    made = read_map(document["map"])
    if made is None:
        raise HostError("the journal names a map of a kind that is unknown")
    return made


def _key_json(key: ElementKey) -> Any:  # noqa: ANN401 - JSON
    return key if isinstance(key, str) else [str(key.first), str(key.last)]


def _key(document: Any) -> ElementKey:  # noqa: ANN401 - JSON
    return document if isinstance(document, str) else AddressRange(*map(ip_address, document))
