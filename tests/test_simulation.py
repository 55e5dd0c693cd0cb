"""What becomes of a packet, by example: rulesets as nft scripts, packets in words.

The whole of it is held against the kernel in `test_kernel_simulation.py`; here is what the kernel does not tell: what
is not known, and why.
"""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING, Any

import pytest
from namespaces import Namespace, needs

from fwplan.nft.read_ruleset import read_ruleset
from fwplan.nft.rule_text import rule_text
from fwplan.simulate.course import Bridged, Out, ToHost
from fwplan.simulate.flow import flow
from fwplan.simulate.outcome import (
    Accept,
    ChainEnded,
    Refuse,
    RuleBegun,
    RuleInDoubt,
    RuleMet,
    Translated,
    Undecided,
)
from fwplan.simulate.packet import NO_INTERFACE, TCP, UDP, Connection, Interface, Packet
from fwplan.simulate.reply import reply
from fwplan.simulate.simulator import Simulator
from fwplan.simulate.world import UNKNOWN_WORLD, Neighbour, Route, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fwplan.simulate.outcome import Outcome

    Make = Callable[..., Simulator]
    Entry = dict[str, dict[str, Any]]

pytestmark = needs("nft")

GUEST, SERVER = ip_address("192.168.122.10"), ip_address("198.51.100.7")
BRIDGE, OUTSIDE = Interface("virbr0", 3, "bridge", "ether"), Interface("eth0", 2, "", "ether")
NEW, REPLY = Connection("new"), Connection("established", "reply")
SYN = frozenset({"syn"})

TO_SERVER = Packet("ip", BRIDGE, OUTSIDE, GUEST, SERVER, TCP, 40000, 443, SYN, connection=NEW)
FROM_SERVER = Packet("ip", OUTSIDE, BRIDGE, SERVER, GUEST, TCP, 443, 40000, frozenset({"ack"}), connection=REPLY)


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with Namespace() as made:
        made.bridges(["virbr0", "eth0", "vnet0"])
        yield made


@pytest.fixture
def host(namespace: Namespace) -> Make:
    """Makes a simulator of a host with the chains of a script, in `table inet t`."""

    def make(script: str, world: World = UNKNOWN_WORLD) -> Simulator:
        if not script.lstrip().startswith("table"):
            script = f"table inet t {{\n{script}\n}}"
        namespace.run("nft", "-f", "-", given=f"flush ruleset\n{script}\n")
        return Simulator(read_ruleset(namespace.run("nft", "-j", "-a", "list", "ruleset")), world)

    return make


def met(outcome: Outcome) -> list[str]:
    """What a packet met, in a line each."""
    lines = []
    for each in outcome.trace:
        match each:
            case RuleMet(rule, _, verdict):
                lines.append(f"{rule.place.chain}: {rule_text(rule)} -> {verdict}")
            case RuleInDoubt(rule):
                lines.append(f"{rule.place.chain}: {rule_text(rule)} ?")
            case ChainEnded(chain, str() as policy):
                lines.append(f"{chain.name}: policy {policy}")
            case _:
                pass
    return lines


def why(verdict: object) -> list[str]:
    """What an undecided verdict names."""
    assert isinstance(verdict, Undecided)
    return [f"{doubt.statement}: {doubt.why}" for doubt in verdict.because]


FORWARD = "type filter hook forward priority 0"


def test_what_a_rule_accepts_goes_on_and_what_none_does_is_for_the_policy(host: Make) -> None:
    here = host(f"chain c {{ {FORWARD}; policy drop; tcp dport 443 accept; }}")

    assert here.at("forward", TO_SERVER).verdict == Accept()
    assert here.at("forward", replace(TO_SERVER, destination_port=80)).verdict == Refuse()


def test_an_accept_in_one_chain_does_not_overrule_a_drop_in_a_later_one(host: Make) -> None:
    here = host(
        """chain early { type filter hook forward priority -10; tcp dport 443 accept; }
           chain late { type filter hook forward priority 10; policy drop; udp dport 53 accept; }"""
    )
    outcome = here.at("forward", TO_SERVER)

    assert outcome.verdict == Refuse()
    assert met(outcome) == ["early: tcp dport 443 accept -> accept", "late: policy drop"]


def test_the_sender_may_be_told(host: Make) -> None:
    here = host(f"chain c {{ {FORWARD}; iifname virbr0 reject; reject with tcp reset; }}")

    assert here.at("forward", TO_SERVER).verdict == Refuse("icmp port-unreachable")
    assert here.at("forward", FROM_SERVER).verdict == Refuse("tcp reset")


