"""Proofs: both layouts mean the same, each single change is seen, and what is not known never counts as the same."""

from __future__ import annotations

import os
from collections import Counter
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import ROWS, hosts, networks
from strategies_addresses import addresses

from conformance.changes import Change, changes
from conformance.listing import planned_items
from conformance.sampling import sampled_difference
from fwplan.audit.planned import planned_ruleset
from fwplan.errors import UnreadableError
from fwplan.files import load
from fwplan.network.modes import MEANINGS
from fwplan.network.read import read_network
from fwplan.network.together import bridge_names
from fwplan.nft.read_ruleset import read_items
from fwplan.plan.plan import Backend, Layout, make_plan
from fwplan.prove.diagram import MOST_SPANS, TooIntricateError
from fwplan.prove.ending import Kind
from fwplan.prove.examples import Scene
from fwplan.prove.prove import Side, prove
from fwplan.prove.words import trace_options, treatment_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fwplan.network.definition import Network
    from fwplan.prove.prove import Example, Proof

    Item = dict[str, Any]

LONG = os.environ.get("FWPLAN_PROFILE") == "long"
EXAMPLES = Path(__file__).parent.parent / "examples"
ALL_EXAMPLES = sorted(EXAMPLES.glob("*.xml"))


def scene_of(definitions: Sequence[Network]) -> Scene:
    bridges = frozenset(name for name in bridge_names(definitions) if name is not None)
    return Scene(bridges, tuple(ip.address for network in definitions for ip in network.ips))


def layouts_proof(definitions: Sequence[Network], backend: Backend = Backend.NFTABLES) -> Proof:
    left = planned_ruleset(make_plan(definitions, backend=backend))
    right = planned_ruleset(make_plan(definitions, layout=Layout.MAPS))
    return prove(Side("libvirt's layout", left), Side("the layout maps", right), scene_of(definitions))


# Both layouts


@pytest.mark.parametrize("backend", Backend)
@pytest.mark.parametrize("path", ALL_EXAMPLES, ids=lambda path: path.stem)
def test_both_layouts_of_each_example_do_the_same(path: Path, backend: Backend) -> None:
    assert layouts_proof([load(path)], backend).holds


def test_both_layouts_of_several_networks_do_the_same() -> None:
    names = ("nat", "route-dual-stack", "nat-addresses", "nat-ipv6-ports", "isolated")
    proof = layouts_proof([load(EXAMPLES / f"{name}.xml") for name in names])
    assert proof.holds
    assert proof.classes.alike > 1000


FILTERED = [row for row in ROWS if MEANINGS[row].filtered]
NEAR = ("10.0.0.1", "10.0.0.2", "10.0.0.65", "10.0.0.129", "10.0.1.1", "10.1.0.1", "224.0.0.5")
NEAR_IPV6 = ("fd00::1", "fd00::2", "fd00:0:0:1::1", "fe80::1", "ff02::9")
overlapping = st.sampled_from([*map(ip_address, NEAR), *map(ip_address, NEAR_IPV6)])
"""Addresses whose subnets are the same, or lie in each other, more often than not."""


