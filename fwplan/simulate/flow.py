"""The whole way of a packet through a host, hook after hook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.simulate.journey import Journey
from fwplan.simulate.outcome import Outcome, Undecided
from fwplan.simulate.simulator import known_of_all
from fwplan.simulate.state import State
from fwplan.simulate.tracing import Gone, common, verdict_of
from fwplan.simulate.walk import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.simulate.course import Course
    from fwplan.simulate.journey import Leg, WayThrough
    from fwplan.simulate.outcome import Verdict
    from fwplan.simulate.packet import Packet
    from fwplan.simulate.simulator import Simulator


@dataclass(frozen=True)
class Flow:
    """A packet's way through a host.

    Attributes:
        sent: the packet as it came.
        course: where it went, as far as it is known.
        verdict: of all hooks together.
        outcomes: at each hook, in order; for an undecided one up to the first statement that decides.
        packet: as it left the host, or came to its own programs; what is not known of it any longer is None.
    """

    sent: Packet
    course: Course | None
    verdict: Verdict
    outcomes: tuple[Outcome, ...]
    packet: Packet


def flow(simulator: Simulator, packet: Packet, course: Course | None = None) -> Flow:
    """The way of a packet through a host.

    Args:
        simulator: the host.
        packet: as it comes in by its interface, a port of a bridge or any other, or as the host itself sends it.
        course: where routing sends it, as far as rules do not change its destination; None to find it by the host's
            addresses and routes.
    """
    state = State(packet)
    journey = Journey(simulator, packet, course)
    ways = list(journey.ways(journey.first(state), state, ()))
    return _flow(packet, ways)


def _flow(packet: Packet, ways: list[WayThrough]) -> Flow:
    endings = [Ending(way.verdict, way.state, way.events, way.choices) for way in ways]  # type: ignore[arg-type]
    verdict = verdict_of(endings)
    way = ways[0]
    legs: Sequence[Leg] = way.events
    first = verdict.because[0] if isinstance(verdict, Undecided) else None
    if first is not None:
        legs = _common_legs(ways)
    outcomes = []
    for number, leg in enumerate(legs):
        last = number == len(legs) - 1
        doubt = first if last else None
        found: Verdict = leg.ending.verdict if doubt is None else verdict
        outcomes.append(Outcome(leg.family, leg.hook, found, Gone(leg.ending.state, leg.ending.events, doubt)))
    courses = {each.course for each in ways}
    course = way.course if len(courses) == 1 else None
    return Flow(packet, course, verdict, tuple(outcomes), known_of_all(endings).as_packet())


def _common_legs(ways: list[WayThrough]) -> list[Leg]:
    """The legs that all ways have in common, and of the next one what they have in common."""
    shared: list[Leg] = []
    for legs in zip(*[way.events for way in ways], strict=False):
        first = legs[0]
        if all(leg.ending.events == first.ending.events and leg[:2] == first[:2] for leg in legs[1:]):
            shared.append(first)
            continue
        if all(leg[:2] == first[:2] for leg in legs[1:]):
            events = common([leg.ending for leg in legs])
            shared.append(first._replace(ending=first.ending._replace(events=events)))
        break
    return shared
