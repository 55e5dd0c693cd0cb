"""The simulator against the kernel: rulesets are loaded, packets really sent, and the kernel tells what they met."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_cases import Host, Tally, try_packet
from namespaces import needs
from small_world import SmallWorld
from strategies_packets import Sending, sendings
from strategies_rulesets import rulesets

from fwplan.simulate import chains

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = needs("nft", "bridge")

LIKE_OTHERS = sorted((Path(__file__).parent / "rulesets").glob("like-*.nft"))
PACKETS = 8
packets_of_a_host = st.lists(sendings, min_size=PACKETS, max_size=PACKETS)


@pytest.fixture(scope="module")
def small_world() -> Iterator[SmallWorld]:
    with SmallWorld() as made:
        yield made


def test_the_simulator_foretells_what_the_kernel_does(
    small_world: SmallWorld, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    tally = Tally(Counter())
    # these chains are short, and the index is what is tried too
    monkeypatch.setattr(chains, "SHORT", 0)

    @settings(max_examples=settings().max_examples // 6, suppress_health_check=list(HealthCheck))
    @given(rulesets, packets_of_a_host, st.booleans())
    def foretells(script: str, packets: list[Sending], bridge_netfilter: bool) -> None:  # noqa: FBT001 - drawn
        small_world.bridge_netfilter = bridge_netfilter
        host = Host(small_world, script)
        for sending in packets:
            try_packet(host, tally, sending)

    foretells()
    record_property("figure", tally.figure("rulesets of all kinds"))


@pytest.mark.parametrize("file", LIKE_OTHERS, ids=lambda file: file.stem)
def test_the_simulator_foretells_what_rules_like_those_of_others_do(
    small_world: SmallWorld, file: Path, record_property: Callable[[str, object], None]
) -> None:
    tally = Tally(Counter())
    small_world.bridge_netfilter = False
    host = Host(small_world, file.read_text(encoding="utf-8"))

    @settings(max_examples=settings().max_examples // 4, suppress_health_check=list(HealthCheck))
    @given(packets_of_a_host)
    def foretells(packets: list[Sending]) -> None:
        for sending in packets:
            try_packet(host, tally, sending)

    foretells()
    record_property("figure", tally.figure(file.stem))
