"""A packet's way through a host: what it meets, whose that is, which promise it keeps, and what decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from listed import ACCEPT, COUNTER, DROP, docker, field, hook, listing, meta, state, table
from test_trace_asked import DEFAULT, LAB, WORLD

from fwplan.network.read import read_network
from fwplan.nft.read_ruleset import read_ruleset
from fwplan.plan.plan import make_plan
from fwplan.preview.layout import plain
from fwplan.simulate.outcome import Accept, Refuse, RuleMet, Undecided
from fwplan.simulate.world import UNKNOWN_WORLD, World
from fwplan.trace.question import Question, read_endpoint
from fwplan.trace.reasons import Reasons
from fwplan.trace.text import trace_lines
from fwplan.trace.trace import Trace, trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from listed import Item

OPEN = DEFAULT.replace(b"'nat'", b"'open'")
ISOLATED = DEFAULT.replace(b"<forward mode='nat'/>", b"")


@dataclass(frozen=True)
class Host:
    """A host with networks on it, and with rules of others."""

    definitions: tuple[bytes, ...] = (DEFAULT,)
    others: tuple[Iterable[Item], ...] = ()
    world: World = UNKNOWN_WORLD
    settings: Mapping[str, str] | None = None

    def trace(self, source: str, destination: str, **options: str) -> Trace:
        plan = make_plan([read_network(definition) for definition in self.definitions])
        ruleset = read_ruleset(listing(plan, *self.others))
        question = Question(read_endpoint(source), read_endpoint(destination), **options)  # type: ignore[arg-type]
        return trace(question, plan.networks, ruleset, self.world, self.settings or {}, plan)


def met(found: Trace) -> list[str]:
    """The rules that it met, as their chains and numbers."""
    return [
        f"{each.rule.place.chain} {each.position + 1}"
        for outcome in found.flow.outcomes
        for each in outcome.trace
        if isinstance(each, RuleMet)
    ]


# What becomes of packets


@pytest.mark.parametrize(
    ("definition", "source", "destination", "passes"),
    [
        (DEFAULT, "guest", "outside", True),
        (DEFAULT, "guest", "guest", True),
        (DEFAULT, "guest", "host:53/udp", True),
        (DEFAULT, "host", "guest", True),
        (DEFAULT, "outside", "guest", False),
        (DEFAULT, "192.0.2.99", "198.51.100.7", True),
        (ISOLATED, "guest", "outside", False),
        (ISOLATED, "guest", "guest", True),
        (ISOLATED, "outside", "guest", False),
        (OPEN, "outside", "guest", True),
        (LAB, "outside", "guest", True),
        (LAB, "guest", "outside", True),
    ],
)
def test_on_a_host_without_other_rules_packets_fare_as_the_mode_promises(
    definition: bytes,
    source: str,
    destination: str,
    passes: bool,  # noqa: FBT001 - a column
) -> None:
    assert Host((definition,)).trace(source, destination).passes is passes


def test_a_state_is_what_rules_ask_for() -> None:
    host = Host()
    assert not host.trace("outside", "guest", state="new").passes
    assert host.trace("outside", "guest", state="established").passes
    assert not host.trace("outside", "guest", state="invalid").passes


def test_a_source_that_is_no_guests_own_is_refused() -> None:
    found = Host().trace("192.0.2.99", "outside", in_interface="virbr0")
    assert found.flow.verdict == Refuse("icmp port-unreachable")


def test_a_mark_is_on_the_packet_when_it_comes() -> None:
    rules = [[meta("mark", 16), DROP]]
    host = Host(others=(table("inet", "filter", {"pre": (hook("prerouting", -300), rules)}),))
    assert host.trace("guest", "outside").passes
    assert not host.trace("guest", "outside", mark=16).passes  # type: ignore[arg-type]


# Rules, and the promises that they keep


def test_each_rule_of_the_plan_is_told_with_its_promise() -> None:
    plan = make_plan([read_network(DEFAULT), read_network(LAB)])
    ruleset = read_ruleset(listing(plan))
    reasons = Reasons(plan)
    found = [reasons.of(rule) for rule in ruleset.rules]
    promised = [operation.intent for operation in plan.operations if operation.object.noun[0] == "rule"]
    assert {id(intent) for intent in found} == {id(intent) for intent in promised}


def test_a_rule_that_says_something_else_is_no_rule_of_the_plan() -> None:
    plan = make_plan([read_network(DEFAULT)])
    for text, other in (("192.168.122.0", "192.168.123.0"), ('"virbr0"', '"virbr9"'), ('"accept"', '"drop"')):
        changed = listing(plan).replace(text, other)
        assert changed != listing(plan)
        assert not all(map(Reasons(plan).of, read_ruleset(changed).rules))


def test_the_same_rule_in_another_form_is_the_same() -> None:
    plan = make_plan([read_network(DEFAULT)])
    written = listing(plan)
    changed = (
        written.replace('"reject": null', '"reject": {"type": "icmp", "expr": "port-unreachable"}')
        .replace('["established", "related"]', '["related", "established"]')
        .replace('{"prefix": {"addr": "255.255.255.255", "len": 32}}', '"255.255.255.255"')
    )
    assert changed != written
    assert all(map(Reasons(plan).of, read_ruleset(changed).rules))


def test_the_reply_comes_back_through_what_the_first_packet_made_of_the_connection() -> None:
    found = Host(world=WORLD).trace("guest", "192.0.2.80")
    assert str(found.flow.packet.source) == "203.0.113.5"
    assert found.answer is not None
    assert str(found.answer.sent.destination) == "203.0.113.5"
    assert str(found.answer.packet.destination) == "192.168.122.2"
    assert isinstance(found.answer.verdict, Accept)


def test_a_packet_that_is_refused_has_no_reply() -> None:
    assert Host().trace("outside", "guest").answer is None


# Who decides


def test_the_policy_that_docker_sets_is_told_as_dockers() -> None:
    found = Host(others=(docker(),)).trace("guest", "outside")
    assert found.flow.verdict == Refuse()
    assert found.decided is not None
    assert found.decided.owner.name == "Docker"
    assert met(found) == [
        *("forward 1", "forward 2", "forward 3", "guest_output 1"),
        *("FORWARD 1", "DOCKER-USER 1", "FORWARD 2"),
    ]


def test_what_is_not_known_is_told_with_what_would_decide() -> None:
    rules = [[{"limit": {"rate": 5, "burst": 5, "per": "second"}}, ACCEPT]]
    mine = table("inet", "mine", {"input": (hook("input", policy="drop"), rules)})
    found = Host(others=(mine,)).trace("guest", "host")
    assert isinstance(found.flow.verdict, Undecided)
    assert [doubt.statement for doubt in found.flow.verdict.because] == ["limit rate 5/second burst 5 packets"]
    assert not found.passes


@pytest.mark.parametrize(
    ("settings", "source", "destination", "hindrance"),
    [
        ({"net.ipv4.ip_forward": "0"}, "guest", "outside", "the host does not forward IPv4: net.ipv4.ip_forward is 0"),
        ({"net.ipv4.ip_forward": "0"}, "guest", "host", None),
        ({"net.ipv4.ip_forward": "0"}, "guest", "guest", None),
        ({"net.ipv4.ip_forward": "0"}, "host", "guest", None),
        ({"net.ipv4.ip_forward": "1"}, "guest", "outside", None),
        ({}, "guest", "outside", None),
        ({"net.ipv6.conf.all.forwarding": "0"}, "guest", "2001:db8:1::1", "the host does not forward IPv6"),
        ({"net.ipv4.conf.all.rp_filter": "1"}, "guest", "outside", None),
        (
            {"net.ipv4.conf.virbr0.rp_filter": "1", "net.ipv4.conf.all.rp_filter": "0"},
            "192.0.2.9",
            "host",
            "the host drops what comes by virbr0 from 192.0.2.9, since the way back is by eth0",
        ),
        ({"net.ipv4.conf.virbr0.rp_filter": "1", "net.ipv4.conf.all.rp_filter": "2"}, "192.0.2.9", "host", None),
    ],
)
def test_settings_of_the_kernel_that_stop_a_packet_are_told(
    settings: dict[str, str], source: str, destination: str, hindrance: str | None
) -> None:
    options = {"in_interface": "virbr0"} if source == "192.0.2.9" else {}
    if destination == "2001:db8:1::1":
        options["out_interface"] = "eth0"
    found = Host(world=WORLD, settings=settings).trace(source, destination, **options)
    assert isinstance(found.flow.verdict, Accept)
    assert found.passes is (hindrance is None)
    assert [each.startswith(hindrance or "") for each in found.hindrances] == ([True] if hindrance else [])


def test_where_the_host_has_no_way_there_that_is_told() -> None:
    world = World(WORLD.interfaces, WORLD.addresses, (), bridge_netfilter=False)
    found = Host(world=world).trace("guest", "192.0.2.1")
    assert found.flow.verdict == Refuse("icmp net-unreachable")
    assert found.decided is None
    text = plain(trace_lines(found, 80))
    assert "It is refused: there is no way to 192.0.2.1. The sender is told: icmp\nnet-unreachable." in text


# In words


def test_a_trace_in_words() -> None:
    found = Host(others=(docker(),), world=WORLD).trace("guest", "192.0.2.80:80")
    assert (
        plain(trace_lines(found, 80))
        == """\
