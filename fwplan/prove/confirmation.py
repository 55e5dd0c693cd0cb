"""What the simulator makes of one packet: it has to be what the diagram says, or fwplan contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.prove.ending import Ending, Kind
from fwplan.simulate.actions import Translate
from fwplan.simulate.outcome import Accept
from fwplan.simulate.packet import NO_INTERFACE
from fwplan.simulate.state import State
from fwplan.simulate.tracing import Gone
from fwplan.simulate.walk import GAVE_UP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fwplan.simulate.outcome import Met
    from fwplan.simulate.packet import Packet
    from fwplan.simulate.simulator import Simulator
    from fwplan.simulate.ways import Event, Leaf, Way

    End = tuple[Leaf, Translate | None]
    """Where a way ends, and what translated the source on it."""


def endings(simulator: Simulator, packet: Packet) -> frozenset[Ending]:
    """All that may become of a packet at the hooks forward and postrouting; one where it is known.

    Nothing is said where there are more statements in doubt than the simulator follows.

    Args:
        simulator: a ruleset.
        packet: one that is forwarded, or sent by the host itself.
    """
    refused: set[Ending] = set()
    passing: list[End] = []
    coming = [State(packet)]
    for hook in _hooks(packet):
        ends: dict[object, End] = {}
        for state in coming:
            found = _ends(simulator.ways(hook, state, packet.family))
            if found is None:
                return frozenset()
            ends |= found
        passing = []
        for leaf, translated in ends.values():
            if isinstance(leaf.verdict, Accept):
                passing.append((leaf, translated))
            else:
                refused.add(Ending(Kind.REFUSED, told=leaf.verdict.told))
        coming = [leaf.state for leaf, _ in passing]
    return frozenset(refused | {Ending(Kind.PASSES, translate=translated) for _, translated in passing})


def way(simulator: Simulator, packet: Packet) -> tuple[Met, ...]:
    """What a packet meets, on the first of its ways."""
    met: list[Met] = []
    state = State(packet)
    for hook in _hooks(packet):
        events, leaf = _first(simulator.ways(hook, state, packet.family))
        met += Gone(leaf.state, events).trace()
        if not isinstance(leaf.verdict, Accept):
            break
        state = leaf.state
    return tuple(met)


def _hooks(packet: Packet) -> Sequence[str]:
    return ("postrouting",) if packet.in_interface == NO_INTERFACE else ("forward", "postrouting")


def _ends(way: Way) -> dict[object, End] | None:
    """Where a way may end, each end once; None where it was not followed to its end."""
    known: dict[int, dict[object, End]] = {}
    pending = [way]
    while pending:
        part = pending[-1]
        if part.doubt in GAVE_UP:
            return None
        missing = [choice for _, choice in part.choices if id(choice) not in known]
        if missing:
            pending += missing
            continue
        pending.pop()
        here = _translation(part.events)
        later = [end for _, choice in part.choices for end in known[id(choice)].values()]
        ends = [(leaf, here if after is None else after) for leaf, after in later or [(part.leaves[0], None)]]
        known[id(part)] = {(leaf.alike, translated): (leaf, translated) for leaf, translated in ends}
    return known[id(way)]


def _translation(events: Iterable[Event]) -> Translate | None:
    """The last statement that translated."""
    found = [result for _, _, _, result, _, _ in events if isinstance(result, Translate)]
    return found[-1] if found else None


def _first(way: Way) -> tuple[list[Event], Leaf]:
    events = list(way.events)
    while way.choices:
        way = way.choices[0][1]
        events += way.events
    return events, way.leaves[0]
