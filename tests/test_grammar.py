"""nftables' objects in nft's own syntax and in libnftables' JSON, and names that each of the two can carry."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import pytest

from fwplan.errors import NotExpressibleError
from fwplan.nft.grammar import interface_word, pattern, quoted_interface
from fwplan.nft.json import chain_json, rule_json, table_json
from fwplan.nft.objects import (
    AddressMatch,
    Chain,
    Counter,
    Element,
    Field,
    Goto,
    Hook,
    InterfaceMatch,
    Jump,
    Masquerade,
    Meta,
    Ports,
    ProtocolMatch,
    Rule,
    Snat,
    StateMatch,
    Statement,
    Table,
    Verdict,
)
from fwplan.nft.text import chain_words, hook_text, rule_words, statements_words, table_words
from fwplan.nft.transaction import Append, Delete, Edit, Insert, Make, TakeAway, script

IP, IP6 = Table("ip", "lab"), Table("ip6", "lab")
LAN, LAN6 = IPv4Network("10.20.0.0/24"), IPv6Network("2001:db8::/64")
OUTSIDE = IPv4Address("198.51.100.1"), IPv4Address("198.51.100.4")


def match(left: object, right: object, op: str = "==") -> dict[str, object]:
    return {"match": {"op": op, "left": left, "right": right}}


def prefix(address: str, length: int) -> dict[str, object]:
    return {"prefix": {"addr": address, "len": length}}


SOURCE, DESTINATION6 = (
    {"payload": {"protocol": "ip", "field": "saddr"}},
    {"payload": {"protocol": "ip6", "field": "daddr"}},
)

STATEMENTS: list[tuple[Table, Statement, str, object]] = [
    (IP, InterfaceMatch(Meta.IIF, "br0"), 'iif "br0"', match({"meta": {"key": "iif"}}, "br0")),
    (IP, InterfaceMatch(Meta.OIF, "br0"), 'oif "br0"', match({"meta": {"key": "oif"}}, "br0")),
    (IP, InterfaceMatch(Meta.IIFNAME, "eth0"), 'iifname "eth0"', match({"meta": {"key": "iifname"}}, "eth0")),
    (IP, InterfaceMatch(Meta.OIFNAME, "e*"), 'oifname "e\\*"', match({"meta": {"key": "oifname"}}, "e\\*")),
    (IP, InterfaceMatch(Meta.OIF, "e*"), 'oif "e*"', match({"meta": {"key": "oif"}}, "e*")),
    (IP, AddressMatch(Field.SADDR, LAN), "ip saddr 10.20.0.0/24", match(SOURCE, prefix("10.20.0.0", 24))),
    (
        IP6,
        AddressMatch(Field.DADDR, LAN6, negated=True),
        "ip6 daddr != 2001:db8::/64",
        match(DESTINATION6, prefix("2001:db8::", 64), "!="),
    ),
    (IP, ProtocolMatch("udp"), "meta l4proto udp", match({"meta": {"key": "l4proto"}}, "udp")),
    (
        IP,
        StateMatch(),
        "ct state related,established",
        match({"ct": {"key": "state"}}, ["established", "related"], "in"),
    ),
    (IP, Counter(), "counter", {"counter": None}),
    (IP, Jump("guest_cross"), "jump guest_cross", {"jump": {"target": "guest_cross"}}),
    (IP, Verdict.ACCEPT, "accept", {"accept": None}),
    (IP, Verdict.RETURN, "return", {"return": None}),
    (IP, Verdict.REJECT, "reject", {"reject": None}),
    (IP, Masquerade(), "masquerade", {"masquerade": None}),
    (
        IP,
        Masquerade(Ports(1024, 65535)),
        "masquerade to :1024-65535",
        {"masquerade": {"port": {"range": [1024, 65535]}}},
    ),
    (
        IP,
        Snat(*OUTSIDE),
        "snat to 198.51.100.1-198.51.100.4",
        {"snat": {"addr": {"range": ["198.51.100.1", "198.51.100.4"]}}},
    ),
    (
        IP,
        Snat(*OUTSIDE, Ports(500, 1000)),
        "snat to 198.51.100.1-198.51.100.4:500-1000",
        {"snat": {"addr": {"range": ["198.51.100.1", "198.51.100.4"]}, "port": {"range": [500, 1000]}}},
    ),
]
"""A table, a statement in it, nft's syntax of the statement, and its JSON."""


