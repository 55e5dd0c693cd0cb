"""Counterexamples are true: the kernel does with the packet what the proof says, with either ruleset."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from crossing import Crossing, UntriableError, is_as_foretold
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from namespaces import needs

from conformance.changes import Change, changes
from conformance.listing import planned_items
from fwplan.files import load
from fwplan.network.together import bridge_names
from fwplan.nft.read_ruleset import read_items
from fwplan.plan.plan import Layout, make_plan
from fwplan.prove.ending import Kind
from fwplan.prove.examples import Scene
from fwplan.prove.prove import Side, prove
from fwplan.simulate.packet import NO_INTERFACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from fwplan.prove.ending import Ending
    from fwplan.prove.prove import Example
    from fwplan.simulate.packet import Packet

pytestmark = needs("nft")

EXAMPLES = Path(__file__).parent.parent / "examples"
DEFINITIONS = ("nat", "route-dual-stack", "nat-addresses", "nat-ipv6-ports", "isolated")


@cache
def _planned(layout: Layout) -> tuple[list[Any], list[Change], Scene]:
    networks = [load(EXAMPLES / f"{name}.xml") for name in DEFINITIONS]
    items = planned_items(make_plan(networks, layout=layout))
    bridges = frozenset(name for name in bridge_names(networks) if name is not None)
    return items, list(changes(items)), Scene(bridges, tuple(ip.address for network in networks for ip in network.ips))


@pytest.fixture(scope="module")
def crossing() -> Iterator[Crossing]:
    _, _, scene = _planned(Layout.LIBVIRT)
    with Crossing([*sorted(scene.bridges), "eth0", "outside0", "outside1"]) as made:
        yield made


@pytest.mark.parametrize("layout", Layout)
def test_the_kernel_confirms_each_counterexample(
    crossing: Crossing, layout: Layout, record_property: Callable[[str, object], None]
) -> None:
    items, all_changes, scene = _planned(layout)
    original = Side("the plan", read_items(items))
    tried = confirmed = 0

    @settings(
        # all of them in the long form
        max_examples=max(len(all_changes) * settings().max_examples // 2000, 1),
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(all_changes))
    def confirms(change: Change) -> None:
        nonlocal tried, confirmed
        proof = prove(original, Side("the changed plan", read_items(change.items)), scene)
        for result in proof.results:
            if result.counterexample is not None:
                tried += 1
                confirmed += _is_confirmed(crossing, items, change, result.counterexample)

    confirms()
    record_property(
        "figure", f"counterexamples to changes of layout {layout.value}: {confirmed} of {tried} confirmed by the kernel"
    )
    assert confirmed


def _is_noticed(ending: Ending, packet: Packet) -> bool:
    """Whether anything arrives anywhere: the packet, or a message to its sender."""
    if ending.kind is Kind.PASSES:
        return True
    is_error = packet.connection is not None and packet.connection.state == "related"
    return bool(ending.told) and not is_error and packet.in_interface != NO_INTERFACE


def _is_confirmed(crossing: Crossing, items: list[Any], change: Change, example: Example) -> bool:
    packet = example.packet
    for loaded, treatment in zip((items, change.items), example.treatments, strict=True):
        (ending,) = treatment.endings
        try:
            seen = crossing.fate(loaded, packet, awaited=_is_noticed(ending, packet))
        except UntriableError:
            return False
        assert is_as_foretold(seen, ending, packet, crossing.number(packet.out_interface)), (
            f"{change.kind}: {change.before} is now {change.after}\n{packet}\n"
            f"foretold: {ending}\nseen: {seen}\nwith: {loaded}"
        )
    return True