@settings(max_examples=max(settings().max_examples // 4, 1), suppress_health_check=list(HealthCheck))
@given(
    hosts(
        networks(
            rows=FILTERED,
            names=st.sampled_from(["br0", "br1", "br2", "br3", "br4", "eth0", "br*"]),
            of=overlapping | addresses,
        ),
        max_size=10,
    )
)
def test_both_layouts_of_any_networks_do_the_same(definitions: list[Network]) -> None:
    """Subnets overlap and nest, devices are other networks' bridges, sources are ranges with ports of their own."""
    assert layouts_proof(definitions).holds


# Single changes


CHANGED = ("nat", *(("route-dual-stack", "nat-addresses", "nat-ipv6-ports") if LONG else ()))
SAMPLES = 1000 if LONG else 60


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("layout", Layout)
def test_each_single_change_is_seen_or_has_no_effect(
    name: str, layout: Layout, record_property: Callable[[str, object], None]
) -> None:
    """The proof has tried its counterexample with the simulator; here samples are taken of what it calls the same."""
    definitions = [load(EXAMPLES / f"{name}.xml")]
    scene = scene_of(definitions)
    items = planned_items(make_plan(definitions, layout=layout))
    original = read_items(items)
    seen: Counter[str] = Counter()
    unseen: Counter[str] = Counter()
    for change in changes(items):
        changed = read_items(change.items)
        proof = prove(Side("the plan", original), Side("the changed plan", changed), scene)
        assert not proof.classes.undecided, _told(change)
        if proof.holds:
            unseen[change.kind] += 1
            assert sampled_difference(original, changed, scene, SAMPLES) is None, _told(change)
        else:
            seen[change.kind] += 1
            assert any(result.counterexample for result in proof.results)
    caught, harmless = seen.total(), unseen.total()
    record_property("figure", f"changes of {name}, layout {layout.value}: {caught} caught, {harmless} without effect")
    assert unseen.keys() - seen.keys() == {"duplicate a rule"}


def _told(change: Change) -> str:
    return f"{change.kind}: {change.before} is now {change.after}"


# What is not known


TABLE: list[Item] = [{"table": {"family": "inet", "name": "other"}}]


def chain(name: str = "forward", hook: str = "forward", priority: int = 0, policy: str = "accept") -> Item:
    base = {"type": "filter", "hook": hook, "prio": priority, "policy": policy}
    return {"chain": {"family": "inet", "table": "other", "name": name, **base}}


def rule(*statements: Item, chain_name: str = "forward") -> Item:
    return {"rule": {"family": "inet", "table": "other", "chain": chain_name, "expr": list(statements)}}


def match(left: Item, right: object, operator: str = "==") -> Item:
    return {"match": {"op": operator, "left": left, "right": right}}


def payload(protocol: str, field: str) -> Item:
    return {"payload": {"protocol": protocol, "field": field}}


DROP: Item = {"drop": None}
ACCEPT: Item = {"accept": None}
LIMIT: Item = {"limit": {"rate": 5, "per": "second"}}
FROM_BRIDGE = match({"meta": {"key": "iifname"}}, "virbr0")
NAT = [load(EXAMPLES / "nat.xml")]
PLAN = planned_items(make_plan(NAT))


def beside(
    *rules: Item,
    more: Sequence[Item] = (),
    networks_only: bool = False,
    hook: str = "forward",
    priority: int = 0,
    policy: str = "accept",
    most: int = MOST_SPANS,
) -> Proof:
    """The plan of a network, and the same with a base chain of somebody else's."""
    items = [*PLAN, *TABLE, chain("forward", hook, priority, policy), *more, *rules]
    left, right = Side("the plan", read_items(PLAN)), Side("the host", read_items(items))
    return prove(left, right, scene_of(NAT), networks_only=networks_only, most=most)


def counterexample(proof: Proof) -> Example:
    found = proof.results[0].counterexample
    assert found is not None
    return found


def doubts(proof: Proof) -> set[str]:
    return {
        doubt.statement
        for result in proof.results
        for example in result.undecided
        for treatment in example.treatments
        for doubt in treatment.because
    }


class TestOthersRules:
    """A plan, and a host with others' rules beside it."""

    def test_an_empty_chain_of_others_changes_nothing(self) -> None:
        assert beside().holds

    def test_a_policy_that_drops_is_found(self) -> None:
        example = counterexample(beside(policy="drop"))
        assert treatment_words(example.treatments[1], example.packet) == "is dropped in silence"

    def test_a_rule_for_one_port_is_found_at_that_port(self) -> None:
        example = counterexample(beside(rule(FROM_BRIDGE, match(payload("tcp", "dport"), 25), DROP)))
        assert (example.packet.protocol, example.packet.destination_port) == (6, 25)
        assert example.packet.in_interface is not None
        assert example.packet.in_interface.name == "virbr0"

    def test_a_rule_for_one_port_concerns_no_other(self) -> None:
        drops = rule(FROM_BRIDGE, match(payload("tcp", "dport"), {"range": [25, 26]}), DROP)
        excepted = [rule(FROM_BRIDGE, match(payload("tcp", "dport"), port), ACCEPT) for port in (25, 26)]
        assert beside(*excepted, drops).holds

    def test_a_rule_without_an_effect_that_anybody_sees_changes_nothing(self) -> None:
        assert beside(rule(FROM_BRIDGE, LIMIT, {"log": None})).holds

    def test_packets_of_others_are_left_out_where_that_is_asked_for(self) -> None:
        others = rule(match({"meta": {"key": "iifname"}}, "docker0"), match({"meta": {"key": "oifname"}}, "eth0"), DROP)
        assert not beside(others).holds
        assert beside(others, networks_only=True).holds

    def test_what_the_host_itself_sends_is_compared_too(self) -> None:
        to_group = match(payload("ip", "daddr"), "224.0.0.251")
        example = counterexample(beside(rule(to_group, DROP), hook="postrouting"))
        assert str(example.packet.source) == "192.168.122.1"
        assert "--in-interface" not in trace_options(example.packet)

    def test_a_mark_that_a_rule_sets_is_what_later_rules_ask_for(self) -> None:
        marks = rule(FROM_BRIDGE, {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}})
        drops = rule(match({"meta": {"key": "mark"}}, 7), DROP, chain_name="after")
        after = chain("after", priority=10)
        assert not beside(marks, drops, more=[after]).holds
        unmarks = rule({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 0}})
        assert beside(marks, unmarks, drops, more=[after]).holds

    def test_a_mark_of_a_map_is_set_only_where_the_map_has_one(self) -> None:
        marks = {"map": {"key": payload("ip", "saddr"), "data": {"set": [["192.168.122.66", 7]]}}}
        proof = beside(rule({"mangle": {"key": {"meta": {"key": "mark"}}, "value": marks}}, DROP))
        assert str(counterexample(proof).packet.source) == "192.168.122.66"
        assert not proof.classes.undecided


