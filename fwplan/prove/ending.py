"""How rules, chains and hooks end for a packet: where it goes on, and how it was changed."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from fwplan.prove.dimensions import Dimension

if TYPE_CHECKING:
    from fwplan.simulate.actions import Translate


class Kind(enum.IntFlag):
    """How a part of a ruleset ends for a packet: where the packet goes on."""

    HOLDS = 1
    """With the next statement of the rule."""
    NEXT = 2
    """With the next rule of the chain."""
    BACK = 4
    """After the chain, where it was jumped to from."""
    PASSES = 8
    """With the next base chain, or if there is none on its way."""
    REFUSED = 16
    """Nowhere."""
    NO_PACKET = 32
    """There is no such packet."""


Changes = tuple[tuple[Dimension, int | None], ...]
"""What was changed of a packet, by dimension: the value that it has now, or None for one that is not known."""


class Ending(NamedTuple):
    """How a part of a ruleset ends for a packet.

    Attributes:
        kind: where the packet goes on.
        told: what the sender of a refused packet is told; empty for nothing.
        translate: what its source is translated to.
        changes: of the packet.
    """

    kind: Kind
    told: str = ""
    translate: Translate | None = None
    changes: Changes = ()
