"""Several definitions of one host: who gets which bridge, and what cannot be there together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fwplan.network.problems import Severity
from fwplan.network.read import read_network
from fwplan.network.together import bridge_names, conflicts

if TYPE_CHECKING:
    from fwplan.network.definition import Network

UUID = "<uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>"


def read(name: str, part: str = "") -> Network:
    return read_network(f"<network><name>{name}</name>{part}</network>".encode())


def bridge(name: str) -> str:
    return f"<bridge name='{name}'/>"


def existing_bridge(name: str) -> str:
    return f"<forward mode='bridge'/>{bridge(name)}"


def ip(subnet: str) -> str:
    address, _, prefix = subnet.partition("/")
    family = " family='ipv6'" if ":" in address else ""
    return f"<ip address='{address}' prefix='{prefix}'{family}/>"


def said(*networks: Network) -> list[tuple[int, str, str]]:
    """The place of the definition that each conflict is told of, how bad it is, and the message."""
    return [(place, problem.severity.value, problem.message) for place, problem in conflicts(networks)]


# Names of bridges


def test_a_managed_network_without_a_bridge_gets_the_lowest_number_that_is_free() -> None:
    networks = [read("one"), read("two", bridge("virbr0")), read("three"), read("four", bridge("virbr2"))]
    assert bridge_names(networks) == ("virbr1", "virbr0", "virbr3", "virbr2")


def test_a_template_gets_numbers_of_its_own() -> None:
    networks = [read("one", bridge("lab%d")), read("two"), read("three", bridge("lab%d"))]
    assert bridge_names(networks) == ("lab0", "virbr0", "lab1")


def test_a_name_that_an_existing_bridge_has_is_not_chosen() -> None:
    assert bridge_names([read("one"), read("two", existing_bridge("virbr0"))]) == ("virbr1", "virbr0")


def test_a_network_that_has_no_bridge_gets_none() -> None:
    macvtap = read("one", "<forward mode='vepa' dev='eth0'/>")
    functions = read("two", "<forward mode='hostdev'><pf dev='eth0'/></forward>")
    assert bridge_names([macvtap, functions, read("three")]) == (None, None, "virbr0")


# What cannot be there together


def test_networks_that_have_nothing_in_common_have_no_conflict() -> None:
    networks = [
        read("one", bridge("virbr0") + ip("10.20.0.1/24")),
        read("two", bridge("virbr1") + ip("10.20.1.1/24")),
        read("three", existing_bridge("br0")),
        read("four", "<forward mode='private' dev='eth0'/>"),
        read("five"),
        read("six"),
    ]
    assert said(*networks) == []


def test_two_networks_of_one_name_conflict() -> None:
    assert said(read("lab"), read("other"), read("lab")) == [(2, "error", "a network 'lab' was given before")]


def test_two_networks_of_one_uuid_conflict_however_it_is_spelled() -> None:
    networks = read("one", UUID), read("two", UUID.upper().replace("UUID", "uuid"))
    assert said(*networks) == [(1, "error", "network 'one' has this UUID")]


def test_one_definition_given_twice_is_told_of_its_name_and_not_of_its_uuid_as_well() -> None:
    assert said(read("lab", UUID), read("lab", UUID)) == [(1, "error", "a network 'lab' was given before")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (bridge("br0"), bridge("br0")),
        (bridge("br0"), existing_bridge("br0")),
        (existing_bridge("br0"), bridge("br0")),
    ],
)
def test_a_bridge_that_libvirt_makes_belongs_to_one_network(first: str, second: str) -> None:
    assert said(read("one", first), read("two", second)) == [(1, "error", "bridge 'br0' belongs to network 'one'")]


def test_several_networks_may_use_one_existing_bridge() -> None:
    assert said(read("one", existing_bridge("br0")), read("two", existing_bridge("br0"))) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("10.20.0.1/24", "10.20.0.1/24"),
        ("10.20.0.1/24", "10.20.0.129/25"),
        ("10.20.0.129/25", "10.20.0.1/24"),
        ("10.20.0.1/16", "10.20.255.1/30"),
        ("2001:db8::1/64", "2001:db8::2/64"),
    ],
)
def test_subnets_that_overlap_are_warned_of_at_the_later_network(first: str, second: str) -> None:
    ((place, problem),) = conflicts([read("one", ip(first)), read("two", ip(second))])
    assert (place, problem.severity, problem.path) == (1, Severity.WARNING, "ip[1]")
    assert problem.message.endswith("overlap: the subnet of network 'one'")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("10.20.0.1/24", "10.20.1.1/24"),
        ("10.20.0.1/25", "10.20.0.129/25"),
        ("0.0.0.1/8", "2001:db8::1/64"),
        ("2001:db8::1/64", "2001:db8:0:1::1/64"),
    ],
)
def test_subnets_side_by_side_do_not_overlap(first: str, second: str) -> None:
    assert said(read("one", ip(first)), read("two", ip(second))) == []


def test_two_subnets_of_one_network_are_its_own_affair() -> None:
    assert said(read("one", ip("10.20.0.1/24") + ip("10.20.0.2/24"))) == []


def test_an_overlap_is_found_past_subnets_that_lie_between() -> None:
    wide, narrow, inside = read("wide", ip("10.0.0.1/8")), read("narrow", ip("10.1.0.1/16")), "10.2.0.1/16"
    assert said(wide, narrow, read("inside", ip(inside))) == [
        (1, "warning", "10.1.0.0/16 and 10.0.0.0/8 overlap: the subnet of network 'wide'"),
        (2, "warning", "10.2.0.0/16 and 10.0.0.0/8 overlap: the subnet of network 'wide'"),
    ]


def test_conflicts_come_in_the_order_of_the_definitions() -> None:
    one = read("one", bridge("virbr0") + ip("10.20.0.1/24"))
    two = read("two", bridge("virbr1") + ip("10.20.0.2/24"))
    three = read("one", bridge("virbr1"))
    assert [(place, problem.path) for place, problem in conflicts([one, two, three])] == [
        (1, "ip[1]"),
        (2, "name"),
        (2, "bridge"),
    ]


@pytest.mark.parametrize("wider", ["first", "second"])
def test_an_overlap_is_told_at_the_address_that_has_it(wider: str) -> None:
    wide, narrow = ip("10.20.0.1/16"), ip("10.20.9.1/24")
    first, second = (wide, narrow) if wider == "first" else (narrow, wide)
    networks = [read("one", ip("10.1.0.1/24") + first), read("two", ip("10.2.0.1/24") + second)]
    ((place, problem),) = conflicts(networks)
    assert (place, problem.path) == (1, "ip[2]")


def test_an_overlap_is_found_behind_several_subnets_of_one_network() -> None:
    own = "".join(map(ip, ("10.20.0.1/16", "10.20.0.2/17", "10.20.0.3/18")))
    assert said(read("outer", ip("10.0.0.1/8")), read("middle", own), read("inner", ip("10.20.0.4/24"))) == [
        (1, "warning", "10.20.0.0/16 and 10.0.0.0/8 overlap: the subnet of network 'outer'"),
        (1, "warning", "10.20.0.0/17 and 10.0.0.0/8 overlap: the subnet of network 'outer'"),
        (1, "warning", "10.20.0.0/18 and 10.0.0.0/8 overlap: the subnet of network 'outer'"),
        (2, "warning", "10.20.0.0/24 and 10.20.0.0/16 overlap: the subnet of network 'middle'"),
    ]


# Sources that are translated by one network so, by another otherwise


def nat(subnet: str, inside: str = "", device: str = "") -> str:
    dev = f" dev='{device}'" if device else ""
    return f"<forward mode='nat'{dev}><nat>{inside}</nat></forward>{ip(subnet)}"


def told_of_translation(*networks: Network) -> list[tuple[int, str]]:
    return [
        (place, problem.path) for place, problem in conflicts(networks) if "translates otherwise" in problem.message
    ]


RANGE = "<address start='203.0.113.4' end='203.0.113.7'/>"
PORTS = "<port start='2000' end='2999'/>"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (nat("10.20.0.1/24"), nat("10.20.0.1/24", RANGE)),
        (nat("10.20.0.1/16", PORTS), nat("10.20.9.1/24")),
        (nat("10.20.9.1/24", RANGE), nat("10.20.0.1/16", RANGE + PORTS)),
        (nat("10.20.0.1/24"), nat("10.20.0.1/24", RANGE, "eth0")),
    ],
)
def test_it_is_said_when_the_order_of_start_decides_about_sources(first: str, second: str) -> None:
    assert told_of_translation(read("one", first), read("two", second)) == [(1, "ip[1]")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (nat("10.20.0.1/16"), nat("10.20.9.1/24")),
        (nat("10.20.0.1/16"), nat("10.20.9.1/24", "<port start='1024' end='65535'/>")),
        (nat("10.20.0.1/24", RANGE, "eth1"), nat("10.20.0.1/24", PORTS, "eth0")),
        (nat("10.20.0.1/24", RANGE), "<forward mode='route'/>" + ip("10.20.0.1/24")),
        (nat("fd00::1/64", RANGE), nat("fd00::1/64", PORTS)),
        (nat("10.20.0.1/24", RANGE), nat("10.21.0.1/24", PORTS)),
    ],
)
def test_it_is_not_said_when_no_packet_can_tell(first: str, second: str) -> None:
    assert told_of_translation(read("one", first), read("two", second)) == []


def test_the_translation_of_ipv6_counts_where_it_is_asked_for() -> None:
    translating = "<forward mode='nat'><nat ipv6='yes'>{}</nat></forward>" + ip("fd00::1/64")
    networks = [read("one", translating.format("")), read("two", translating.format(PORTS))]
    assert told_of_translation(*networks) == [(1, "ip[1]")]


def test_a_contradiction_is_found_past_networks_that_agree() -> None:
    networks = [
        read("one", nat("10.0.0.1/8")),
        read("two", nat("10.1.0.1/16")),
        read("three", nat("10.1.1.1/24", RANGE)),
    ]
    assert told_of_translation(*networks) == [(2, "ip[1]")]
