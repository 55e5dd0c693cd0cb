"""What the simulator makes of one packet: it has to be what the diagram says, or fwplan contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.prove.diagram import Ending, Kind
from fwplan.simulate.actions import Translate
from fwplan.simulate.outcome import Accept, Refuse
from fwplan.simulate.packet import NO_INTERFACE
from fwplan.simulate.state import State
from fwplan.simulate.tracing import Gone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.simulate import walk
    from fwplan.simulate.outcome import Met
    from fwplan.simulate.packet import Packet
    from fwplan.simulate.simulator import Simulator


def endings(simulator: Simulator, packet: Packet) -> frozenset[Ending]:
    """All that may become of a packet at the hooks forward and postrouting; one where it is known.

    Args:
        simulator: a ruleset.
        packet: one that is forwarded, or sent by the host itself.
    """
    return frozenset(ending for ending, _ in _ways(simulator, packet))


def way(simulator: Simulator, packet: Packet) -> tuple[Met, ...]:
    """What a packet meets, on the first of its ways."""
    _, gone = next(_ways(simulator, packet))
    return tuple(met for state, events in gone for met in Gone(state, events).trace())


_Way = tuple[tuple[State, tuple["walk.Event", ...]], ...]


def _ways(simulator: Simulator, packet: Packet) -> Iterator[tuple[Ending, _Way]]:
    state = State(packet)
    if packet.in_interface == NO_INTERFACE:
        yield from _leaving(simulator, state, ())
        return
    for forwarded in simulator.ways("forward", state, packet.family):
        before: _Way = ((forwarded.state, forwarded.events),)
        if isinstance(forwarded.verdict, Accept):
            yield from _leaving(simulator, forwarded.state, before)
        else:
            yield _refused(forwarded.verdict), before


def _leaving(simulator: Simulator, state: State, before: _Way) -> Iterator[tuple[Ending, _Way]]:
    for left in simulator.ways("postrouting", state, state.family):
        gone: _Way = (*before, (left.state, left.events))
        if isinstance(left.verdict, Accept):
            results = [event.result for event in left.events if isinstance(event.result, Translate)]
            yield Ending(Kind.PASSES, translate=results[-1] if results else None), gone
        else:
            yield _refused(left.verdict), gone


def _refused(verdict: Refuse) -> Ending:
    return Ending(Kind.REFUSED, told=verdict.told)
