"""What always holds of the simulation: the index leaves nothing out, and what is not given never misleads."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_cases import Host
from less_known import check_less_known, is_possible
from namespaces import needs
from small_world import SmallWorld
from strategies_packets import Sending, sendings
from strategies_rulesets import rulesets

from fwplan import make_plan, read_network
from fwplan.plan.as_ruleset import ruleset_of
from fwplan.simulate import chains
from fwplan.simulate.outcome import Accept, ChainEnded, Refuse, RuleMet, Undecided
from fwplan.simulate.packet import TCP, UDP, Connection, Interface, Packet
from fwplan.simulate.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fwplan.simulate.outcome import Outcome

# The index

NETWORKS = [
    read_network(
        f"""<network><name>n{number}</name><forward mode='{mode}'/><bridge name='virbr{number}'/>
              <ip address='10.0.{number}.1' prefix='{prefix}'/></network>""".encode()
    )
    for number, (mode, prefix) in enumerate([("nat", 24), ("route", 24), ("nat", 28), ("route", 23), ("nat", 30)] * 4)
]
PLANNED = ruleset_of(make_plan(NETWORKS))
interfaces = st.sampled_from([Interface(f"virbr{number}", number + 5) for number in range(22)])
addresses = st.builds("10.0.{}.{}".format, st.integers(0, 21), st.sampled_from([0, 1, 2, 3, 4, 15, 16, 255])).map(
    ip_address
)
packets = st.builds(
    Packet,
    st.just("ip"),
    interfaces,
    interfaces,
    addresses,
    addresses | st.sampled_from(["224.0.0.1", "255.255.255.255", "198.51.100.7"]).map(ip_address),
    st.sampled_from([None, TCP, UDP, 1]),
    connection=st.sampled_from([None, Connection("new"), Connection("established", "reply")]),
)


def told(outcome: Outcome) -> object:
    """The verdict, and what was met."""
    return outcome.verdict, [each for each in outcome.trace if isinstance(each, RuleMet | ChainEnded)]


_LACKING = ["mark", "in_interface", "out_interface", "source", "destination", "protocol", "connection"]


@given(packets, st.sampled_from(_LACKING), st.sampled_from(["forward", "postrouting"]))
def test_the_index_leaves_out_only_rules_that_do_not_match(packet: Packet, lacking: str, hook: str) -> None:
    nothing: dict[str, Any] = {lacking: None}
    packet = replace(packet, **nothing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "SHORT", 0)
        indexed = told(Simulator(PLANNED).at(hook, packet))
        patch.setattr(chains, "SHORT", 10_000)
        rule_by_rule = told(Simulator(PLANNED).at(hook, packet))

    assert indexed == rule_by_rule


# What is not given


@pytest.fixture(scope="module")
def small_world() -> Iterator[SmallWorld]:
    with SmallWorld() as made:
        yield made


def in_the_kernel(test: Callable[..., None]) -> Callable[..., None]:
    """Marks a test that needs nft and namespaces, unlike the others here."""
    for mark in needs("nft", "bridge"):
        test = mark(test)
    return test


@in_the_kernel
def test_what_is_not_given_leaves_the_verdict_or_the_question_open(small_world: SmallWorld) -> None:
    @settings(max_examples=max(settings().max_examples // 5, 1), suppress_health_check=list(HealthCheck))
    @given(rulesets, st.lists(sendings, min_size=4, max_size=4), st.data())
    def holds(script: str, sent: list[Sending], data: st.DataObject) -> None:
        host = Host(small_world, script)
        for sending in sent:
            check_less_known(host, sending, data, script)

    holds()


def test_kinds_of_verdicts_are_told_apart() -> None:
    assert is_possible(Accept(), Undecided((), frozenset({Accept(), Refuse()})))
    assert is_possible(Refuse("icmp port-unreachable"), Refuse(""))
    assert not is_possible(Refuse(), Accept())
    assert not is_possible(Refuse(), Undecided((), frozenset({Accept()})))
