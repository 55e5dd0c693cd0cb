"""A rehearsal as values for JSON: every probe, what was promised of it, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fwplan.lab.rehearsal import Rehearsal, Result
    from fwplan.lab.world import Machine, Segment, World

JSON_VERSION = 1


def rehearsal_json(rehearsal: Rehearsal) -> dict[str, Any]:
    """The rehearsal, with all that is needed to draw the matrix."""
    world = rehearsal.world
    return {
        "fwplan": JSON_VERSION,
        "backend": rehearsal.plan.backend.value,
        "layout": rehearsal.plan.layout.value,
        "as_promised": not rehearsal.differing,
        "segments": [_segment(segment) for segment in world.segments],
        "machines": [_machine(world, machine) for machine in world.machines],
        "probes": [_result(rehearsal, result) for result in rehearsal.results],
    }


def _segment(segment: Segment) -> dict[str, Any]:
    network = None if segment.share is None else segment.share.network
    return {
        "interface": segment.interface,
        "network": None if network is None else network.name,
        "mode": None if network is None else network.mode.value,
        "added": segment.is_the_labs_own,
        "addresses": [str(address) for address in segment.addresses],
    }


def _machine(world: World, machine: Machine) -> dict[str, Any]:
    segment = world.segment_of(machine)
    return {
        "name": machine.name,
        "place": world.places[machine.place].label,
        "interface": None if segment is None else segment.interface,
        "addresses": [str(address) for address in machine.addresses.values()],
    }


def _result(rehearsal: Rehearsal, result: Result) -> dict[str, Any]:
    machines = rehearsal.world.machines
    probe, promise, outcome = result.probe, result.promise, result.outcome
    source_port, destination_port = probe.ports or (None, None)
    return {
        "kind": probe.kind.value,
        "transport": probe.transport,
        "from": machines[probe.sender].name,
        "to": None if probe.receiver is None else machines[probe.receiver].name,
        "source": str(probe.source),
        "source_port": source_port,
        "destination": str(probe.destination),
        "destination_port": destination_port,
        "promised": {
            "heard_by": [machines[number].name for number in sorted(promise.hearers)],
            "answered": promise.answered,
            "source": _appearance(result),
            "because": {part.value: intent.reason for part, intent in promise.reasons.items()},
        },
        "became": {
            "heard": [
                {"by": machines[heard.machine].name, "source": str(heard.source), "source_port": heard.port}
                for heard in outcome.heard
            ],
            "answered": outcome.answered,
            "refused": outcome.refused,
        },
        "differs": [part.value for part in result.different],
        "error": rehearsal.is_an_error(result),
    }


def _appearance(result: Result) -> dict[str, Any] | None:
    appearance = result.promise.appearance
    if appearance is None:
        return None
    return {
        "of_device": appearance.device,
        "addresses": None if appearance.addresses is None else [str(address) for address in appearance.addresses],
        "ports": None if appearance.ports is None else list(appearance.ports),
    }
