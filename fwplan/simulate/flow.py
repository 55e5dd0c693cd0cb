"""The whole way of a packet through a host, hook after hook."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from fwplan.simulate.journey import Journey
from fwplan.simulate.outcome import Outcome
from fwplan.simulate.state import State
from fwplan.simulate.tracing import Gone
from fwplan.simulate.ways import Leaf, known_of_all, to_first_end, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.simulate.course import Course
    from fwplan.simulate.outcome import Doubt, Verdict
    from fwplan.simulate.packet import Packet
    from fwplan.simulate.simulator import Simulator
    from fwplan.simulate.ways import Event


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


def flow(simulator: Simulator, packet: Packet, course: Course | None = None, back: Course | None = None) -> Flow:
    """The way of a packet through a host.

    Args:
        simulator: the host.
        packet: as it comes in by its interface, a port of a bridge or any other, or as the host itself sends it.
        course: where routing sends it, as far as rules do not change its destination; None to find it by the host's
            addresses and routes.
        back: where routing sends a reply whose destination is translated to that of who began; None likewise.
    """
    state = State(packet)
    journey = Journey(simulator, packet, course, back)
    way = journey.ways(journey.first(state), state)
    verdict = verdict_of(way)
    events, _, doubt = to_first_end(way)
    courses = {journey.course_of(leaf.state) for leaf in way.leaves}
    return Flow(
        packet,
        courses.pop() if len(courses) == 1 else None,
        verdict,
        tuple(_outcomes(events, verdict, doubt, state)),
        known_of_all(way.leaves).as_packet(),
    )


def _outcomes(events: list[Event], verdict: Verdict, doubt: Doubt | None, state: State) -> Iterator[Outcome]:
    """What was met, hook by hook; the last may be one whose outcome is not known."""
    starts = [number for number, event in enumerate(events) if event[0] == "hook"]
    for start, end in pairwise([*starts, len(events)]):
        family, hook = events[start][4]
        met = events[start + 1 : end]
        leaf = met[-1][3] if met and met[-1][0] == "left" else None
        if isinstance(leaf, Leaf):
            state = leaf.state
            yield Outcome(family, hook, leaf.verdict, Gone(state, met[:-1]))
        else:
            yield Outcome(family, hook, verdict, Gone(state, met, doubt))