class TestUndecided:
    """What no class of packets tells is not known, and never the same."""

    @pytest.mark.parametrize(
        ("statement", "written"),
        [
            (LIMIT, "limit rate 5/second burst 0 packets"),
            (match({"ct": {"key": "mark"}}, 7), "ct mark 0x00000007"),
            (match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"), "fib daddr type local"),
            (match({"&": [{"meta": {"key": "mark"}}, 255]}, 7), "meta mark & 0x000000ff == 0x00000007"),
            ({"xt": {"type": "match", "name": "bpf"}}, 'xt match "bpf"'),
            (match(payload("vlan", "id"), 5), "vlan id 5"),
            (match(payload("ip", "frag-off"), 0, "!="), "ip frag-off != 0"),
        ],
    )
    def test_a_statement_that_may_turn_out_either_way(self, statement: Item, written: str) -> None:
        proof = beside(rule(FROM_BRIDGE, statement, DROP))
        assert not proof.holds
        assert not proof.classes.different
        assert {each.partition(" burst")[0] for each in doubts(proof)} == {written.partition(" burst")[0]}

    def test_it_does_not_matter_where_both_ways_end_alike(self) -> None:
        assert beside(rule(FROM_BRIDGE, LIMIT, ACCEPT)).holds

    def test_packets_that_it_does_not_concern_are_compared(self) -> None:
        proof = beside(rule(FROM_BRIDGE, LIMIT, DROP))
        assert 0 < proof.classes.undecided < proof.classes.all

    def test_the_same_unknown_on_both_sides_is_not_known_to_be_the_same(self) -> None:
        items = [*PLAN, *TABLE, chain(), rule(FROM_BRIDGE, LIMIT, DROP)]
        side = Side("the host", read_items(items))
        proof = prove(side, side, scene_of(NAT))
        assert proof.classes.undecided
        assert not proof.holds

    def test_a_difference_is_sure_where_none_of_what_may_be_is_the_same(self) -> None:
        rejects = {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}
        proof = beside(rule(FROM_BRIDGE, LIMIT, DROP), rule(FROM_BRIDGE, rejects), priority=-10)
        example = counterexample(proof)
        assert {ending.kind for ending in example.treatments[1].endings} == {Kind.REFUSED}

    def test_elements_that_come_and_go_are_not_taken_for_what_was_listed(self) -> None:
        seen = {"set": {"family": "inet", "table": "other", "name": "seen", "type": "ipv4_addr", "flags": ["dynamic"]}}
        asks = rule(match(payload("ip", "saddr"), "@seen"), DROP)
        assert doubts(beside(asks, more=[seen])) == {"ip saddr @seen"}

    def test_a_set_that_a_rule_fills_comes_and_goes_too(self) -> None:
        seen = {"set": {"family": "inet", "table": "other", "name": "seen", "type": "ipv4_addr"}}
        fills = rule({"set": {"op": "add", "elem": payload("ip", "saddr"), "set": "@seen"}})
        asks = rule(match(payload("ip", "saddr"), "@seen"), DROP)
        assert "ip saddr @seen" in doubts(beside(fills, asks, more=[seen]))

    def test_marks_of_a_map_that_comes_and_goes_may_be_any(self) -> None:
        kept = {"type": "ipv4_addr", "map": "mark", "flags": ["timeout"], "elem": [["192.168.122.66", 1]]}
        marks = {"map": {"family": "inet", "table": "other", "name": "marks", **kept}}
        looked_up = {"map": {"key": payload("ip", "saddr"), "data": "@marks"}}
        sets = rule({"mangle": {"key": {"meta": {"key": "mark"}}, "value": looked_up}})
        asks = rule(match({"meta": {"key": "mark"}}, 7), DROP)
        assert "meta mark set ip saddr map @marks" in doubts(beside(sets, asks, more=[marks]))

    def test_a_set_that_stays_is_what_was_listed(self) -> None:
        bad = {"type": "ipv4_addr", "elem": ["192.168.122.66", {"prefix": {"addr": "192.168.122.128", "len": 25}}]}
        listed = {"set": {"family": "inet", "table": "other", "name": "bad", **bad}}
        example = counterexample(beside(rule(match(payload("ip", "saddr"), "@bad"), DROP), more=[listed]))
        source = example.packet.source
        assert source == ip_address("192.168.122.66") or source in ip_network("192.168.122.128/25")

    def test_a_flowtable_may_take_later_packets_past_the_rules(self) -> None:
        offloads = rule(match({"meta": {"key": "l4proto"}}, "tcp"), {"flow": {"op": "add", "flowtable": "@fast"}})
        proof = beside(offloads, rule(FROM_BRIDGE, DROP))
        states = {
            example.packet.connection.state
            for result in proof.results
            for example in result.undecided
            if example.packet.connection is not None
        }
        assert states == {"established"}

    def test_an_interface_that_is_gone_is_none_that_a_packet_comes_by(self) -> None:
        assert beside(rule(match({"meta": {"key": "iif"}}, "4711"), DROP)).holds

    def test_a_translation_that_nft_does_not_spell_out_is_not_known(self) -> None:
        nat = {"chain": chain("nat", "postrouting", 50)["chain"] | {"type": "nat"}}
        to = match({"meta": {"key": "oifname"}}, "eth9")
        proof = beside(rule(to, {"xt": {"type": "target", "name": "SNAT"}}, chain_name="nat"), more=[nat])
        assert proof.classes.undecided or proof.classes.different


def test_a_chain_that_is_not_listed_leaves_it_open_what_becomes_of_packets() -> None:
    items = [item for item in PLAN if item.get("chain", {}).get("name") != "guest_input"]
    items = [item for item in items if item.get("rule", {}).get("chain") != "guest_input"]
    proof = prove(Side("the plan", read_items(PLAN)), Side("the host", read_items(items)), scene_of(NAT))
    assert "jump guest_input" in doubts(proof)


def test_chains_that_lead_back_to_themselves_are_not_followed_for_ever() -> None:
    loop = [{"chain": {"family": "inet", "table": "other", "name": name}} for name in ("one", "two")]
    jumps = [
        rule({"jump": {"target": "one"}}),
        rule({"jump": {"target": "two"}}, chain_name="one"),
        rule({"jump": {"target": "one"}}, chain_name="two"),
    ]
    with pytest.raises(UnreadableError, match="inet other two leads back to itself"):
        beside(*jumps, more=loop)


def test_rules_that_tell_too_much_apart_are_not_proved_and_the_place_is_told() -> None:
    with pytest.raises(TooIntricateError, match=r"too large to prove: .* at chain inet other forward more than 10,000"):
        beside(*_boxes(40), most=10_000)


def _boxes(count: int) -> Iterator[Item]:
    """Rules that each ask for four ranges which cut those of others: diagrams of them have no small form."""
    random = Random(0)  # noqa: S311 - nothing is secret here
    for _ in range(count):
        asked = []
        for field, largest in (("saddr", 32), ("daddr", 32), ("sport", 16), ("dport", 16)):
            first, last = sorted(random.sample(range(1 << largest), 2))
            left = payload("th" if largest == 16 else "ip", field)
            ends = (first, last) if largest == 16 else (str(ip_address(first)), str(ip_address(last)))
            asked.append(match(left, {"range": list(ends)}))
        yield rule(*asked, {random.choice(["accept", "drop"]): None})


def test_what_is_no_ruleset_is_told() -> None:
    with pytest.raises(UnreadableError):
        beside(more=[{"rule": {"family": "inet"}}])


def test_networks_without_rules_are_proved_by_having_none() -> None:
    proof = layouts_proof([load(EXAMPLES / "open.xml"), load(EXAMPLES / "bridge.xml")])
    assert proof.holds
    assert not any(side.ruleset.tables for side in proof.sides)


def test_an_order_that_matters_is_seen() -> None:
    """Of two networks on one subnet, with ports of their own, the later one translates."""

    def network(name: str, start: int) -> Network:
        text = (
            f"<network><name>{name}</name><bridge name='{name}'/><forward mode='nat'><nat>"
            f"<port start='{start}' end='{start + 9}'/></nat></forward><ip address='10.0.0.1' prefix='24'/></network>"
        )
        return read_network(text.encode())

    networks_ = [network("one", 2000), network("two", 3000)]
    sides = [Side(name, planned_ruleset(make_plan(each))) for name, each in (("a", networks_), ("b", networks_[::-1]))]
    example = counterexample(prove(sides[0], sides[1], scene_of(networks_)))
    words = [treatment_words(each, example.packet) for each in example.treatments]
    assert ["3000 to 3009" in words[0], "2000 to 2009" in words[1]] == [True, True]
