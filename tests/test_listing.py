"""What `nft -j -a list ruleset` prints, read into rules; what is not understood keeps its place."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

import pytest

from fwplan.errors import UnreadableError
from fwplan.nft.listing import Listing, merge, read_listing
from fwplan.nft.objects import (
    AddressMatch,
    Chain,
    Counter,
    Field,
    Hook,
    InterfaceMatch,
    Jump,
    Masquerade,
    Meta,
    Ports,
    ProtocolMatch,
    Snat,
    StateMatch,
    Statement,
    Table,
    Verdict,
)

_TABLE = Table("ip", "libvirt_network")


def _listing(*items: dict[str, Any]) -> Listing:
    return read_listing(json.dumps({"nftables": [{"metainfo": {"json_schema_version": 1}}, *items]}))


def _rule(*expressions: object, handle: int = 7, family: str = "ip") -> dict[str, Any]:
    place = {"family": family, "table": "libvirt_network", "chain": "guest_output"}
    return {"rule": {**place, "handle": handle, "expr": list(expressions)}}


def _statements(*expressions: object) -> tuple[Statement, ...] | None:
    [listed] = _listing(_rule(*expressions)).listed[_TABLE, "guest_output"]
    return None if listed.rule is None else listed.rule.statements


def _meta(key: str, right: object, operator: str = "==") -> dict[str, Any]:
    return {"match": {"op": operator, "left": {"meta": {"key": key}}, "right": right}}


def _payload(field: str, right: object, operator: str = "==") -> dict[str, Any]:
    return {"match": {"op": operator, "left": {"payload": {"protocol": "ip", "field": field}}, "right": right}}


def _prefix(address: str, length: int) -> dict[str, Any]:
    return {"prefix": {"addr": address, "len": length}}


@pytest.mark.parametrize(
    ("expression", "statement"),
    [
        (_meta("iif", "virbr0"), InterfaceMatch(Meta.IIF, "virbr0")),
        (_meta("oifname", "eth0"), InterfaceMatch(Meta.OIFNAME, "eth0")),
        (_meta("l4proto", "tcp"), ProtocolMatch("tcp")),
        (_payload("saddr", _prefix("10.0.0.0", 8)), AddressMatch(Field.SADDR, IPv4Network("10.0.0.0/8"))),
        (_payload("daddr", "10.0.0.1"), AddressMatch(Field.DADDR, IPv4Network("10.0.0.1/32"))),
        (
            _payload("daddr", _prefix("10.0.0.0", 8), "!="),
            AddressMatch(Field.DADDR, IPv4Network("10.0.0.0/8"), negated=True),
        ),
        (_payload("saddr", _prefix("2001:db8::", 32)), AddressMatch(Field.SADDR, IPv6Network("2001:db8::/32"))),
        ({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, StateMatch()),
        ({"counter": {"packets": 5, "bytes": 9}}, Counter()),
        ({"jump": {"target": "guest_nat"}}, Jump("guest_nat")),
        ({"accept": None}, Verdict.ACCEPT),
        ({"return": None}, Verdict.RETURN),
        ({"reject": {"type": "icmp", "expr": "port-unreachable"}}, Verdict.REJECT),
        ({"masquerade": None}, Masquerade()),
        ({"masquerade": {"port": {"range": [1024, 65535]}}}, Masquerade(Ports(1024, 65535))),
        (
            {"snat": {"addr": {"range": ["192.0.2.1", "192.0.2.9"]}, "port": {"range": [1, 2]}}},
            Snat(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.9"), Ports(1, 2)),
        ),
        ({"snat": {"addr": _prefix("192.0.2.0", 30)}}, Snat(IPv4Address("192.0.2.0"), IPv4Address("192.0.2.3"))),
    ],
)
def test_a_statement_is_read(expression: dict[str, Any], statement: Statement) -> None:
    assert _statements(expression) == (statement,)


@pytest.mark.parametrize(
    "expression",
    [
        _meta("iifname", "vnet*"),
        _meta("iif", "virbr0", "!="),
        _meta("mark", 1),
        _payload("saddr", {"set": ["10.0.0.1", "10.0.0.2"]}),
        _payload("ttl", 1),
        {"reject": {"type": "tcp reset"}},
        {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["new"]}},
        {"limit": {"rate": 1, "per": "second"}},
        {"log": None},
        {"xt": {"type": "target", "name": "LOG"}},
        {"masquerade": {"flags": "random"}},
    ],
)
def test_what_is_more_than_libvirt_says_is_not_understood(expression: dict[str, Any]) -> None:
    assert _statements(expression, {"accept": None}) is None


def test_a_rule_that_is_not_understood_keeps_its_place_and_its_handle() -> None:
    listing = _listing(_rule({"accept": None}, handle=1), _rule({"log": None}, handle=2), _rule(handle=3))
    entries = listing.listed[_TABLE, "guest_output"]
    assert [entry.handle for entry in entries] == [1, 2, 3]
    assert [entry.rule is None for entry in entries] == [False, True, False]
    assert listing.rule_counts[_TABLE] == 3


def test_counters_keep_what_they_have_counted_and_are_equal_all_the_same() -> None:
    statements = _statements({"counter": {"packets": 5, "bytes": 9}})
    assert statements == (Counter(),)
    assert isinstance(statements[0], Counter)
    assert (statements[0].packets, statements[0].bytes) == (5, 9)


def test_chains_have_their_hooks() -> None:
    base = {"family": "ip", "table": "libvirt_network", "name": "forward", "handle": 1}
    hook = {"type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}
    other = {"type": "route", "hook": "output", "prio": 0, "policy": "accept"}
    assert _listing({"chain": base | hook}).chains[_TABLE, "forward"] == Chain(
        _TABLE, "forward", Hook("filter", "forward", 0, "accept")
    )
    assert _listing({"chain": base | other}).chains[_TABLE, "forward"].hook is None


def test_rules_of_other_families_are_counted_only() -> None:
    listing = _listing(_rule({"accept": None}, family="inet"))
    assert listing.rules == ()


def test_listings_of_several_tables_are_one() -> None:
    one = _listing({"table": {"family": "ip", "name": "libvirt_network"}}, _rule({"accept": None}))
    two = _listing({"table": {"family": "ip6", "name": "libvirt_network"}})
    together = merge([one, two])
    assert together.tables == one.tables | two.tables
    assert together.listed == one.listed


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", '{"nftables": 1}', '{"nftables": [1]}', '{"nftables": [{"rule": {}}]}', "[" * 100_000]
)
def test_what_is_no_listing_is_refused(document: str) -> None:
    with pytest.raises(UnreadableError, match="not a ruleset"):
        read_listing(document)
