"""One transaction of nftables' rules, that takes effect only on the ruleset that it was found for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.errors import HostError
from fwplan.host.part import ChangedMeanwhileError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.host.system import System
    from fwplan.nft.transaction import Edit


def commit(system: System, edits: Iterable[Edit], generation: int) -> None:
    """Make edits, in one transaction.

    Args:
        system: the host.
        edits: that lead from what was read to what is wanted.
        generation: of the ruleset when it was read.

    Raises:
        ChangedMeanwhileError: somebody else changed the ruleset since it was read.
        HostError: the kernel refused, and nothing is changed.
    """
    if system.generation() != generation:
        raise ChangedMeanwhileError("the ruleset changed while it was read", made=False)
    try:
        system.commit_nftables(edits)
    except HostError:
        if system.generation() != generation:
            raise ChangedMeanwhileError("the ruleset changed before the transaction", made=False) from None
        raise
    if system.generation() != generation + 1:
        raise ChangedMeanwhileError("the ruleset changed beside the transaction", made=True)
