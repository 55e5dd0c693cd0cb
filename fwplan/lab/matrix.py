"""A rehearsal at a glance: who reaches whom, a cell for each pair of places, and which promises were kept."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.lab.probes import Kind
from fwplan.lab.promised import Part
from fwplan.lab.world import HOST
from fwplan.plan.intents import JoinZone, RepairChecksums, SetUp
from fwplan.plan.promises import promises

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fwplan.lab.probes import Probe
    from fwplan.lab.rehearsal import Rehearsal, Result
    from fwplan.lab.world import Place, Segment, World
    from fwplan.plan.intents import Family, Intent


class Reach(enum.Enum):
    """How far a probe comes."""

    ANSWERED = "answered"
    """It arrives, and the answer comes back, if one is asked for."""
    ARRIVES = "arrives"
    """It arrives, and no answer comes back."""
    REFUSED = "refused"
    """It does not arrive, and the sender is told so."""
    SILENT = "silent"
    """It does not arrive, and nobody is told."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How far some probes come, and what the other side sees.

    Attributes:
        reach: how far.
        source: what the other side sees instead of the sender's own address; empty when it sees that.
        of: what this is true of, where others differ: the transports, the receivers or the families.
    """

    reach: Reach
    source: str
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """What happens to some probes that have something in common.

    Attributes:
        got: what became of them: one sight, or one for each that differs, the most frequent first.
        promised: likewise what was promised.
        probes: how many there are.
        errors: how many of them differ from what was promised.
    """

    got: tuple[Sight, ...]
    promised: tuple[Sight, ...]
    probes: int
    errors: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many probes a promise decided, and for how many of them it was not kept."""

    probes: int
    broken: int


def rehearsed(world: World) -> tuple[Segment, ...]:
    """The segments of the networks that were asked for."""
    return tuple(segment for segment in world.segments if segment.share is not None and not segment.is_the_labs_own)


def places(rehearsal: Rehearsal, family: Family) -> tuple[Place, ...]:
    """The rows and columns of the matrix of a family."""
    machines = rehearsal.world.machines
    return tuple(
        place
        for place in rehearsal.world.places
        if HOST in place.machines or any(family in machines[number].addresses for number in place.machines)
    )


def pairs(rehearsal: Rehearsal, family: Family) -> dict[tuple[int, int], Cell]:
    """What happens when a machine of one place begins to talk to one of another, by the numbers of both places."""
    machines = rehearsal.world.machines
    found: dict[tuple[int, int], list[Result]] = {}
    for result in rehearsal.results:
        probe = result.probe
        if probe.kind is Kind.PAIR and probe.family is family and probe.receiver is not None:
            between = machines[probe.sender].place, machines[probe.receiver].place
            found.setdefault(between, []).append(result)
    return {
        between: _cell(rehearsal, results, lambda result: result.probe.transport.upper())
        for between, results in found.items()
    }


BESIDES: dict[str, Callable[[Result], bool]] = {
    "under a spoofed source": lambda result: result.probe.kind is Kind.SPOOFED,
    "to each other, by way of the host": lambda result: result.probe.kind is Kind.BY_THE_HOST,
    "broadcast and multicast": lambda result: result.probe.receiver is None and result.probe.sender != HOST,
    "the same from the host": lambda result: result.probe.receiver is None and result.probe.sender == HOST,
    "to the host's services": lambda result: result.probe.kind is Kind.SERVICE,
}
"""What guests send besides, in words, and which probes that is."""


def besides(rehearsal: Rehearsal) -> dict[str, dict[int, Cell]]:
    """What happens to what guests send besides, by the numbers of their segments."""
    rows: dict[str, dict[int, Cell]] = {}
    for row, belongs in BESIDES.items():
        for segment in rehearsed(rehearsal.world):
            results = [
                result for result in rehearsal.results if belongs(result) and result.probe.segment == segment.number
            ]
            if results:
                cell = _cell(rehearsal, results, lambda result: _what(rehearsal.world, result))
                rows.setdefault(row, {})[segment.number] = cell
    return rows


def _what(world: World, result: Result) -> str:
    probe = result.probe
    if probe.kind is Kind.SERVICE:
        return f"{probe.subject} {probe.transport.upper()}"
    if probe.kind is Kind.SPOOFED and probe.receiver is not None:
        return world.places[world.machines[probe.receiver].place].label
    return probe.family.value


