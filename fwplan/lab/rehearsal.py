"""What came of a rehearsal, and whether it is what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.lab.promised import Part

if TYPE_CHECKING:
    from fwplan.lab.probes import Probe
    from fwplan.lab.promised import Promise
    from fwplan.lab.world import World
    from fwplan.network.addressing import Address
    from fwplan.plan.plan import Plan


@dataclass(frozen=True, slots=True)
class Heard:
    """A packet as a machine got it.

    Attributes:
        machine: its number.
        source: the address that it came from, as the machine saw it.
        port: the source port that it saw; None for ICMP.
    """

    machine: int
    source: Address
    port: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a probe.

    Attributes:
        heard: who got the first packet.
        answered: whether the sender got an answer.
        refused: whether the sender was told that it was refused, by ICMP or by a reset.
    """

    heard: tuple[Heard, ...] = ()
    answered: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """A probe, what was promised of it, and what became of it."""

    probe: Probe
    promise: Promise
    outcome: Outcome
    different: tuple[Part, ...]

    @property
    def broken(self) -> tuple[Part, ...]:
        """What differs from a network's promise, and not only from what would be without any rule."""
        return tuple(part for part in self.different if part in self.promise.reasons)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All that was tried.

    Attributes:
        plan: what was applied.
        world: where.
        results: of each probe.
        others: whether rules of others were there besides, so that what no promise is about is theirs to decide.
    """

    plan: Plan
    world: World
    results: tuple[Result, ...]
    others: bool

    @property
    def differing(self) -> tuple[Result, ...]:
        """The results that are an error."""
        return tuple(result for result in self.results if self.is_an_error(result))

    def is_an_error(self, result: Result) -> bool:
        """Whether a result breaks a promise; without rules of others, whether it differs at all."""
        return bool(result.broken if self.others else result.different)


def judged(world: World, probe: Probe, promise: Promise, outcome: Outcome) -> Result:
    """Hold what became of a probe against what was promised."""
    different = []
    if {heard.machine for heard in outcome.heard} != promise.hearers:
        different.append(Part.FIRST_PACKET)
    elif not all(_appears_as_promised(world, probe, promise, heard) for heard in outcome.heard):
        different.append(Part.SOURCE)
    if promise.hearers and outcome.heard and outcome.answered != promise.answered:
        different.append(Part.ANSWER)
    return Result(probe, promise, outcome, tuple(different))


def _appears_as_promised(world: World, probe: Probe, promise: Promise, heard: Heard) -> bool:
    appearance = promise.appearance
    if appearance is None:
        return False
    of_device = {
        address
        for segment in world.segments
        if segment.interface == appearance.device
        for address in segment.addresses_of(probe.family)
    }
    return appearance.allows(heard.source, heard.port, of_device)
