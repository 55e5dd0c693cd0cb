"""What the process inside is given, and what it gives back when it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwplan.lab.probes import Probe
    from fwplan.lab.promised import Promise
    from fwplan.lab.world import World
    from fwplan.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be rehearsed.

    Attributes:
        plan: to be applied.
        world: to be made.
        probes: to be sent.
        promises: what is promised of each; what turns out otherwise is tried again.
        beside: an nft script with rules of others, which are there first.
    """

    plan: Plan
    world: World
    probes: tuple[Probe, ...]
    promises: tuple[Promise, ...]
    beside: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there are no results.

    Attributes:
        message: for people.
        not_permitted: whether it is that this user may not make namespaces.
    """

    message: str
    not_permitted: bool = False
