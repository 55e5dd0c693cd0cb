"""For all packets: each definition means the same in every layout and backend, and each single change of it is seen."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from conformance.changes import changes
from conformance.comparison import Comparison
from conformance.data import read_definition
from conformance.listing import planned_items
from conformance.sampling import sampled_difference
from fwplan.audit.planned import planned_ruleset
from fwplan.network.read import read_network
from fwplan.network.together import bridge_names
from fwplan.nft.read_ruleset import read_items
from fwplan.plan.plan import Backend, Layout, make_plan
from fwplan.preview.layout import plain
from fwplan.prove.examples import Scene
from fwplan.prove.prove import Side, prove
from fwplan.prove.text import proof_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fwplan.network.definition import Network
    from fwplan.prove.prove import Proof

_SAMPLES = 40
"""Packets of each version of IP that give a second opinion where a change is said to have no effect."""


def compare_proofs(tests: Path) -> Iterator[Comparison]:
    """Proofs of every definition of libvirt's firewall suite."""
    layouts = Comparison("prove: both layouts do the same with all packets")
    backends = Comparison("prove: iptables' rules do the same as nftables'")
    paths = sorted((tests / "networkxml2firewalldata").glob("*.xml"))
    for path in paths:
        network = read_network(read_definition(path))
        sides = {(backend, layout): _side(network, backend, layout) for backend, layout in _CARRIED}
        nftables, maps, iptables = (sides[each] for each in _CARRIED)
        scene = _scene(network)
        layouts.note(path.stem, _difference(prove(nftables, maps, scene)))
        backends.note(path.stem, _difference(prove(nftables, iptables, scene)))
    yield from (layouts, backends)
    with ProcessPoolExecutor() as processes:
        for layout in Layout:
            comparison = Comparison(f"prove: single changes of layout {layout.value} caught, or harmless")
            for found in processes.map(_with_changes, paths, [layout] * len(paths)):
                for what, missed in found:
                    comparison.note(what, missed)
            yield comparison


_CARRIED = (
    (Backend.NFTABLES, Layout.LIBVIRT),
    (Backend.NFTABLES, Layout.MAPS),
    (Backend.IPTABLES, Layout.LIBVIRT),
)


def _side(network: Network, backend: Backend, layout: Layout) -> Side:
    name = f"{layout.value}, {backend.value}"
    return Side(name, planned_ruleset(make_plan([network], backend=backend, layout=layout)))


def _scene(network: Network) -> Scene:
    bridges = frozenset(name for name in bridge_names([network]) if name is not None)
    return Scene(bridges, tuple(ip.address for ip in network.ips))


def _difference(proof: Proof) -> str | None:
    return None if proof.holds else plain(proof_lines(proof, "all packets", 0, [], 120))


def _with_changes(path: Path, layout: Layout) -> list[tuple[str, str | None]]:
    """(what was changed, how it was not caught) for each single change of a definition's plan."""
    network = read_network(read_definition(path))
    scene = _scene(network)
    items = planned_items(make_plan([network], layout=layout))
    original = read_items(items)
    found = []
    for change in changes(items):
        changed = read_items(change.items)
        proof = prove(Side("the plan", original), Side("the changed plan", changed), scene)
        missed = "undecided" if proof.classes.undecided and not proof.classes.different else None
        if proof.holds:
            packet = sampled_difference(original, changed, scene, _SAMPLES)
            missed = (
                None if packet is None else f"said to have no effect, and this packet is treated otherwise: {packet}"
            )
        found.append((f"{path.stem}, {change.kind}: {change.before} is now {change.after}", missed))
    return found
