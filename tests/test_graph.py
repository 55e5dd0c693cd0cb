"""What a picture of a ruleset shows: hooks, base chains by priority, jumps, owners, and where packets go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from listed import ACCEPT, COUNTER, DROP, docker, field, hook, jump, listing, meta, table
from test_trace_asked import DEFAULT, LAB, WORLD

from fwplan.audit.planned import planned_ruleset
from fwplan.graph.build import build
from fwplan.graph.colours import colours
from fwplan.graph.focus import focus_on
from fwplan.network.read import read_network
from fwplan.nft.read_ruleset import read_ruleset
from fwplan.plan.plan import Backend, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.graph.picture import Base, Node, Picture


def picture_of(*tables: Iterable[dict[str, Any]], **options: Any) -> Picture:  # noqa: ANN401 - of build
    return build(read_ruleset(listing(None, *tables)), "a host", **options)


def bases(picture: Picture, name: str, lane: str = "ip") -> list[Base]:
    (hooks,) = (each.hooks for each in picture.lanes if each.name == lane)
    (found,) = (each for each in hooks if each.name == name)
    return list(found.bases)


def tree(node: Node) -> dict[str, Any]:
    """A chain and what it leads to, by name."""
    return {f"{child.name}{'↑' if child.is_elsewhere else ''}": tree(child) for child in node.children}


# What is there


def test_hooks_stand_in_the_order_of_a_packets_way() -> None:
    picture = picture_of(docker())
    assert [hook.name for hook in picture.lanes[0].hooks] == [
        *("ingress", "prerouting", "forward", "input", "output", "postrouting")
    ]


def test_base_chains_stand_in_the_order_in_which_the_kernel_enters_them() -> None:
    made = [
        table("inet", name, {name: (hook("forward", priority), [])})
        for name, priority in (("a", 10), ("b", -5), ("c", 10), ("d", 0))
    ]
    # of two with one priority, the one that was made last comes first
    assert [base.node.name for base in bases(picture_of(*made), "forward")] == ["b", "d", "c", "a"]


def test_a_chain_stands_below_what_leads_to_it_by_whatever_way() -> None:
    vmap = {"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["eth0", {"goto": {"target": "by-name"}}]]}}}
    chains: dict[str, Any] = {
        "in": (hook("input"), [[COUNTER, jump("one")], [meta("iifname", "eth0"), {"goto": {"target": "two"}}], [vmap]]),
        "one": (None, [[jump("two")]]),
        "two": (None, [[DROP]]),
        "by-name": (None, [[ACCEPT]]),
    }
    (base,) = bases(picture_of(table("inet", "own", chains)), "input")
    assert tree(base.node) == {"one": {"two": {}}, "two↑": {}, "by-name": {}}


def test_verdicts_of_a_named_map_lead_too() -> None:
    made = table(
        "inet",
        "own",
        {
            "in": (hook("input"), [[{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@ways"}}]]),
            "guests": (None, [[DROP]]),
        },
    )
    ways = {"family": "inet", "table": "own", "name": "ways", "type": "ifname", "map": "verdict"}
    made.insert(1, {"map": {**ways, "elem": [["virbr0", {"jump": {"target": "guests"}}]]}})
    (base,) = bases(picture_of(made), "input")
    assert tree(base.node) == {"guests": {}}


def test_what_ip_and_ip6_have_alike_is_one() -> None:
    picture = build(planned_ruleset(make_plan([read_network(DEFAULT)])), "a plan")
    (forward,) = bases(picture, "forward")
    assert forward.table == "ip ip6 libvirt_network"
    assert forward.node.rules == 6


def test_what_differs_in_ip_and_ip6_is_two() -> None:
    made = [
        table(family, "filter", {"FORWARD": (hook("forward", policy=policy), [])})
        for family, policy in (("ip", "drop"), ("ip6", "accept"))
    ]
    assert [(base.table, base.policy) for base in bases(picture_of(*made), "forward")] == [
        ("ip filter", "drop"),
        ("ip6 filter", "accept"),
    ]


def test_each_chain_has_its_owner_and_a_policy_who_set_it() -> None:
    (base,) = bases(picture_of(docker()), "forward")
    assert (base.node.owner.name, base.policy_owner.name) == ("iptables / administrator", "Docker")
    assert [child.owner.name for child in base.node.children] == ["Docker", "Docker"]


def test_rules_of_bridges_have_a_lane_of_their_own() -> None:
    picture = picture_of(
        docker(),
        table("bridge", "own", {"b": (hook("forward"), [])}),
        table("netdev", "own", {"n": ({**hook("ingress"), "dev": "eth0"}, [])}),
    )
    assert [lane.name for lane in picture.lanes] == ["ip", "bridge", "netdev"]
    assert bases(picture, "ingress", "netdev")[0].devices == ("eth0",)


def test_what_no_packet_comes_to_is_told_and_not_drawn() -> None:
    lone = table("inet", "own", {"in": (hook("input"), []), "lone": (None, [])})
    dormant = table("inet", "asleep", {"x": (hook("input"), [])}, flags=["dormant"])
    picture = picture_of(lone, dormant)
    assert [node.name for node in picture.nodes] == ["in"]
    assert picture.notes == (
        "dormant, and not shown: inet asleep",
        "1 chain that nothing leads to is not shown",
    )


# Large rulesets


def test_of_a_large_ruleset_chains_whose_names_begin_alike_are_one() -> None:
    services = [f"KUBE-SVC-{number:016}" for number in range(300)]
    chains: dict[str, Any] = {
        "PREROUTING": (hook("prerouting", -100, kind="nat"), [[jump("KUBE-SERVICES")]]),
        "KUBE-SERVICES": (
            None,
            [[field("ip daddr", f"10.0.0.{n % 200}"), jump(name)] for n, name in enumerate(services)],
        ),
        **{name: (None, [[jump("KUBE-MARK-MASQ")]]) for name in services},
        "KUBE-MARK-MASQ": (None, [[ACCEPT]]),
    }
    (base,) = bases(picture_of(table("ip", "nat", chains)), "prerouting")
    assert tree(base.node) == {"KUBE-SERVICES": {"KUBE-SVC-…": {"KUBE-MARK-MASQ": {}}}}
    merged = base.node.children[0].children[0]
    assert (merged.chains, merged.rules) == (300, 300)


def test_chains_that_lead_to_each_other_in_a_ring_end() -> None:
    made = {"in": (hook("input"), [[jump("a")]]), "a": (None, [[jump("b")]]), "b": (None, [[jump("a")]])}
    (base,) = bases(picture_of(table("inet", "own", made)), "input")
    assert tree(base.node) == {"a": {"b": {"a↑": {}}}}


def test_jumps_deeper_than_the_kernel_takes_end() -> None:
    deep: dict[str, Any] = {f"c{n}": (None, [[jump(f"c{n + 1}")]]) for n in range(3000)}
    made = table("inet", "own", {"in": (hook("input"), [[jump("c0")]]), **deep})
    assert len(list(picture_of(made).nodes)) < 30


# Rules


def test_rules_are_written_out_where_they_are_few_or_asked_for() -> None:
    def shown(picture: Picture) -> int:
        return sum(len(node.shown) for node in picture.nodes)

    few = read_ruleset(listing(make_plan([read_network(LAB)])))
    drops = table("inet", "own", {"in": (hook("input"), [[DROP]] * 3)})
    many = read_ruleset(listing(make_plan([read_network(DEFAULT), read_network(LAB)]), docker(), drops))
    assert shown(build(few, "few")) == 5
    assert shown(build(few, "few", rules="none")) == 0
    assert shown(build(many, "many")) == 0
    assert shown(build(many, "many", rules="all")) == 24


def test_no_more_than_eight_rules_of_a_chain_are_written_out() -> None:
    rules = [[field("tcp dport", port), ACCEPT] for port in range(1, 12)]
    (base,) = bases(picture_of(table("inet", "own", {"in": (hook("input"), rules)})), "input")
    assert [rule.text for rule in base.node.shown] == [f"tcp dport {port} accept" for port in range(1, 9)]
    assert base.node.rules == 11


def test_rules_of_a_plan_have_their_reasons() -> None:
    plan = make_plan([read_network(DEFAULT)])
    ruleset = planned_ruleset(plan)
    picture = build(ruleset, "a plan", reason_of=lambda rule: f"because of {rule.place.chain}")
    assert {rule.reason for node in picture.nodes for rule in node.shown} == {
        *("because of guest_cross", "because of guest_input", "because of guest_output", "because of guest_nat")
    }


def test_a_plan_of_iptables_is_drawn_too() -> None:
    ruleset = planned_ruleset(make_plan([read_network(DEFAULT)], backend=Backend.IPTABLES))
    picture = build(ruleset, "a plan")
    (forward,) = bases(picture, "forward")
    assert list(tree(forward.node)) == ["LIBVIRT_FWX", "LIBVIRT_FWI", "LIBVIRT_FWO"]
    assert forward.table == "ip ip6 filter"


# A network in question


def _focused(*, everything: bool) -> Picture:
    plan = make_plan([read_network(DEFAULT)])
    harmless = table("inet", "other", {"f": (hook("forward", 9), [[meta("iifname", "wlan0"), DROP]])})
    ruleset = read_ruleset(listing(plan, docker(), harmless))
    focus = focus_on(plan.networks, ruleset, WORLD)
    return build(ruleset, "a network", focus=focus, everything=everything)


def test_only_what_the_networks_packets_meet_or_names_it_is_drawn() -> None:
    picture = _focused(everything=False)
    forward, docker_forward = bases(picture, "forward")
    assert [child.name for child in forward.node.children] == ["guest_cross", "guest_input", "guest_output"]
    assert docker_forward.node.children == ()
    assert picture.notes == ("1 base chain without a rule about these packets lets them by, and is not shown",)
    assert picture.network == "virbr0"


def test_rules_that_are_met_are_told_from_those_that_only_name_the_network() -> None:
    forward = bases(_focused(everything=False), "forward")[0]
    leaving = next(child for child in forward.node.children if child.name == "guest_output")
    assert [(rule.text, rule.is_met) for rule in leaving.shown] == [
        ('ip saddr 192.168.122.0/24 iif "virbr0" accept', True),
        ('iif "virbr0" reject', False),
        ('ip6 saddr fd00:122::/64 iif "virbr0" accept', True),
        ('iif "virbr0" reject', False),
    ]


def test_where_packets_end_by_a_policy_is_marked() -> None:
    assert [(base.node.name, base.drops) for base in bases(_focused(everything=False), "forward")] == [
        ("forward", False),
        ("FORWARD", True),
    ]


def test_the_ways_that_packets_take_are_marked() -> None:
    (lane,) = _focused(everything=False).lanes
    assert ("prerouting", "forward") in lane.moves
    assert ("output", "postrouting") in lane.moves
    # Docker lets nothing by, of IPv4; that of IPv6 is let by
    assert ("forward", "postrouting") in lane.moves


def test_the_rest_is_drawn_if_asked_for() -> None:
    picture = _focused(everything=True)
    assert [(base.node.name, base.node.is_met) for base in bases(picture, "forward")] == [
        ("forward", True),
        ("FORWARD", True),
        ("f", True),
    ]


# Colours


def test_an_owner_has_the_same_colour_in_every_picture_and_no_two_have_one() -> None:
    owners = ["libvirt", "Docker", "unknown", "Incus", "LXD", "kubelet", "Calico", "somebody"]
    found = colours(owners)
    assert list(found) == owners
    assert len(set(found.values())) == len(owners)
    assert colours(["Docker"])["Docker"] == found["Docker"]
