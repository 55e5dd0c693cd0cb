"""A picture in each format: what the format's own grammar makes of it, whatever names there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed import ACCEPT, DROP, docker, hook, jump, listing, meta, table
from lxml import etree
from real_hosts import VARIANTS, named, observed
from test_trace_asked import DEFAULT

from fwplan.graph.build import build
from fwplan.graph.dot import dot
from fwplan.graph.mermaid import mermaid
from fwplan.graph.svg import svg
from fwplan.network.read import read_network
from fwplan.nft.read_ruleset import read_ruleset
from fwplan.plan.plan import make_plan

if TYPE_CHECKING:
    from pathlib import Path

    from fwplan.graph.picture import Picture

SVG = "{http://www.w3.org/2000/svg}"
EVIL = '</text><script>alert(1)</script>"];}\\'
NAMES = st.text(min_size=1, max_size=40)


def picture_with(name: str) -> Picture:
    """A ruleset in which everything that has a name has this one."""
    chains: dict[str, Any] = {
        name: (hook("forward", policy="drop"), [[jump(f"{name}2")], [meta("iifname", name), DROP]]),
        f"{name}2": (None, [[{"log": {"prefix": name}}, ACCEPT]]),
    }
    return build(read_ruleset(listing(None, table("inet", name, chains, comment=name))), name)


def plain() -> Picture:
    return build(read_ruleset(listing(make_plan([read_network(DEFAULT)]), docker())), "a host")


def texts(document: str) -> list[str]:
    """All texts of a picture."""
    return ["".join(each.itertext()) for each in etree.fromstring(document.encode()).iter(f"{SVG}text")]


# SVG


def test_a_picture_has_hooks_chains_policies_and_a_legend() -> None:
    found = texts(svg(plain()))
    assert {"prerouting", "forward", "input", "output", "postrouting", "programs of the host"} <= set(found)
    assert {"guest_nat", "DOCKER-USER", "drop · Docker", "libvirt (5)", "Docker (2)"} <= set(found)


def test_a_picture_tells_in_words_what_it_shows() -> None:
    root = etree.fromstring(svg(plain()).encode())
    description = root.findtext(f"{SVG}desc") or ""
    assert "ip forward: ip filter FORWARD of iptables / administrator, priority 0, policy drop" in description


@given(NAMES)
def test_no_name_breaks_out_of_the_text_that_it_stands_in(name: str) -> None:
    picture, usual = picture_with(name), picture_with("usual")
    root = etree.fromstring(svg(picture).encode("utf-8"))
    assert {element.tag for element in root.iter()} == {
        element.tag for element in etree.fromstring(svg(usual).encode()).iter()
    }
    assert all(text.isprintable() for text in texts(svg(picture)))


def test_what_would_be_an_element_is_text() -> None:
    document = svg(picture_with(EVIL))
    assert "<script" not in document
    assert any("<script>" in text for text in texts(document))


def _boxes(root: etree._Element, looks: str) -> list[tuple[float, float]]:
    return [
        (float(each.get("x", "0")), float(each.get("x", "0")) + float(each.get("width", "0")))
        for each in root.iter(f"{SVG}rect")
        if each.get("class", "").split()[:1] == [looks]
    ]


@given(st.text("abcdefghijklmnopqrstuvwxyz_-", min_size=1, max_size=200))
def test_no_name_is_wider_than_its_card(name: str) -> None:
    root = etree.fromstring(svg(picture_with(name)).encode())
    ends = [end for _, end in _boxes(root, "card")]
    for each in root.iter(f"{SVG}text"):
        if each.get("class") in {"base", "chain", "rule met", "meta"} and float(each.get("y", "0")) > 80:
            size = {"base": 13, "chain": 12}.get(each.get("class", ""), 11.5)
            fixed = 0.605 if each.get("class") != "meta" else 0.5
            end = float(each.get("x", "0")) + len("".join(each.itertext())) * size * fixed
            assert any(end <= right + 1 for right in ends) or each.get("class") == "meta"


def test_an_empty_ruleset_is_a_picture_too() -> None:
    empty = build(read_ruleset(listing(None)), "nothing")
    assert "There is no base chain: rules see no packet." in texts(svg(empty))
    assert dot(empty).startswith("digraph ruleset {")
    assert "flowchart LR" in mermaid(empty)


@pytest.mark.parametrize("write", [svg, dot, mermaid])
def test_the_same_ruleset_gives_the_same_picture(write: Any) -> None:  # noqa: ANN401 - one of three functions
    assert write(plain()) == write(plain())


# DOT

_DOT_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_.\-]+(?<!-))|(?P<sign>->|[{}\[\];=,]))""", re.DOTALL
)


def dot_tokens(text: str) -> list[tuple[str, str]]:
    """The tokens of a DOT file; strings without what is in them."""
    found = []
    place = 0
    while text[place:].strip():
        token = _DOT_TOKEN.match(text, place)
        assert token is not None, text[place : place + 80]
        kind = str(token.lastgroup)
        found.append((kind, "" if kind == "string" else token[kind]))
        place = token.end()
    return found


@given(NAMES)
def test_no_name_breaks_out_of_its_string_in_dot(name: str) -> None:
    assert dot_tokens(dot(picture_with(name))) == dot_tokens(dot(picture_with("usual")))


def test_dot_has_an_edge_for_each_jump_and_a_cluster_for_each_hook() -> None:
    written = dot(plain())
    assert written.count("subgraph cluster") == 6  # five hooks, and whose
    assert len(re.findall(r"chain1_0 -> chain1_0_\d;", written)) == 3


# Mermaid

_MERMAID_LINE = re.compile(
    r"flowchart LR|---|title: \"(?:[^\"\\]|\\.)*\"|  subgraph hook\d+\[\"[^\"]*\"\]|  end"
    r"|    \w+\[\"[^\"`;\[\]{}()|&]*\"\]|    \w+ --> \w+|  hook\d+ ==> hook\d+"
    r"|  classDef \w+ [\w:#,-]+|  class [\w,]+ \w+"
)
_ENTITY = re.compile(r"#\d+;|<br/>")


@given(NAMES)
def test_no_name_breaks_out_of_its_label_in_mermaid(name: str) -> None:
    lines = mermaid(picture_with(name)).splitlines()
    assert len(lines) == len(mermaid(picture_with("usual")).splitlines())
    for line in lines:
        assert _MERMAID_LINE.fullmatch(_ENTITY.sub("", line)), line


def test_mermaid_has_an_arrow_for_each_jump_and_a_class_for_each_owner() -> None:
    written = mermaid(plain())
    assert "chain1_0 --> chain1_0_2" in written
    assert written.count("classDef owner") == 3


# Real hosts


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
def test_a_real_host_is_drawn_in_each_format(variant: Path) -> None:
    ruleset = observed(variant).ruleset
    picture = build(ruleset, named(variant))
    root = etree.fromstring(svg(picture).encode())
    assert float(root.get("width", "0")) <= 1040
    drawn = {base.node.name for lane in picture.lanes for hook_ in lane.hooks for base in hook_.bases}
    based = {chain.name for each in ruleset.tables for chain in each.chains.values() if chain.hook is not None}
    assert drawn == based
    dot_tokens(dot(picture))
    assert all(_MERMAID_LINE.fullmatch(_ENTITY.sub("", line)) for line in mermaid(picture).splitlines())
