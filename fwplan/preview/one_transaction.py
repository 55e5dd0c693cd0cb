"""The order in which nft takes all operations of a plan in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft import objects as nft
from fwplan.plan.operations import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.plan.operations import Operation

_KINDS = (nft.Table, nft.Chain, nft.VerdictMap, nft.Rule, nft.Element)


def in_one_transaction(operations: Iterable[Operation]) -> list[Operation]:
    """Chains before the maps that lead to them, and maps before rules and elements; the other way round to take away.

    nft before 1.1 sends elements of a map of ranges with the map itself, if the same transaction makes both: the chains
    that they lead to have to be there by then.
    """
    return sorted(operations, key=_place)


def _place(operation: Operation) -> int:
    for place, kind in enumerate(_KINDS):
        if isinstance(operation.object, kind):
            return place if operation.verb is Verb.MAKE else -place
    return 0 if operation.verb is Verb.MAKE else -len(_KINDS)
