"""Traces of real hosts: each packet that was really sent there fares as it did, by the rule of the same owner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from real_hosts import FOLDER, VARIANTS, flows, named, observed

from fwplan.network.read import read_network
from fwplan.nft.rule_text import rule_text
from fwplan.plan.plan import make_plan
from fwplan.simulate.outcome import Accept, RuleMet
from fwplan.trace.question import Question, read_endpoint
from fwplan.trace.trace import trace

if TYPE_CHECKING:
    from fwplan.trace.trace import Decided, Trace

EXAMPLE = Path(__file__).parent.parent / "examples" / "nat.xml"
PLAN = make_plan([read_network(EXAMPLE.read_bytes())])

OWNERS = {
    "docker": "Docker",
    "ufw": "ufw",
    "firewalld": "firewalld",
    "iptables": "iptables / administrator",
    "nftables-service": "nftables.service / administrator",
}
"""Whose doing it is where a promise is broken, by how the name of the fixture begins."""


def traces(variant: Path) -> list[tuple[dict[str, object], Trace]]:
    """Each flow of a host, and its trace."""
    host = observed(variant)
    found = []
    for flow in flows(variant):
        question = Question(read_endpoint(str(flow["from"])), read_endpoint(str(flow["to"])))
        answer = trace(question, PLAN.networks, host.ruleset, host.world, host.settings, PLAN)
        found.append((flow, answer))
    return found


def passes(found: Trace) -> bool:
    """Whether a packet and the reply to it get through, for certain."""
    reply = found.answer is None or isinstance(found.answer.verdict, Accept)
    return found.passes and reply


def place_and_text(decided: Decided) -> tuple[str, str]:
    if isinstance(decided.by, RuleMet):
        return str(decided.by.rule.place), rule_text(decided.by.rule)
    return str(decided.by.chain.place), f"policy {decided.by.policy}"


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
def test_packets_fare_as_they_really_did(variant: Path) -> None:
    found = {str(flow["flow"]): "passes" if passes(answer) else "refused" for flow, answer in traces(variant)}
    assert found == {str(flow["flow"]): flow["outcome"] for flow in flows(variant)}


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
def test_the_true_culprit_is_named(variant: Path) -> None:
    for flow, answer in traces(variant):
        culprit = flow["culprit"]
        decided = answer.decided or answer.decided_of_reply
        if isinstance(culprit, dict) and culprit.get("chain"):
            assert decided is not None, flow["flow"]
            assert place_and_text(decided)[0] == f"{culprit['table']} {culprit['chain']}", flow["flow"]


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
def test_the_address_that_the_other_side_saw_is_told(variant: Path) -> None:
    for flow, answer in traces(variant):
        if "seen as" in flow and answer.passes:
            assert str(answer.flow.packet.source) == flow["seen as"], flow["flow"]


@pytest.mark.parametrize("fixture", sorted({variant.parent.name for variant in VARIANTS}))
def test_who_breaks_a_promise_is_told(fixture: str) -> None:
    expected = next((owner for name, owner in OWNERS.items() if fixture.startswith(name)), None)
    variant = FOLDER / fixture / "libvirt-nftables"
    if expected is None or not variant.exists():
        return
    for flow, answer in traces(variant):
        if flow.get("promise") == "passes" and flow["outcome"] == "refused":
            decided = answer.decided or answer.decided_of_reply
            assert decided is not None
            assert decided.owner.name == expected, (flow["flow"], decided)