@pytest.mark.parametrize(("table", "statement", "text", "json"), STATEMENTS, ids=[entry[2] for entry in STATEMENTS])
def test_a_statement_in_both_syntaxes(table: Table, statement: Statement, text: str, json: object) -> None:
    rule = Rule(table, "here", (statement,))
    assert " ".join(statements_words(rule, quoted_interface)) == text
    assert rule_json(rule)["expr"] == [json]


def test_a_rule_names_its_table_and_chain_first() -> None:
    rule = Rule(IP6, "guest_output", (InterfaceMatch(Meta.IIF, "br0"), Counter(), Verdict.REJECT))
    assert rule_words(rule, quoted_interface) == ["ip6", "lab", "guest_output", "iif", '"br0"', "counter", "reject"]
    assert {key: value for key, value in rule_json(rule).items() if key != "expr"} == {
        "family": "ip6",
        "table": "lab",
        "chain": "guest_output",
    }


def test_a_table_and_a_chain_that_is_only_jumped_to() -> None:
    chain = Chain(IP, "guest_cross")
    assert (table_words(IP), chain_words(chain)) == (["ip", "lab"], ["ip", "lab", "guest_cross"])
    assert table_json(IP) == {"family": "ip", "name": "lab"}
    assert chain_json(chain) == {"family": "ip", "table": "lab", "name": "guest_cross"}


def test_a_base_chain_says_where_the_kernel_enters_it() -> None:
    hook = Hook("nat", "postrouting", 100, "accept")
    assert hook_text(hook) == "{ type nat hook postrouting priority 100; policy accept; }"
    assert chain_json(Chain(IP, "guest_nat", hook)) == {
        "family": "ip",
        "table": "lab",
        "name": "guest_nat",
        "type": "nat",
        "hook": "postrouting",
        "prio": 100,
        "policy": "accept",
    }


def test_two_rules_that_say_the_same_are_equal_whatever_they_counted_and_their_handles() -> None:
    one = Rule(IP, "here", (Counter(3, 180), Verdict.ACCEPT), handle=7)
    assert one == Rule(IP, "here", (Counter(), Verdict.ACCEPT))
    assert one != Rule(IP6, "here", (Counter(), Verdict.ACCEPT))


# Names


@pytest.mark.parametrize("name", ["virbr0", "br-lan", "_a", "eth0.100", "V"])
def test_a_name_stands_bare_in_a_command_as_libvirt_gives_it(name: str) -> None:
    assert interface_word(name) == name
    assert quoted_interface(name) == f'"{name}"'


@pytest.mark.parametrize(
    "name",
    ["ip", "accept", "vmap", "filter", "0x1", "7", "-j", "a b", "a;b", "$a", "@a", "{", "a#b", "caf\u00e9", "a*"],
)
def test_a_name_that_nft_would_read_otherwise_is_quoted(name: str) -> None:
    assert interface_word(name) == f'"{name}"'


@pytest.mark.parametrize("name", ['a"b', '"', "a\nb", "a\x7f", "\u202ea"])
def test_a_name_for_which_nft_has_no_escape_is_refused(name: str) -> None:
    for write in (interface_word, quoted_interface):
        with pytest.raises(NotExpressibleError, match="whose strings have no escape for it"):
            write(name)


@pytest.mark.parametrize(("name", "alone"), [("eth0", "eth0"), ("e*h", "e*h"), ("e*", "e\\*"), ("*", "\\*")])
def test_only_a_star_at_the_end_would_match_other_names(name: str, alone: str) -> None:
    assert pattern(name) == alone