def test_jumps_come_back_and_gotos_do_not(host: Make) -> None:
    here = host(
        f"""chain inner {{ tcp dport 1 drop; return; }}
            chain jumped {{ goto inner; }}
            chain gone {{ tcp dport 2 drop; }}
            chain c {{ {FORWARD}; policy drop; jump jumped; tcp dport 443 goto gone; accept; }}"""
    )
    outcome = here.at("forward", TO_SERVER)

    assert outcome.verdict == Refuse()
    assert met(outcome) == [
        "c: jump jumped -> jump jumped",
        "jumped: goto inner -> goto inner",
        "inner: return -> return",
        "c: tcp dport 443 goto gone -> goto gone",
        "c: policy drop",
    ]


def test_what_is_not_given_is_named_with_its_rule(host: Make) -> None:
    here = host(f"chain c {{ {FORWARD}; meta mark 0x1 drop; }}")
    verdict = here.at("forward", replace(TO_SERVER, mark=None)).verdict

    assert why(verdict) == ["meta mark 0x00000001: meta mark is not given"]
    assert isinstance(verdict, Undecided)
    assert verdict.possible == {Accept(), Refuse()}
    assert rule_text(verdict.because[0].rule) == "meta mark 0x00000001 drop"  # type: ignore[arg-type]


def test_what_is_not_given_does_not_matter_where_all_ways_end_alike(host: Make) -> None:
    here = host(
        f"""chain logged {{ log prefix "seen: "; counter; }}
            chain c {{ {FORWARD}; policy drop
              limit rate 1/minute log
              limit rate 1/minute jump logged
              meta mark 0x1 drop
            }}"""
    )
    outcome = here.at("forward", replace(TO_SERVER, mark=None))

    assert outcome.verdict == Refuse()
    assert met(outcome) == [
        "c: limit rate 1/minute burst 5 packets log ?",
        "c: limit rate 1/minute burst 5 packets jump logged ?",
        "c: meta mark 0x00000001 drop ?",
        "c: policy drop",
    ]


def test_the_same_question_has_the_same_answer(host: Make) -> None:
    here = host(f"chain c {{ {FORWARD}; policy drop; meta mark 0x1 accept; meta mark != 0x1 accept; }}")

    assert here.at("forward", replace(TO_SERVER, mark=None)).verdict == Accept()


def test_a_limit_may_answer_otherwise_the_next_time(host: Make) -> None:
    here = host(f"chain c {{ {FORWARD}; policy drop; limit rate 1/minute accept; limit rate over 1/minute accept; }}")

    assert why(here.at("forward", TO_SERVER).verdict) == [
        "limit rate 1/minute burst 5 packets: it depends on what came before",
        "limit rate over 1/minute burst 5 packets: it depends on what came before",
    ]


def test_only_what_decides_is_named(host: Make) -> None:
    here = host(
        f"""chain c {{ {FORWARD}
              meta priority 1 counter accept
              meta cpu 0 drop
              meta skuid 5 meta mark set 0x1
            }}"""
    )

    assert why(here.at("forward", TO_SERVER).verdict) == [
        "meta priority 0:1: meta priority is not given",
        "meta cpu 0: meta cpu is not given",
    ]


def test_a_random_number_does_not_matter_where_it_leads_to_the_same(host: Make) -> None:
    here = host(
        f"""chain one {{ accept; }}
            chain two {{ tcp dport 443 accept; drop; }}
            chain c {{ {FORWARD}; policy drop; numgen random mod 2 vmap {{ 0 : jump one, 1 : jump two }}; }}"""
    )

    assert here.at("forward", TO_SERVER).verdict == Accept()
    assert why(here.at("forward", replace(TO_SERVER, destination_port=80)).verdict) == [
        "numgen random mod 2 vmap { 0 : jump one, 1 : jump two }: numgen random mod 2 is not known beforehand"
    ]


def test_part_of_a_key_may_be_enough_to_know_that_no_element_matches(host: Make) -> None:
    here = host(f"chain c {{ {FORWARD}; ip daddr . tcp dport {{ 198.51.100.7 . 80, 192.0.2.1 . 443 }} drop; }}")
    somewhere = replace(TO_SERVER, destination=None)

    assert here.at("forward", replace(somewhere, destination_port=22)).verdict == Accept()
    assert isinstance(here.at("forward", somewhere).verdict, Undecided)


