"""What all statements of a ruleset ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.statements import UpdateSet
from fwplan.prove.dimensions import Dimension
from fwplan.prove.reading import Reading, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.nft.ruleset import Ruleset, Table
    from fwplan.nft.statements import Statement
    from fwplan.prove.dimensions import Family


class Readings:
    """What the statements of a ruleset ask for, each read once.

    Args:
        ruleset: all tables.
        family: of the packets.
    """

    def __init__(self, ruleset: Ruleset, family: Family) -> None:
        self.family = family
        self._tables = [table for table in ruleset.tables if table.family in {family, "inet"}]
        self._changing = {id(table): frozenset(_changing(table)) for table in self._tables}
        self._known: dict[tuple[int, int], Reading] = {}

    def of(self, statement: Statement, table: Table) -> Reading:
        """What a statement of a table asks for."""
        key = (id(table), id(statement))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = read(statement, table, self.family, self._changing[id(table)])
        return found

    def all(self) -> Iterator[Reading]:
        """What each statement asks for."""
        for table in self._tables:
            for rule in table.rules:
                for statement in rule.statements:
                    yield self.of(statement, table)

    def interface_cuts(self) -> Iterator[str]:
        """All names of interfaces that rules give."""
        for reading in self.all():
            for dimension in (Dimension.IN, Dimension.OUT):
                yield from map(str, reading.cuts.get(dimension, ()))


def _changing(table: Table) -> Iterator[str]:
    """Sets whose elements come and go while packets pass."""
    for name, each in table.sets.items():
        if {"dynamic", "timeout"} & set(each.flags):
            yield name
    for rule in table.rules:
        for statement in rule.statements:
            if isinstance(statement, UpdateSet):
                yield statement.set.name
