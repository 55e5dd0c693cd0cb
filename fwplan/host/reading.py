"""How much of nftables' rules is asked for: tables as wholes, or of large ones only what matters.

To list a chain takes nft some time for every chain there is, and to list a table twenty times as much.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.nft.listing import Listing, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fwplan.nft.listing import Name
    from fwplan.nft.objects import Table

    Ask = Callable[[str], Listing | None]
    """Gives what `nft list …` lists; None where there is no such thing."""

_FEW = 32
"""So many chains are asked for one by one at most."""
_SHARE = 4
"""And only where the table has so many times as many."""


def tables(ask: Ask, names: Iterable[Table]) -> Listing:
    """What those of the tables hold that there are."""
    return merge(filter(None, (ask(f"table {table.family} {table.name}") for table in names)))


def outline(ask: Ask, names: Iterable[Table], maps: Iterable[str]) -> Listing:
    """The chains of those of the tables that there are, and maps of these names with their elements."""
    wanted = tuple(maps)
    return merge(part for table in names for part in _outline(ask, table, wanted))


def _outline(ask: Ask, table: Table, maps: Iterable[str]) -> Iterator[Listing]:
    listed = ask(f"chains {table.family}") or Listing()
    chains = {key: chain for key, chain in listed.chains.items() if key[0] == table}
    if not chains:
        yield tables(ask, [table])
        return
    yield Listing(frozenset([table]), chains)
    yield from filter(None, (ask(f"map {table.family} {table.name} {name}") for name in maps))


def with_rules(ask: Ask, outlined: Listing, chains: Iterable[Name]) -> Listing:
    """The same, with the rules of those of the chains that there are, and perhaps of others."""
    asked = [(table, name) for table, name in chains if (table, name) in outlined.chains]
    if len(asked) <= _FEW and len(asked) * _SHARE <= len(outlined.chains):
        parts = [ask(f"chain {table.family} {table.name} {name}") for table, name in asked]
        return merge([outlined, *filter(None, parts)])
    whole = tables(ask, dict.fromkeys(table for table, _ in asked))
    return replace(outlined, listed=outlined.listed | whole.listed)
