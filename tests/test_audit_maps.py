"""Drift in fwplan's own tables: every single change is found under its code, and nothing where nothing was changed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from strategies_crowded import crowded_hosts

from conformance.listing import planned_items
from conformance.mutations import nftables_mutations
from fwplan import Layout, Network, make_plan, read_network
from fwplan.audit.audit import audit, likely_layout
from fwplan.audit.commands import Commands
from fwplan.audit.drift import drift
from fwplan.audit.finding import Code
from fwplan.audit.read_observation import observation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fwplan.audit.observation import Observation


def _network(name: str, forward: str, subnets: str, more: str = "") -> Network:
    ips = "".join(
        f"<ip family='{'ipv6' if ':' in subnet else 'ipv4'}' address='{subnet}' prefix='{prefix}'/>"
        for subnet, prefix in (each.split("/") for each in subnets.split())
    )
    return read_network(
        f"<network{more}><name>{name}</name>{forward}<bridge name='br-{name}'/>{ips}</network>".encode()
    )


_RANGES = (
    "<forward mode='nat' dev='eth0'><nat ipv6='yes'><address start='203.0.113.4' end='203.0.113.7'/>"
    "<port start='500' end='1000'/></nat></forward>"
)
_HOSTS = {
    "nat": [_network("a", "<forward mode='nat'/>", "10.0.0.1/24")],
    "several": [
        _network("a", "<forward mode='nat'/>", "10.0.0.1/16 fd00::1/64"),
        _network("b", "<forward mode='route' dev='eth1'/>", "10.1.0.1/24"),
        _network("c", "", "10.2.0.1/24", " ipv6='yes'"),
    ],
    "overlapping": [
        _network("a", "<forward mode='nat'/>", "10.0.0.1/16"),
        _network("b", _RANGES, "10.0.1.1/24 10.0.2.129/25 fd00::1/64"),
    ],
}


def _observed(listed: dict[str, Any]) -> Observation:
    return observation_of({"looked_at": ["nftables"], "nftables": listed})


def _listing(networks: Sequence[Network]) -> dict[str, Any]:
    plan = make_plan(networks, layout=Layout.MAPS, checked=True)
    return {"nftables": planned_items(plan)}


def _codes(listed: dict[str, Any], networks: Sequence[Network]) -> set[Code]:
    plan = make_plan(networks, layout=Layout.MAPS, checked=True)
    return {finding.code for finding in drift(_observed(listed), plan, Commands(plan, {})).findings}


@pytest.mark.parametrize("name", _HOSTS)
def test_every_single_change_is_found_under_its_code(name: str, record_property: Callable[[str, object], None]) -> None:
    networks = _HOSTS[name]
    missed: Counter[str] = Counter()
    number = 0
    for mutation in nftables_mutations(_listing(networks)):
        number += 1
        codes = _codes(mutation.ruleset, networks)
        if mutation.code not in codes:
            missed[f"{mutation.kind}: not {mutation.code.name}: {sorted(code.name for code in codes)}"] += 1
    assert not missed
    assert number > 100
    record_property("figure", f"audit of the layout maps, {name}: {number} changes")


@given(crowded_hosts())
def test_nothing_is_found_where_nothing_was_changed(networks: list[Network]) -> None:
    named = [network for network in networks if all(name.isalnum() for name in _names(network))]
    if any(network.meaning.filtered for network in named):
        assert _codes(_listing(named), named) == set()


def _names(network: Network) -> list[str]:
    return [name for name in (network.bridge_name, network.forward_device) if name is not None]


def test_the_layout_is_what_the_host_has() -> None:
    networks = _HOSTS["several"]
    by_maps = _observed(_listing(networks))
    by_libvirt = _observed({"nftables": planned_items(make_plan(networks))})
    both = {"nftables": [*_listing(networks)["nftables"]]}
    both["nftables"] += planned_items(make_plan(_HOSTS["nat"]))
    assert likely_layout(by_maps, networks) is Layout.MAPS
    assert likely_layout(by_libvirt, networks) is Layout.LIBVIRT
    assert likely_layout(_observed(both), networks) is Layout.MAPS
    assert likely_layout(_observed(both), [_network("z", "<forward mode='nat'/>", "10.9.0.1/24")]) is Layout.LIBVIRT
    assert likely_layout(_observed({"nftables": []}), networks) is Layout.LIBVIRT


def _items(listed: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    return {"nftables": [*listed["nftables"], *more]}


def _added(**of_chain: object) -> dict[str, Any]:
    return {"family": "ip", "table": "fwplan", **of_chain}


def test_a_chain_that_an_earlier_definition_left_is_too_much() -> None:
    stray = {"chain": _added(name="nat-br-a-7")}
    assert _codes(_items(_listing(_HOSTS["nat"]), stray), _HOSTS["nat"]) == {Code.EXTRA_CHAIN}


def test_a_rule_of_somebody_else_is_told_as_such() -> None:
    mail = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 25}}
    strange = {"rule": _added(chain="to-br-a", expr=[mail, {"drop": None}])}
    listed = _listing(_HOSTS["nat"])
    first = next(
        place for place, item in enumerate(listed["nftables"]) if item.get("rule", {}).get("chain") == "to-br-a"
    )
    listed["nftables"].insert(first, strange)
    assert _codes(listed, _HOSTS["nat"]) == {Code.STRANGE_RULE}


def test_networks_that_are_not_given_are_let_alone() -> None:
    both = _HOSTS["nat"], [*_HOSTS["nat"], _network("z", "<forward mode='nat'/>", "10.9.0.1/24")]
    assert _codes(_listing(both[1]), both[0]) == set()


def test_a_broken_host_is_told_with_what_helps() -> None:
    networks = _HOSTS["nat"]
    listed = _listing(networks)
    for item in listed["nftables"]:
        if item.get("map", {}).get("name") == "entering":
            item["map"]["elem"] = []
    plan = make_plan(networks, layout=Layout.MAPS)
    findings = {finding.code: finding for finding in audit(_observed(listed), plan)}
    element = findings[Code.MISSING_ELEMENT]
    assert element.network == "a"
    assert "fwplan apply --layout maps" in element.remedy[-1]
    assert json.dumps(element.details) == json.dumps(['ip fwplan entering: "br-a" : goto to-br-a'])
    assert Code.PASSES in findings or Code.PARTLY_PASSES in findings


def test_an_open_network_has_no_rules_in_this_layout_either() -> None:
    was, now = (
        _network("a", "<forward mode='nat'/>", "10.0.0.1/24"),
        _network("a", "<forward mode='open'/>", "10.0.0.1/24"),
    )
    plan = make_plan([now], layout=Layout.MAPS)
    findings = {finding.code: finding for finding in audit(_observed(_listing([was])), plan)}
    assert "there are 6 rules for it" in findings[Code.OPEN_HAS_RULES].message
    assert Code.OPEN_HAS_RULES not in {finding.code for finding in audit(_observed({"nftables": []}), plan)}