def test_a_backslash_before_a_star_at_the_end_is_refused_in_a_pattern() -> None:
    assert pattern("a\\b") == "a\\b"
    with pytest.raises(NotExpressibleError, match="would leave the backslash out"):
        pattern("a\\b*")


def test_a_star_at_the_end_of_the_longest_name_is_refused_in_a_pattern() -> None:
    assert pattern("0123456789abc*") == "0123456789abc\\*"
    with pytest.raises(NotExpressibleError, match="no room for a backslash before its star"):
        pattern("0123456789abcd*")


@pytest.mark.parametrize(("key", "name"), [(Meta.IIF, "@a"), (Meta.OIFNAME, "@a"), (Meta.OIF, "*")])
def test_a_name_that_is_a_set_or_all_in_json_is_refused(key: Meta, name: str) -> None:
    with pytest.raises(NotExpressibleError, match="would name a set or all"):
        rule_json(Rule(IP, "here", (InterfaceMatch(key, name),)))


# Transactions

BLIND = Rule(IP, "here", (Counter(), Verdict.ACCEPT))
KNOWN = Rule(IP, "here", (Counter(), Verdict.ACCEPT), handle=12)

EDITS: list[tuple[Edit, str]] = [
    (Make(IP), "add table ip lab"),
    (
        Make(Chain(IP, "forward", Hook("filter", "forward", 0, "accept"))),
        "add chain ip lab forward { type filter hook forward priority 0; policy accept; }",
    ),
    (Make(Chain(IP, "here")), "add chain ip lab here"),
    (TakeAway(Chain(IP, "forward", Hook("filter", "forward", 0, "accept"))), "delete chain ip lab forward"),
    (TakeAway(IP6), "delete table ip6 lab"),
    (Insert(BLIND), "insert rule ip lab here counter accept"),
    (Insert(BLIND, before=12), "insert rule ip lab here handle 12 counter accept"),
    (Append(BLIND), "add rule ip lab here counter accept"),
    (Append(BLIND, after=12), "add rule ip lab here handle 12 counter accept"),
    (Delete(KNOWN), "delete rule ip lab here handle 12"),
]


@pytest.mark.parametrize(("edit", "line"), EDITS, ids=[line for _, line in EDITS])
def test_an_edit_is_a_line_of_a_script(edit: Edit, line: str) -> None:
    assert script([edit]) == f"{line}\n"


def test_a_script_is_its_edits_in_order() -> None:
    assert script(edit for edit, _ in EDITS) == "".join(f"{line}\n" for _, line in EDITS)


def test_rules_at_the_ends_of_chains_of_one_table_come_in_one_block() -> None:
    moved = Rule(IP, "here", (Counter(3, 180), Verdict.ACCEPT), handle=12)
    elsewhere = Rule(IP, "there", BLIND.statements)
    assert script([Append(BLIND), Append(moved), Append(elsewhere), Insert(BLIND)]).splitlines() == [
        "table ip lab {",
        "chain here {",
        "counter accept",
        "counter packets 3 bytes 180 accept",
        "}",
        "chain there {",
        "counter accept",
        "}",
        "}",
        "insert rule ip lab here counter accept",
    ]


def test_elements_of_one_map_come_and_go_in_one_command() -> None:
    one, two = (Element(IP, "bridges", name, Goto(f"to-{name}")) for name in ("br0", "br1"))
    assert script(
        [TakeAway(one), TakeAway(two), Make(one), Make(two), Make(replace(one, map="other"))]
    ).splitlines() == [
        'delete element ip lab bridges { "br0", "br1" }',
        'add element ip lab bridges { "br0" : goto to-br0, "br1" : goto to-br1 }',
        'add element ip lab other { "br0" : goto to-br0 }',
    ]


def test_a_rule_that_only_changes_its_place_goes_on_counting() -> None:
    moved = Rule(IP, "here", (Counter(3, 180), Verdict.ACCEPT), handle=12)
    assert script([Insert(moved)]) == "insert rule ip lab here counter packets 3 bytes 180 accept\n"
