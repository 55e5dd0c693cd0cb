"""A host whose nftables rules are read in the background, while definitions are read.

libnftables needs most of a second to list 10,000 rules, and no Python meanwhile. What it has read counts only as long
as the generation of the ruleset is the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from fwplan.host.system import System

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.nft.listing import Listing, Name
    from fwplan.nft.objects import Table


class PrefetchingSystem(System):
    """The machine that the process runs on, some of whose tables are being read already."""

    def __init__(self, tables: Iterable[Table]) -> None:
        """Begin to read `tables`."""
        self._tables = tuple(tables)
        self._outlined: Listing | None = None
        executor = ThreadPoolExecutor(1)
        self._loaded = executor.submit(super().load_nftables)
        self._read = executor.submit(self._read_first)
        executor.shutdown(wait=False)

    def load_nftables(self) -> None:
        """See that there is libnftables; what is being read is not waited for.

        Raises:
            HostError: there is none.
        """
        self._loaded.result()

    def list_nftables(self, tables: Iterable[Table]) -> Listing:
        """What those of the tables hold that there are; as read before, if nothing has changed since.

        Raises:
            HostError: libnftables is not there, or the kernel does not answer.
        """
        asked = tuple(tables)
        return self._already_read(asked) or super().list_nftables(asked)

    def list_nftables_outline(self, tables: Iterable[Table], maps: Iterable[str]) -> Listing:
        """What those of the tables hold that there are; all of it where it was read before.

        Raises:
            HostError: libnftables is not there, or the kernel does not answer.
        """
        asked = tuple(tables)
        self._outlined = self._already_read(asked)
        return self._outlined or super().list_nftables_outline(asked, maps)

    def list_nftables_rules(self, outline: Listing, chains: Iterable[Name]) -> Listing:
        """An outline with the rules of chains; it may have them already.

        Raises:
            HostError: libnftables is not there, or the kernel does not answer.
        """
        return outline if outline is self._outlined else super().list_nftables_rules(outline, chains)

    def _already_read(self, tables: tuple[Table, ...]) -> Listing | None:
        """What was read before, if it was these tables and nothing has changed since."""
        if tables != self._tables:
            return None
        generation, listing = self._read.result()
        return listing if generation == self.generation() else None

    def _read_first(self) -> tuple[int, Listing]:
        generation = self.generation()
        return generation, super().list_nftables(self._tables)