def test_a_value_of_a_map_may_not_be_there_and_ends_the_rule_then(host: Make) -> None:
    here = host(
        f"chain c {{ {FORWARD}; meta mark set ip saddr map {{ 192.168.122.10 : 1, 192.168.122.11 : 2 }} drop; }}"
    )

    assert here.at("forward", replace(TO_SERVER, source=ip_address("192.168.122.10"))).verdict == Refuse()
    assert here.at("forward", replace(TO_SERVER, source=ip_address("192.168.122.12"))).verdict == Accept()
    assert isinstance(here.at("forward", replace(TO_SERVER, source=None)).verdict, Undecided)


def test_many_rules_in_doubt_are_followed(host: Make) -> None:
    rules = "\n".join(f"limit rate {number}/minute meta mark set meta mark | 0x1" for number in range(1, 400))
    here = host(f"chain c {{ {FORWARD}; policy drop\n{rules}\ntcp dport 443 accept\n}}")

    assert here.at("forward", TO_SERVER).verdict == Accept()
    assert here.at("forward", TO_SERVER).packet.mark is None


def test_too_many_are_not(host: Make) -> None:
    rules = "\n".join(f"meta cpu {number} meta mark set meta mark ^ {1 << number % 31}" for number in range(200))
    here = host(f"chain c {{ {FORWARD}\n{rules}\nmeta mark 0x12345 drop\n}}")

    assert why(here.at("forward", TO_SERVER).verdict)[-1] == (
        "more statements in doubt than fwplan follows: each of them may decide"
    )


def test_a_change_stays_though_the_rule_does_not_hold_in_the_end(host: Make) -> None:
    here = host(f"chain c {{ {FORWARD}; meta mark set 0x5 tcp dport 80 accept; meta mark 0x5 drop; }}")
    outcome = here.at("forward", TO_SERVER)

    assert outcome.verdict == Refuse()
    assert outcome.packet.mark == 5
    assert [each.changes for each in outcome.trace if isinstance(each, RuleBegun)] == [("meta mark 0x0 → 0x5",)]


def test_a_dormant_table_sees_nothing(host: Make) -> None:
    awake = host(f"chain c {{ {FORWARD}; policy drop; }}")
    dormant = tuple(replace(table, flags=("dormant",)) for table in awake.ruleset.tables)

    assert awake.at("forward", TO_SERVER).verdict == Refuse()
    assert Simulator(replace(awake.ruleset, tables=dormant)).at("forward", TO_SERVER).verdict == Accept()


def test_a_chain_that_was_not_listed_is_in_doubt(host: Make) -> None:
    listed = host(f"chain gone {{ }}\nchain c {{ {FORWARD}; jump gone; }}").ruleset
    [table] = listed.tables
    without = replace(table, chains={name: chain for name, chain in table.chains.items() if name != "gone"})

    assert why(Simulator(replace(listed, tables=(without,))).at("forward", TO_SERVER).verdict) == [
        "jump gone: that chain is not in the listing"
    ]


def test_before_connection_tracking_every_packet_is_invalid(host: Make) -> None:
    here = host(
        """chain raw { type filter hook prerouting priority raw; ct state new drop; ct state invalid meta mark set 1; }
           chain then { type filter hook prerouting priority 0; ct state invalid drop; ct mark 0 meta mark set 2; }"""
    )
    outcome = here.at("prerouting", TO_SERVER)

    assert outcome.verdict == Accept()
    assert outcome.packet.mark == 2


def test_which_type_the_input_interface_has_depends_on_the_kernel_where_a_packet_leaves(host: Make) -> None:
    simulator = host("chain last { type filter hook postrouting priority 0; meta iiftype ether accept; drop; }")
    tunnel = replace(OUTSIDE, type="none")
    assert simulator.at("postrouting", TO_SERVER).verdict == Accept()
    verdict = simulator.at("postrouting", replace(TO_SERVER, out_interface=tunnel)).verdict
    assert isinstance(verdict, Undecided)


def test_an_interface_that_is_gone_is_none_that_is_there(namespace: Namespace) -> None:
    namespace.bridges(["virbr9"])
    namespace.run(
        "nft",
        "-f",
        "-",
        given="flush ruleset\ntable ip t { chain c { type filter hook forward priority 0; iif virbr9 drop; }\n}\n",
    )
    namespace.run("ip", "link", "delete", "virbr9")
    here = Simulator(read_ruleset(namespace.run("nft", "-j", "list", "ruleset")))

    assert here.at("forward", TO_SERVER).verdict == Accept()
    assert here.at("forward", replace(TO_SERVER, in_interface=Interface("virbr9"))).verdict == Accept()


# The whole way

