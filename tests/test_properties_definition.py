"""What holds for every definition: written and read it is the same, and what is derived from it is always there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from strategies import ROWS, hosts, networks

from fwplan import (
    MEANINGS,
    ForwardMode,
    Kind,
    Severity,
    examine,
    explain,
    make_plan,
    network_schema,
    read_network,
    write_network,
)
from fwplan.network.definition import Bridge, Network
from fwplan.network.forward import Forward
from fwplan.network.libvirt_form import libvirt_form
from fwplan.network.together import bridge_names, conflicts
from fwplan.network.validate import validate
from fwplan.preview.comment import one_line
from fwplan.preview.explanation import explanation_json, explanation_lines
from fwplan.preview.layout import plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from fwplan import Problem

SERVED = [row for row in ROWS if MEANINGS[row].services]
SMALLEST = Network(name="lab")


def errors(problems: Iterable[Problem]) -> list[str]:
    return [str(problem) for problem in problems if problem.severity is Severity.ERROR]


# Written and read


@given(networks())
@example(SMALLEST)
def test_a_definition_written_and_read_is_the_same(network: Network) -> None:
    assert read_network(write_network(network)) == network


@given(networks())
@example(SMALLEST)
def test_a_definition_read_and_written_again_is_the_same_document(network: Network) -> None:
    document = write_network(network)
    assert write_network(read_network(document)) == document


@given(networks())
def test_a_definition_as_libvirt_writes_it_back_is_accepted_and_in_that_form_already(network: Network) -> None:
    form = libvirt_form(network)
    assert read_network(write_network(form)) == form
    assert libvirt_form(form) == form


@given(networks())
def test_a_definition_as_libvirt_writes_it_back_means_the_same(network: Network) -> None:
    form = libvirt_form(network)
    assert (form.mode, form.kind) == (network.mode, network.kind)
    assert [ip.subnet for ip in form.ips] == [ip.subnet for ip in network.ips]
    assert make_plan([form]).operations == make_plan([network]).operations


@given(networks(), st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32", "utf-8-sig"]))
def test_a_definition_is_the_same_in_every_encoding(network: Network, encoding: str) -> None:
    text = etree.tostring(etree.fromstring(write_network(network)), encoding="unicode")
    declared = f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>{text}"
    assert read_network(declared.encode(encoding)) == network


@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_elements_with_different_names_means_nothing(network: Network, random: Random) -> None:
    root = etree.fromstring(write_network(network))
    # Elements of other programs keep the place that they have among each other.
    by_name: dict[object, list[str]] = {}
    for child in root:
        name = None if str(child.tag).startswith("{") else child.tag
        by_name.setdefault(name, []).append(etree.tostring(child, encoding="unicode", with_tail=False))
        root.remove(child)
    names = list(by_name)
    random.shuffle(names)
    # As text: an element that lxml moves may lose its prefix for another that means the same.
    root.text = "?"
    opened, closed = etree.tostring(root, encoding="unicode").split("?<")
    shuffled = [opened, *(child for name in names for child in by_name[name]), "<", closed]
    assert read_network("".join(shuffled).encode()) == network


# Accepted


@given(networks())
@example(SMALLEST)
def test_an_accepted_definition_has_no_error(network: Network) -> None:
    assert errors(validate(network)) == []


@given(networks())
@example(SMALLEST)
def test_the_schema_allows_what_is_written(network: Network) -> None:
    root = etree.fromstring(write_network(network))
    assert network_schema().problems(root) == ()


@given(networks())
def test_what_is_written_raises_no_problem_that_the_values_do_not(network: Network) -> None:
    """Nothing is unknown, empty or twice there: problems of reading are problems of writing."""
    read = [(problem.path, problem.message) for problem in examine(write_network(network), network_schema()).problems]
    assert sorted(read) == sorted((problem.path, problem.message) for problem in validate(network))


@given(networks())
def test_each_problem_of_a_document_has_a_line_of_it(network: Network) -> None:
    document = write_network(network)
    lines = document.count(b"\n") + 1
    problems = examine(document.replace(b"<name>", b"<nome/><name>", 1)).problems
    assert problems
    assert all(problem.line is not None and 1 <= problem.line <= lines for problem in problems)


@given(hosts())
def test_definitions_with_different_names_uuids_and_bridges_can_be_on_one_host(chosen: list[Network]) -> None:
    assert errors([problem for _, problem in conflicts(chosen)]) == []


@given(networks())
def test_a_definition_cannot_be_on_one_host_twice(network: Network) -> None:
    assert errors([problem for place, problem in conflicts([network, network]) if place == 1])


# Derived


@given(st.sampled_from(ForwardMode), st.none() | st.text(max_size=3), networks())
def test_every_definition_has_a_kind_and_a_meaning_an_invalid_one_as_well(
    mode: ForwardMode, bridge: str | None, network: Network
) -> None:
    mixed = replace(network, forward=Forward(mode=mode), bridge=Bridge(name=bridge))
    assert (mixed.mode, mixed.kind) in MEANINGS
    assert mixed.meaning.kind is mixed.kind
    assert bool(mixed.meaning.why_unfiltered) is not mixed.meaning.filtered


@given(networks())
def test_a_network_has_a_bridge_unless_its_kind_has_none(network: Network) -> None:
    (name,) = bridge_names([network])
    assert (name is None) is (network.kind in {Kind.MACVTAP, Kind.SRIOV})


@given(hosts())
def test_bridges_that_libvirt_makes_are_named_differently(chosen: list[Network]) -> None:
    names = bridge_names(chosen)
    made = [name for name, network in zip(names, chosen, strict=True) if network.kind is Kind.MANAGED]
    assert len(made) == len(set(made))
    for network, name in zip(chosen, names, strict=True):
        if network.bridge_name is not None and "%d" not in network.bridge_name:
            assert name == network.bridge_name


@given(hosts(), st.integers(40, 200))
def test_every_definition_is_explained_in_words_and_in_json(chosen: list[Network], width: int) -> None:
    explanations = explain(chosen)
    documents = json.loads(explanation_json(explanations))["networks"]
    assert [document["name"] for document in documents] == [network.name for network in chosen]
    assert [document["filtered"] for document in documents] == [network.meaning.filtered for network in chosen]
    lines = plain(explanation_lines(explanations, width)).splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == [
        f"network {one_line(network.name)}".rstrip() for network in chosen
    ]


@given(networks(rows=SERVED))
def test_nothing_is_served_on_a_bridge_without_an_address(network: Network) -> None:
    (explanation,) = explain([network])
    served = (explanation.serves_dhcp, explanation.serves_dns, explanation.serves_tftp)
    assert network.ips or served == (False, False, False)
    assert explanation.serves_dhcp == any(ip.dhcp and (ip.dhcp.ranges or ip.dhcp.hosts) for ip in network.ips)


@given(networks(rows=[row for row in ROWS if row not in SERVED]))
def test_nothing_is_served_where_libvirt_makes_no_bridge(network: Network) -> None:
    (explanation,) = explain([network])
    assert (explanation.serves_dhcp, explanation.serves_dns, explanation.serves_tftp) == (False, False, False)
    assert network.ips == ()
