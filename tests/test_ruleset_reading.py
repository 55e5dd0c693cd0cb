"""Any host's ruleset is read out of what `nft -j list ruleset` prints, without loss, and written as nft writes it."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwplan import UnreadableError
from fwplan.nft.expressions import (
    AnonymousSet,
    Ct,
    Element,
    Flags,
    Jump,
    Map,
    Meta,
    Number,
    Payload,
    Prefix,
    Range,
    SetReference,
    Unknown,
    Verdict,
    Word,
)
from fwplan.nft.read_ruleset import read_ruleset
from fwplan.nft.rule_text import rule_text
from fwplan.nft.ruleset import Hook, Place, Rule, Ruleset
from fwplan.nft.statements import (
    Counter,
    Match,
    Nat,
    Set,
    SynProxy,
    UseObject,
    VerdictMap,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

RULESETS = Path(__file__).parent / "rulesets"
EVERYTHING = ("everything.nft-1.0.6", "everything.nft-1.1.3")
each_release = pytest.mark.parametrize("name", EVERYTHING)


def listed(name: str) -> str:
    return (RULESETS / f"{name}.json").read_text(encoding="utf-8")


def listing(*items: dict[str, Any]) -> str:
    return json.dumps({"nftables": items})


def rule_of(*statements: object, **more: object) -> Rule:
    """A rule of one chain, read."""
    item = {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": statements, **more}}
    [rule] = read_ruleset(listing(item)).rules
    return rule


def unknowns(value: object) -> Iterator[Unknown]:
    """All that was not understood."""
    if isinstance(value, Unknown):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from unknowns(getattr(value, field.name))
        yield from unknowns(getattr(value, "elements", ()))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from unknowns(each)
    elif isinstance(value, dict):
        yield from unknowns(list(value.values()))


@each_release
def test_everything_that_nft_lists_is_understood(name: str) -> None:
    assert list(unknowns(read_ruleset(listed(name)))) == []


@each_release
def test_every_rule_is_there_with_its_place_and_handle(name: str) -> None:
    items = [item["rule"] for item in json.loads(listed(name))["nftables"] if "rule" in item]

    assert [
        (rule.place.family, rule.place.table, rule.place.chain, rule.handle, rule.comment)
        for rule in read_ruleset(listed(name)).rules
    ] == [(item["family"], item["table"], item["chain"], item["handle"], item.get("comment")) for item in items]


@each_release
def test_tables_and_chains_are_there(name: str) -> None:
    tables = read_ruleset(listed(name)).by_name
    assert next(iter(tables)) == ("inet", "f")
    assert {family for family, _ in tables} == {"inet", "ip", "bridge", "arp", "netdev"}
    assert tables["inet", "f"].chains["b"].hook == Hook("filter", "input", -5, "drop")
    assert tables["ip", "n"].chains["q"].hook == Hook("nat", "postrouting", 100)
    assert tables["inet", "f"].chains["a"].hook is None


def test_devices_of_ingress_are_known_where_the_listing_says_them() -> None:
    chains = read_ruleset(listed("everything.nft-1.1.3")).by_name["netdev", "nd"].chains

    assert [chain.hook.devices for chain in chains.values() if chain.hook] == [("br0",), ("br0", "lo"), ("br0",)]


@each_release
def test_sets_and_maps_are_read(name: str) -> None:
    sets = read_ruleset(listed(name)).by_name["inet", "f"].sets

    assert sets["s1"].elements == (
        Element(Word("1.2.3.4")),
        Element(Prefix(Word("10.0.0.0"), 8)),
        Element(Range(Word("192.0.2.1"), Word("192.0.2.9")), comment="x"),
    )
    assert sets["vm"].data == ("verdict",)
    assert sets["vm"].elements == (Element(Word("br0"), Jump("a")), Element(Word("virbr*"), Verdict.DROP))
    assert sets["m1"].data == ("ipv4_addr", "inet_service")
    [timed] = sets["s2"].elements
    assert (timed.timeout, timed.comment, timed.statements) == (3600, "k", (Counter(),))
    assert sets["s2"].timeout == 300
    assert list(unknowns(tuple(sets.values()))) == []


# What nft writes in the one release and not in the other, or what fwplan writes otherwise on purpose: numbers in the
# form of their datatype, brackets, and limits in full
OTHERWISE = {
    "everything.nft-1.0.6": {
        "tcp flags syn / fin,syn,rst,ack accept": "tcp flags & (fin | syn | rst | ack) == syn accept",
        "tcp flags syn,ack / syn,ack accept": "tcp flags & (syn | ack) == syn | ack accept",
        "ct state new / invalid,new accept": "ct state & (invalid | new) == new accept",
        'limit rate 3/minute log prefix "x: " flags all': (
            'limit rate 3/minute burst 5 packets log prefix "x: " flags all'
        ),
        "meter mm size 65535 { ip saddr limit rate 1/second } accept": (
            "meter mm size 65535 { ip saddr limit rate 1/second burst 5 packets } accept"
        ),
        "ct mark set ct mark & 0xffff0012 | 0x00000012": "ct mark set (ct mark & 0xffff0012) | 0x00000012",
        "meta mark set ip saddr map { 1.2.3.4 : 0x00000005 }": "meta mark set ip saddr map { 1.2.3.4 : 5 }",
    },
    "everything.nft-1.1.3": {
        "ip frag-off & 0x1fff != 0x0 drop": "ip frag-off & 8191 != 0 drop",
        "ct mark set ct mark & 0xffff0012 | 0x00000012": "ct mark set (ct mark & 0xffff0012) | 0x00000012",
        "meta mark set ip saddr map { 1.2.3.4 : 0x00000005 }": "meta mark set ip saddr map { 1.2.3.4 : 5 }",
    },
}


@each_release
def test_rules_are_written_as_nft_writes_them(name: str) -> None:
    text = (RULESETS / f"{name}.txt").read_text(encoding="utf-8")
    in_text = [
        found[1]
        for line in text.splitlines()
        if (found := re.fullmatch(r"\t\t(.*) # handle [0-9]+", line)) and not line.startswith(("\t\ttype", "\tchain"))
    ]
    wanted = [OTHERWISE[name].get(rule, rule) for rule in in_text]

    assert [rule_text(rule) for rule in read_ruleset(listed(name)).rules] == wanted


def test_a_rule_of_libvirt() -> None:
    rule = rule_of(
        {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "192.0.2.1"}},
        {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}},
        {"counter": {"packets": 4, "bytes": 300}},
        {"accept": None},
        handle=7,
    )

    assert rule == Rule(
        Place("inet", "t", "c"),
        (
            Match("==", Payload("ip", "daddr"), Word("192.0.2.1")),
            Match("in", Ct("state"), Flags((Word("established"), Word("related")))),
            Counter(),
            Verdict.ACCEPT,
        ),
    )
    assert rule.handle == 7
    assert rule_text(rule) == "ip daddr 192.0.2.1 ct state established,related counter accept"


# Forms that this machine's kernel has no use for, as libnftables-json(5) has them
RARE = [
    ({"queue": {"num": {"range": [1, 3]}, "flags": ["fanout", "bypass"]}}, "queue flags fanout,bypass to 1-3"),
    ({"queue": {"num": 5}}, "queue to 5"),
    ({"queue": None}, "queue"),
    ({"flow": {"op": "add", "flowtable": "@f"}}, "flow add @f"),
    ({"tproxy": {"family": "ip", "addr": "127.0.0.1", "port": 80}}, "tproxy ip to 127.0.0.1:80"),
    ({"dup": {"addr": "192.0.2.1", "dev": "eth0"}}, 'dup to 192.0.2.1 device "eth0"'),
    ({"fwd": {"dev": "eth0", "addr": "192.0.2.1", "family": "ip"}}, 'fwd ip to 192.0.2.1 device "eth0"'),
    ({"synproxy": {"mss": 1460, "wscale": 7, "flags": ["timestamp"]}}, "synproxy mss 1460 wscale 7 timestamp"),
    ({"synproxy": "s"}, 'synproxy name "s"'),
    ({"secmark": "s"}, 'meta secmark set "s"'),
    ({"reject": None}, "reject"),
    ({"reject": {"type": "tcp reset"}}, "reject with tcp reset"),
    ({"limit": {"rate": 5, "per": "hour", "inv": True}}, "limit rate over 5/hour"),
    ({"quota": {"val": 5, "val_unit": "mbytes", "used": 3, "used_unit": "kbytes"}}, "quota 5 mbytes"),
    ({"snat": {"addr": "2001:db8::1", "port": 80}}, "snat to [2001:db8::1]:80"),
    ({"masquerade": {"flags": "fully-random"}}, "masquerade fully-random"),
    ({"last": {"used": 5000}}, "last"),
    ({"xt": {"type": "target", "name": "CHECKSUM"}}, 'xt target "CHECKSUM"'),
    ({"map": {"op": "add", "elem": {"meta": {"key": "mark"}}, "data": 5, "map": "@m"}}, "add @m { meta mark : 5 }"),
    ({"match": {"op": "==", "left": {"dccp option": {"type": 5}}, "right": True}}, "dccp option 5 exists"),
    (
        {"match": {"op": "==", "left": {"tcp option": {"base": 5, "offset": 16, "len": 8}}, "right": 1}},
        "tcp option @5,16,8 1",
    ),
    (
        {
            "match": {
                "op": "==",
                "left": {"payload": {"tunnel": "vxlan", "protocol": "ip", "field": "saddr"}},
                "right": "1.2.3.4",
            }
        },
        "vxlan ip saddr 1.2.3.4",
    ),
]


@pytest.mark.parametrize(("statement", "text"), RARE, ids=[text for _, text in RARE])
def test_rarer_statements_are_understood(statement: dict[str, Any], text: str) -> None:
    rule = rule_of(statement)

    assert list(unknowns(rule)) == []
    assert rule_text(rule) == text


def test_what_is_not_understood_stays_and_is_shown_as_it_is() -> None:
    teleport = {"teleport": {"to": "mars"}}
    rule = rule_of(teleport, {"match": {"op": "==", "left": {"aura": {"key": "colour"}}, "right": "red"}})

    assert rule.statements == (
        Unknown("teleport", json.dumps(teleport)),
        Match("==", Unknown("aura", '{"aura": {"key": "colour"}}'), Word("red")),
    )
    assert rule_text(rule) == (
        '<unknown teleport: {"teleport": {"to": "mars"}}> <unknown aura: {"aura": {"key": "colour"}}> red'
    )


@pytest.mark.parametrize(
    "statement",
    [
        {"limit": {"rate": 5, "per": "second", "mood": "good"}},
        {"masquerade": {"port": 5, "twice": True}},
        {"counter": {"packets": "many"}},
        {"accept": {"unless": "raining"}},
        {"match": {"op": "~", "left": 1, "right": 2}},
        {"accept": None, "drop": None},
        "jump {\n accept\n}",
        ["accept"],
        7,
        None,
    ],
    ids=str,
)
def test_one_attribute_too_many_or_of_another_kind_makes_it_unknown(statement: object) -> None:
    [read] = rule_of(statement).statements

    assert isinstance(read, Unknown)
    assert json.loads(read.json) == statement


def test_what_a_later_nft_says_of_a_rule_is_not_overlooked() -> None:
    assert rule_of({"accept": None}, sealed="yes").statements == (
        Verdict.ACCEPT,
        Unknown("rule", '{"sealed": "yes"}'),
    )


def test_another_kind_of_entry_is_kept() -> None:
    ruleset = read_ruleset(listing({"wormhole": {"family": "ip"}}))

    assert ruleset == Ruleset((), None, (Unknown("wormhole", '{"family": "ip"}'),))


def test_expressions_stand_in_each_other_only_so_deep() -> None:
    deep: object = {"meta": {"key": "mark"}}
    for _ in range(200):
        deep = {"&": [deep, 1]}

    assert list(unknowns(rule_of({"match": {"op": "==", "left": deep, "right": 1}})))


BROKEN = {
    "": "no JSON",
    "{": "no JSON",
    "[]": 'no list "nftables"',
    '{"nftables": {}}': 'no list "nftables"',
    '{"nftables": [5]}': "entry 0 is not as nft lists it",
    '{"nftables": [{"metainfo": {}}, {"table": {"name": "t"}}]}': "entry 1, a table,",
    '{"nftables": [{"table": {"family": "ipx", "name": "t"}}]}': "entry 0, a table,",
    '{"nftables": [{"rule": {"family": "ip", "table": "t"}}]}': "entry 0, a rule,",
    '{"nftables": [{"rule": {"family": "ip", "table": "t", "chain": 5}}]}': "entry 0, a rule,",
    '{"nftables": [{"rule": {"family": "ip", "table": "t", "chain": "c", "expr": 5}}]}': "entry 0, a rule,",
    '{"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "hook": "input", "type": 5, "prio": 0}}]}': (
        "entry 0, a chain,"
    ),
    '{"nftables": [{"set": {"family": "ip", "table": "t", "name": "s", "type": ["mark", 5]}}]}': "entry 0, a set,",
    "[" * 100_000: "nested too deeply",
    '{"nftables": [{"rule": ' + '{"expr": [' * 3000 + "]}" * 3000 + "}]}": "nested too deeply",
}


@pytest.mark.parametrize(("document", "why"), BROKEN.items(), ids=[str(number) for number in range(len(BROKEN))])
def test_a_broken_listing_is_told(document: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=re.escape(why)):
        read_ruleset(document)


def test_elements_that_are_no_list_are_told_when_they_are_asked_for() -> None:
    item = {"set": {"family": "ip", "table": "t", "name": "s", "type": "mark", "elem": 5}}
    [table] = read_ruleset(listing(item)).tables

    with pytest.raises(UnreadableError, match="the elements of s are no list"):
        _ = table.sets["s"].elements


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["match", "op", "left", "right", "set", "elem", "payload", "family", "name", "x"]),
            below,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def _places(value: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*path, number))


_DOCUMENT = json.loads(listed("everything.nft-1.1.3"))
_ALL_PLACES = list(_places(_DOCUMENT))


@given(st.sampled_from(_ALL_PLACES), _json)
def test_whatever_stands_anywhere_it_is_read_or_refused(path: tuple[Any, ...], junk: object) -> None:
    document = json.loads(json.dumps(_DOCUMENT))
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    if path:
        place[path[-1]] = junk
    try:
        ruleset = read_ruleset(json.dumps(document if path else junk))
        list(unknowns(ruleset))
        for rule in ruleset.rules:
            rule_text(rule)
    except UnreadableError:
        pass


@given(_json)
def test_any_statement_is_read_and_none_is_lost(junk: object) -> None:
    rule = rule_of(junk, {"accept": None})

    assert len(rule.statements) == 2
    assert rule_text(rule).endswith(" accept")


def test_the_same_statement_is_read_once() -> None:
    accept = {"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "virbr0"}}
    item = {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [accept]}}
    first, second = read_ruleset(listing(item, item)).rules

    assert first.statements[0] is second.statements[0]


def test_words_of_flags_and_sets_keep_their_order() -> None:
    rule = rule_of(
        {
            "vmap": {
                "key": {"ct": {"key": "state"}},
                "data": {"set": [["invalid", {"drop": None}], ["new", {"jump": {"target": "x"}}]]},
            }
        },
        {
            "mangle": {
                "key": {"meta": {"key": "mark"}},
                "value": {"map": {"key": {"meta": {"key": "iif"}}, "data": "@m"}},
            }
        },
        {"limit": "often"},
        {"synproxy": {"mss": 5}},
        {"dnat": {"addr": "192.0.2.1", "port": {"range": [1, 2]}, "family": "ip"}},
    )

    assert rule.statements == (
        VerdictMap(
            Ct("state"), AnonymousSet((Element(Word("invalid"), Verdict.DROP), Element(Word("new"), Jump("x"))))
        ),
        Set(Meta("mark"), Map(Meta("iif"), SetReference("m"))),
        UseObject("limit", Word("often")),
        SynProxy((("mss", 5),)),
        Nat("dnat", Word("192.0.2.1"), Range(Number(1), Number(2)), "ip"),
    )
