"""A proof as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fwplan.prove.ending import Kind
from fwplan.prove.words import deciders, trace_options
from fwplan.simulate.fib import address_of
from fwplan.trace.document import doubt_json, packet_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.prove.ending import Ending
    from fwplan.prove.prove import Example, FamilyResult, Proof, Side, Treatment
    from fwplan.simulate.packet import Interface, Packet

    Json = dict[str, Any]

SHAPE = 1
"""Version of the JSON; it grows when a field changes its meaning or goes."""


def proof_json(proof: Proof, networks: Sequence[str], *, networks_only: bool, seconds: float) -> Json:
    """All that came of a proof."""
    return {
        "fwplan": SHAPE,
        "proved": proof.holds,
        "sides": [side.name for side in proof.sides],
        "networks": list(networks),
        "packets": "networks" if networks_only else "all",
        "classes": _classes(proof),
        "seconds": round(seconds, 3),
        "families": [_family(proof, result) for result in proof.results],
    }


def _classes(counted: Proof | FamilyResult) -> Json:
    return dict(counted.classes._asdict())


def _family(proof: Proof, result: FamilyResult) -> Json:
    counterexample = result.counterexample
    return {
        "family": result.family,
        "classes": _classes(result),
        "counterexample": None if counterexample is None else _example(proof, counterexample),
        "undecided": [_example(proof, example) for example in result.undecided],
    }


def _example(proof: Proof, example: Example) -> Json:
    packet = example.packet
    return {
        "packet": packet_json(packet)
        | {"in_interface": _name(packet.in_interface), "out_interface": _name(packet.out_interface)},
        "trace": trace_options(packet),
        "outcomes": [
            _treatment(treatment, side, packet) for treatment, side in zip(example.treatments, proof.sides, strict=True)
        ],
    }


def _name(interface: Interface | None) -> str | None:
    return interface.name if interface is not None and interface.name else None


def _treatment(treatment: Treatment, side: Side, packet: Packet) -> Json:
    return {
        "side": side.name,
        "possible": sorted((_ending(each, packet) for each in treatment.endings), key=str),
        "because": [doubt_json(doubt) for doubt in treatment.because],
        "rules": [
            {"where": each.where, "rule": each.text, "owner": each.owner} for each in deciders(treatment, side.ruleset)
        ],
    }


def _ending(ending: Ending, packet: Packet) -> Json:
    if ending.kind is Kind.REFUSED:
        return {"verdict": "refused", "told": ending.told}
    translate = ending.translate
    if translate is None:
        return {"verdict": "passes", "source": None}
    addresses = translate.addresses
    return {
        "verdict": "passes",
        "source": {
            "kind": translate.kind,
            "addresses": None if addresses is None else [str(address_of(each, packet.family)) for each in addresses],
            "ports": None if translate.ports is None else list(translate.ports),
            "random": translate.random,
            "netmap": translate.netmap,
            "persistent": translate.persistent,
            "known": translate.known,
        },
    }