def kept(rehearsal: Rehearsal) -> dict[str, dict[int, Count]]:
    """How often each promise decided about a probe, and how often in vain, by the numbers of the networks' segments."""
    decided: Counter[Intent] = Counter()
    broken: Counter[Intent] = Counter()
    for result in rehearsal.results:
        for part, intent in result.promise.reasons.items():
            decided[intent] += 1
            broken[intent] += part in result.different
    rows: dict[str, dict[int, Count]] = {}
    for segment in rehearsed(rehearsal.world):
        if segment.share is None:
            continue
        for intent in promises(segment.share.network, segment.interface):
            if isinstance(intent, SetUp | JoinZone | RepairChecksums):
                continue  # no probe shows them
            row = rows.setdefault(intent.promise, {})
            before = row.get(segment.number, Count(0, 0))
            row[segment.number] = Count(before.probes + decided[intent], before.broken + broken[intent])
    return rows


def _cell(rehearsal: Rehearsal, results: Iterable[Result], what: Callable[[Result], str]) -> Cell:
    of_all = list(results)
    return Cell(
        got=_together((got_of(rehearsal.world, result), what(result)) for result in of_all),
        promised=_together((promised_of(rehearsal.world, result), what(result)) for result in of_all),
        probes=len(of_all),
        errors=sum(rehearsal.is_an_error(result) for result in of_all),
    )


def _together(sights: Iterable[tuple[tuple[Reach, str], str]]) -> tuple[Sight, ...]:
    found: dict[tuple[Reach, str], list[str]] = {}
    for sight, what in sights:
        found.setdefault(sight, []).append(what)
    by_frequency = sorted(found.items(), key=lambda entry: -len(entry[1]))
    return tuple(Sight(reach, source, tuple(dict.fromkeys(of))) for (reach, source), of in by_frequency)


def got_of(world: World, result: Result) -> tuple[Reach, str]:
    """How far a probe came, and which source the other side saw instead of the sender's own."""
    outcome, probe = result.outcome, result.probe
    if not outcome.heard:
        # Nobody can be told of a packet whose source is not its sender.
        told = outcome.refused or (probe.kind is Kind.SPOOFED and not result.promise.hearers)
        return (Reach.REFUSED if told else Reach.SILENT), ""
    reach = Reach.ANSWERED if outcome.answered or _asks_for_nothing(probe) else Reach.ARRIVES
    if Part.SOURCE not in result.different and Part.FIRST_PACKET not in result.different:
        return reach, _appears(world, result)
    seen = {heard.source for heard in outcome.heard}
    ports = {heard.port for heard in outcome.heard if probe.ports is not None and heard.port != probe.ports[0]}
    if seen != {probe.source}:
        return reach, ", ".join(map(str, sorted(seen, key=int)))
    return reach, ", ".join(f"port {port}" for port in sorted(filter(None, ports)))


def promised_of(world: World, result: Result) -> tuple[Reach, str]:
    """How far a probe was to come, and which source the other side was to see instead of the sender's own."""
    promise = result.promise
    if not promise.hearers:
        return (Reach.SILENT if Part.FIRST_PACKET not in promise.reasons else Reach.REFUSED), ""
    reach = Reach.ANSWERED if promise.answered or _asks_for_nothing(result.probe) else Reach.ARRIVES
    return reach, _appears(world, result)


def _asks_for_nothing(probe: Probe) -> bool:
    """Whether no answer is missed. Who claims a source that is not his own gets none."""
    return not probe.asks and probe.kind is not Kind.SPOOFED


def _appears(world: World, result: Result) -> str:
    """The promised source, where it is not the sender's own."""
    appearance, own = result.promise.appearance, result.probe.source
    if appearance is None:
        return ""
    if appearance.addresses is None:
        segment = next(segment for segment in world.segments if segment.interface == appearance.device)
        address = segment.address(result.probe.family)
        return "" if address is None or address.ip == own else str(address.ip)
    first, last = appearance.addresses
    if first == last:
        return "" if first == own else str(first)
    *alike, end = str(last).split(".")
    return f"{first}\N{EN DASH}{end if str(first).split('.')[:-1] == alike else last}"
