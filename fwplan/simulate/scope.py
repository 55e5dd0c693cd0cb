"""What the statements of a table are read in: its sets, and the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.datatypes import datatypes_of
from fwplan.nft.expressions import AnonymousSet, SetReference
from fwplan.simulate.lookup import Lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.nft.datatypes import Datatype
    from fwplan.nft.expressions import Expression
    from fwplan.nft.ruleset import NamedSet
    from fwplan.simulate.world import World


class Scope:
    """What the statements of a table are read in.

    Attributes:
        family: of the table, which is that of the hooks of its chains.
        world: the host.
    """

    def __init__(self, family: str, sets: Mapping[str, NamedSet], world: World) -> None:
        self.family = family
        self.world = world
        self._sets = sets
        self._lookups: dict[tuple[str, tuple[Datatype | None, ...]], Lookup] = {}

    def lookup(self, data: Expression, key: Expression) -> Lookup | None:
        """What a key is looked up in; None where it is not understood."""
        datatypes = datatypes_of(key)
        match data:
            case AnonymousSet(elements):
                return Lookup(elements, datatypes)
            case SetReference(name) if name in self._sets:
                found = self._lookups.get((name, datatypes))
                if found is None:
                    found = self._lookups[name, datatypes] = Lookup(self._sets[name].elements, datatypes)
                return found
            case _:
                return None