WORLD = World(
    (Interface("lo", 1, "", "loopback"), BRIDGE, OUTSIDE, Interface("vnet0", 4, "tun", "ether", bridge="virbr0")),
    {
        "lo": (ip_interface("127.0.0.1/8"),),
        "virbr0": (ip_interface("192.168.122.1/24"),),
        "eth0": (ip_interface("203.0.113.5/24"),),
    },
    (Route(ip_network("0.0.0.0/0"), "eth0"),),
    {GUEST: Neighbour("vnet0", "52:54:00:00:00:10")},
)

NAT = """
chain forward { type filter hook forward priority 0; policy drop
  iifname virbr0 ip saddr 192.168.122.0/24 accept
  oifname virbr0 ct state established,related accept
}
chain nat { type nat hook postrouting priority srcnat
  ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 masquerade
}
"""


def test_a_guest_reaches_the_outside_under_the_address_of_the_host_and_is_answered(host: Make) -> None:
    here = host(NAT, WORLD)
    there = flow(here, replace(TO_SERVER, in_interface=BRIDGE, out_interface=None))

    assert there.verdict == Accept()
    assert there.course == Out(OUTSIDE)
    assert [outcome.hook for outcome in there.outcomes] == ["prerouting", "forward", "postrouting"]
    assert there.packet.source == ip_address("203.0.113.5")
    assert [each for outcome in there.outcomes for each in outcome.trace if isinstance(each, Translated)] == [
        Translated(("source 192.168.122.10 → 203.0.113.5",))
    ]

    answer = reply(there)
    assert answer is not None
    assert answer.in_interface == OUTSIDE
    assert answer.destination == ip_address("203.0.113.5")
    assert answer.tcp_flags == frozenset({"syn", "ack"})
    back = flow(here, answer)
    assert back.verdict == Accept()
    assert back.packet.destination == GUEST
    assert back.course == Out(BRIDGE, WORLD.interface("vnet0"))


def test_nobody_from_outside_begins(host: Make) -> None:
    packet = replace(TO_SERVER, in_interface=OUTSIDE, out_interface=None, source=SERVER, destination=GUEST)

    assert flow(host(NAT, WORLD), packet).verdict == Refuse()


def test_a_service_of_a_guest_is_reached_at_the_address_of_the_host(host: Make) -> None:
    here = host(
        """chain pre { type nat hook prerouting priority dstnat; tcp dport 8080 dnat ip to 192.168.122.10:80; }
           chain forward { type filter hook forward priority 0; policy drop; ct status dnat accept; }""",
        WORLD,
    )
    packet = Packet("ip", OUTSIDE, None, SERVER, ip_address("203.0.113.5"), TCP, 40000, 8080, SYN, connection=NEW)
    there = flow(here, packet)

    assert there.verdict == Accept()
    assert (there.packet.destination, there.packet.destination_port) == (GUEST, 80)
    answer = reply(there)
    assert answer is not None
    assert answer.source == GUEST
    back = flow(here, answer)
    assert back.verdict == Accept()
    assert (back.packet.source, back.packet.source_port) == (ip_address("203.0.113.5"), 8080)


def test_what_goes_to_the_host_itself_is_masqueraded_as_another_of_its_addresses(host: Make) -> None:
    world = World((), {"lo": (ip_interface("127.0.0.1/8"),), "eth0": (ip_interface("203.0.113.10/24"),)})
    simulator = host("chain last { type nat hook postrouting priority 100; masquerade; }", world)
    sent = replace(TO_SERVER, in_interface=NO_INTERFACE, out_interface=Interface("lo", 1, "", "loopback"))
    assert simulator.at("postrouting", sent).packet.source == ip_address("203.0.113.10")


def test_where_it_goes_may_be_given_or_not_be_known(host: Make) -> None:
    here = host(NAT)
    packet = replace(TO_SERVER, out_interface=None)

    assert why(flow(here, packet).verdict) == ["route to 198.51.100.7: it is not known which way it goes"]
    assert flow(here, packet, Out(OUTSIDE)).verdict == Accept()
    assert flow(here, packet, ToHost()).verdict == Accept()


def test_what_the_host_sends_itself_goes_by_output(host: Make) -> None:
    here = host("chain out { type filter hook output priority 0; policy drop; oifname lo accept; }", WORLD)
    packet = Packet("ip", NO_INTERFACE, None, ip_address("203.0.113.5"), SERVER, UDP, 5, 53, connection=NEW)

    assert flow(here, packet).verdict == Refuse()
    to_itself = flow(here, replace(packet, destination=ip_address("192.168.122.1")))
    assert to_itself.verdict == Accept()
    assert [outcome.hook for outcome in to_itself.outcomes] == ["output", "postrouting", "prerouting", "input"]


