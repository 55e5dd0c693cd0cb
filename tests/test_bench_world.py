"""The host of `fwplan bench`: packets come through under all rules, and no rules are there but those of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from namespaces import needs

from fwplan.bench.cases import Metric, Rules
from fwplan.bench.rulesets import loads
from fwplan.bench.traffic import measure
from fwplan.bench.world import World, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = needs("nft", "iptables-restore", "ip6tables-restore", "iperf3", "trafgen")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(3, [0, 2]) as made:
        yield made


@pytest.mark.parametrize("rules", Rules)
def test_packets_come_through(rules: Rules, world: World) -> None:
    world.load(loads(rules, 3))
    for number in (0, 2):
        assert measure(world, number, Metric.CONNECTIONS, 1) > 0


def test_rules_are_those_of_the_case_alone(world: World) -> None:
    listed = {}
    for rules in (Rules.IPTABLES, Rules.MAPS, Rules.LIBVIRT, Rules.FLOOR, Rules.NONE):
        world.load(loads(rules, 3))
        with world.as_host():
            listed[rules] = run(("nft", "list", "tables")).split()
    assert listed[Rules.MAPS] == ["table", "ip", "fwplan", "table", "ip6", "fwplan"]
    assert listed[Rules.LIBVIRT] == ["table", "ip", "libvirt_network", "table", "ip6", "libvirt_network"]
    assert listed[Rules.FLOOR] == ["table", "ip", "floor"]
    assert "libvirt_network" not in listed[Rules.IPTABLES]
    assert listed[Rules.NONE] == []


@pytest.mark.parametrize("metric", [Metric.PACKETS, Metric.BULK])
def test_what_other_programs_send_is_measured(metric: Metric, world: World) -> None:
    world.load(loads(Rules.MAPS, 3))
    assert measure(world, 2, metric, 1) > 0