packet · tcp, new, 192.168.122.2:50000 → 192.0.2.80:80
  from a guest of network default, by virbr0
  to outside, by eth0

forward
  ip libvirt_network forward, priority 0 · libvirt
      3  counter jump guest_output
    guest_output · libvirt
        1  ip saddr 192.168.122.0/24 iif "virbr0" counter accept
           # guests with an address of 192.168.122.0/24 may send to anywhere
           # beyond the bridge
  ip filter FORWARD, priority 0, policy drop · iptables / administrator?
         policy drop · Docker?
         # Docker sets the policy of FORWARD to drop

It is refused by the policy of ip filter FORWARD (Docker?). The sender is told
nothing.
"""
    )


def test_a_trace_with_all_that_was_met_and_the_reply() -> None:
    found = Host((LAB,), world=WORLD).trace("guest", "198.51.100.80/icmp")
    assert (
        plain(trace_lines(found, 80, everything=True, with_reply=True))
        == """\
packet · icmp echo request, new, 10.9.0.2 → 198.51.100.80
  from a guest of network lab, by virbr1
  to outside, by eth1

forward
  ip libvirt_network forward, priority 0 · libvirt
      1  counter jump guest_cross
      2  counter jump guest_input
      3  counter jump guest_output
    guest_output · libvirt
        1  ip saddr 10.9.0.0/30 iif "virbr1" oifname "eth1" counter accept
           # guests with an address of 10.9.0.0/30 may send beyond the bridge,
           # by eth1 only