def test_frames_of_a_bridge_pass_the_rules_of_ip_only_with_bridge_netfilter(host: Make) -> None:
    other = Interface("vnet1", 5, "tun", "ether", bridge="virbr0")
    port = WORLD.interface("vnet0")
    packet = replace(TO_SERVER, in_interface=port, out_interface=None, type="other")
    script = "chain c { type filter hook forward priority 0; policy drop; }"

    def verdict(bridge_netfilter: bool | None) -> object:  # noqa: FBT001
        world = replace(WORLD, bridge_netfilter=bridge_netfilter)
        return flow(host(script, world), packet, Bridged(other)).verdict

    assert verdict(bridge_netfilter=False) == Accept()
    assert verdict(bridge_netfilter=True) == Refuse()
    assert why(verdict(bridge_netfilter=None)) == [
        "bridge-nf-call-iptables: it is not known whether rules of IP see what a bridge carries"
    ]


def test_of_iptables_extensions_nft_lists_only_the_names(namespace: Namespace) -> None:
    namespace.flush()
    namespace.run(
        "iptables-nft-restore",
        given="""*filter
:FORWARD DROP [0:0]
:LOGGED - [0:0]
-A FORWARD -i virbr0 -m comment --comment "this much is known" -j ACCEPT
-A FORWARD -j LOGGED
-A FORWARD -p udp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A LOGGED -p tcp -m tcp --syn -j TCPMSS --clamp-mss-to-pmtu
COMMIT
""",
    )
    here = Simulator(read_ruleset(namespace.run("nft", "-j", "list", "ruleset")))

    assert here.at("forward", TO_SERVER).verdict == Accept()
    assert here.at("forward", FROM_SERVER).verdict == Refuse()
    assert why(here.at("forward", replace(FROM_SERVER, protocol=UDP)).verdict) == [
        'xt match "conntrack": nft does not list what it asks for'
    ]


# What this machine's nft does not list, or its kernel does not have: out of listings as other releases give them


def chain_of(family: str, rules: list[list[Any]], **hook: object) -> list[Entry]:
    """A base chain `c` of a table `t`, as nft lists it."""
    place = {"family": family, "table": "t"}
    chain: Entry = {"chain": {**place, "name": "c", "type": "filter", "prio": 0, "policy": "accept", **hook}}
    return [chain, *({"rule": {**place, "chain": "c", "expr": statements}} for statements in rules)]


def of_listing(*items: Entry, world: World = WORLD) -> Simulator:
    return Simulator(read_ruleset(json.dumps({"nftables": items})), world)


DROP = [{"drop": None}]


def test_chains_of_a_device_come_before_all_others() -> None:
    here = of_listing(*chain_of("netdev", [DROP], hook="ingress", dev="eth0"))
    packet = replace(FROM_SERVER, out_interface=None)

    assert flow(here, packet).verdict == Refuse()
    assert flow(here, replace(TO_SERVER, out_interface=None)).verdict == Accept()


def test_a_chain_of_a_device_that_is_not_listed_may_be_that_of_any() -> None:
    here = of_listing(*chain_of("netdev", [DROP], hook="ingress"))

    assert why(flow(here, replace(FROM_SERVER, out_interface=None)).verdict) == [
        "chain netdev t c: the listing does not say of which device it is"
    ]


def test_chains_of_a_type_that_is_not_known_may_do_anything() -> None:
    here = of_listing(*chain_of("ip", [DROP], hook="forward", type="teleport"))

    assert why(here.at("forward", TO_SERVER).verdict) == ["chain ip t c: fwplan does not know chains of type teleport"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ({"queue": {"num": 1}}, "queue to 1: a program decides"),
        ({"teleport": None}, '<unknown teleport: {"teleport": null}>: fwplan does not understand it'),
        ({"synproxy": {"mss": 1460}}, "synproxy mss 1460: a program decides"),
    ],
    ids=["queue", "unknown", "synproxy"],
)
def test_statements_that_may_do_one_thing_or_the_other(statement: dict[str, object], reason: str) -> None:
    here = of_listing(*chain_of("ip", [[statement]], hook="forward"))

    assert why(here.at("forward", TO_SERVER).verdict) == [reason]


def test_hooks_of_arp_are_entered_by_arp() -> None:
    here = of_listing(*chain_of("arp", [DROP], hook="input"))

    assert flow(here, Packet("arp", OUTSIDE)).verdict == Refuse()
    assert flow(here, replace(FROM_SERVER, out_interface=None)).verdict == Accept()
