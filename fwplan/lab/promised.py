"""What the networks' promises make of each probe: who hears it, under which source, and whether an answer comes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fwplan.lab.probes import Kind
from fwplan.lab.world import HOST
from fwplan.plan.expectations import Appearance, Expectations, Flow
from fwplan.plan.promises import promises

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.lab.probes import Probe
    from fwplan.lab.world import World
    from fwplan.plan.expectations import Expectation
    from fwplan.plan.intents import Intent


class Part(enum.Enum):
    """What of a probe a promise may be about, and may turn out otherwise."""

    FIRST_PACKET = "first packet"
    SOURCE = "source"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Promise:
    """What is to become of a probe.

    Attributes:
        hearers: the numbers of the machines that hear it.
        appearance: the sources under which they may see it; None where nobody hears it.
        answered: whether the sender gets an answer; False where none is asked for.
        reasons: the intents that decide each part. A part that none is about passes, and as it is.
    """

    hearers: frozenset[int]
    appearance: Appearance | None
    answered: bool
    reasons: Mapping[Part, Intent]


def promised(world: World, probes: tuple[Probe, ...]) -> tuple[Promise, ...]:
    """What is promised of each probe."""
    intents = [
        intent
        for segment in world.segments
        if segment.share is not None
        for intent in promises(segment.share.network, segment.interface)
    ]
    expectations = Expectations(intents)
    return tuple(_promise(world, expectations, probe) for probe in probes)


_NOBODY = Promise(frozenset(), None, answered=False, reasons={})


def _promise(world: World, expectations: Expectations, probe: Probe) -> Promise:
    if probe.receiver is None:
        return _to_group(world, expectations, probe)
    if _stays_on_its_bridge(world, probe):
        isolated = world.segments[probe.segment].isolates_ports
        return _NOBODY if isolated else replace(_as_it_is(probe), answered=probe.asks)
    first = _flow(world, probe)
    expected = expectations.of(first)
    if not expected.passes:
        return replace(_NOBODY, reasons=_reasons(expected))
    answer = expectations.of(_answer(world, first)) if probe.asks else None
    return Promise(
        hearers=frozenset({probe.receiver}),
        appearance=expected.appearance,
        answered=answer is not None and answer.passes and _finds_back(world, probe),
        reasons=_reasons(expected, answer),
    )


def _reasons(first: Expectation, answer: Expectation | None = None) -> dict[Part, Intent]:
    reasons = {
        Part.FIRST_PACKET: first.because,
        Part.SOURCE: first.appearance_because,
        Part.ANSWER: None if answer is None else answer.because,
    }
    return {part: intent for part, intent in reasons.items() if intent is not None}


def _to_group(world: World, expectations: Expectations, probe: Probe) -> Promise:
    """All on the bridge hear it; where ports are isolated, the host alone hears a guest."""
    segment = world.segments[probe.segment]
    guests = {machine.number for machine in world.on(segment)}
    if probe.sender != HOST:
        others = set() if segment.isolates_ports else guests - {probe.sender}
        return replace(_as_it_is(probe), hearers=frozenset(others | {HOST}))
    expected = expectations.of(_flow(world, probe))
    return Promise(
        frozenset(guests),
        expected.appearance,
        answered=False,
        reasons=_reasons(expected),
    )


def _stays_on_its_bridge(world: World, probe: Probe) -> bool:
    """Whether it goes from one guest to another without coming by the host's IP stack."""
    sender = world.machines[probe.sender]
    return (
        probe.kind is Kind.PAIR
        and probe.receiver in {machine.number for machine in world.on(world.segments[probe.segment])}
        and probe.sender != HOST
        and probe.destination in sender.addresses[probe.family].network
    )


def _as_it_is(probe: Probe) -> Promise:
    receivers = frozenset() if probe.receiver is None else frozenset({probe.receiver})
    port = None if probe.ports is None else probe.ports[0]
    appearance = Appearance(None, (probe.source, probe.source), None if port is None else (port, port))
    return Promise(receivers, appearance, answered=False, reasons={})


def _flow(world: World, probe: Probe) -> Flow:
    segment = world.segments[probe.segment]
    way = world.route(probe.destination)
    entered_by: str | None
    leaves_by: str | None
    if probe.sender == HOST:
        entered_by, leaves_by = None, segment.interface
    else:
        entered_by, leaves_by = segment.interface, None if probe.receiver == HOST or way is None else way.interface
    source_port, destination_port = probe.ports or (None, None)
    return Flow(
        source=probe.source,
        destination=probe.destination,
        transport=probe.transport,
        entered_by=entered_by,
        leaves_by=leaves_by,
        source_port=source_port,
        destination_port=destination_port,
    )


def _answer(world: World, first: Flow) -> Flow:
    """What comes back, translated back already."""
    way = world.route(first.source)
    return Flow(
        source=first.destination,
        destination=first.source,
        transport=first.transport,
        entered_by=first.leaves_by,
        leaves_by=None if first.entered_by is None or way is None else way.interface,
        source_port=first.destination_port,
        destination_port=first.source_port,
        belongs_to_connection=True,
    )


def _finds_back(world: World, probe: Probe) -> bool:
    """Whether the host knows the way to the sender."""
    return probe.sender == HOST or world.route(probe.source) is world.segments[probe.segment]