It passes.

reply · icmp echo reply, established, 198.51.100.80 → 10.9.0.2

forward
  ip libvirt_network forward, priority 0 · libvirt
      1  counter jump guest_cross
      2  counter jump guest_input
    guest_input · libvirt
        1  ip daddr 10.9.0.0/30 iifname "eth1" oif "virbr1" counter accept
           # anybody may begin a connection to 10.9.0.0/30 by eth1

The reply comes back.
"""
    )


def test_no_name_drives_a_terminal_or_breaks_a_line() -> None:
    evil = "\x1b[31m\n\u202e"
    mine = table("inet", evil, {evil: (hook("forward"), [[state("new"), COUNTER, DROP]])}, comment=evil)
    rules = [[field("tcp dport", 443), {"log": {"prefix": evil}}, DROP]]
    found = Host(others=(mine, table("inet", "b", {"x": (hook("forward", 1), rules)}))).trace(
        "guest", "outside", out_interface=evil
    )
    for everything in (False, True):
        lines = plain(trace_lines(found, 80, everything=everything)).splitlines()
        assert all(line.isprintable() for line in lines)
        assert any("\\x1b[31m\\n\\u202e" in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 100, 160])
def test_lines_are_as_long_as_asked_for(width: int) -> None:
    found = Host(others=(docker(),)).trace("guest", "outside")
    lines = plain(trace_lines(found, width, everything=True, with_reply=True)).splitlines()
    assert max(map(len, lines)) <= width
