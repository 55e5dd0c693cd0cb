"""One thing in which a host and a wanted state differ."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwplan.plan.operations import Object


class Step(enum.Enum):
    """What becomes of the thing."""

    ADD = "add"
    DELETE = "delete"
    MOVE = "move"
    """It is there, but not at its place."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing that a host lacks, has too much, or has at another place.

    Attributes:
        step: what a change does about it.
        object: the thing.
    """

    step: Step
    object: Object
