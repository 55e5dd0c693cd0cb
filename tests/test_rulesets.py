"""The fixtures of real rulesets are whole, and what they call the truth agrees with the rules that they list."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "rulesets"
FIXTURES = sorted(place.parent for place in FOLDER.glob("*/fixture.toml"))
VARIANTS = [place.parent for place in sorted(FOLDER.glob("*/*/truth.json"))]
BREAKS = {
    "guest-outside": "outside",
    "guest-host-dhcp": "DHCP",
    "guest-host-dns": "DNS",
    "guest-guest": "guests",
    "outside-guest": "exposed",
}


def named(place: Path) -> str:
    return str(place.relative_to(FOLDER))


def loaded(place: Path) -> Any:  # noqa: ANN401 what JSON holds
    return json.loads(place.read_text(encoding="utf-8"))


def broken(flow: dict[str, Any]) -> bool:
    """Whether a flow is not what the network promises."""
    if "promise" not in flow:
        return False
    other_source = flow["outcome"] == "passes" and flow.get("promised source", "") != flow.get("seen as", "")
    return flow["promise"] != flow["outcome"] or ("promised source" in flow and other_source)


def breaks(variant: Path) -> str:
    """What is broken, in the words of the table in README.md."""
    if not variant.exists():
        return ""
    words = []
    for flow in loaded(variant / "truth.json")["flows"]:
        if broken(flow):
            word = next(word for start, word in BREAKS.items() if flow["flow"].startswith(start))
            words.append("address" if flow["outcome"] == flow["promise"] else word)
    return ", ".join(dict.fromkeys(words)) or "nothing"


@pytest.mark.parametrize("fixture", FIXTURES, ids=named)
def test_a_fixture_says_what_it_is_and_has_its_variants(fixture: Path) -> None:
    what = tomllib.loads((fixture / "fixture.toml").read_text(encoding="utf-8"))
    note = (fixture / "NOTE.md").read_text(encoding="utf-8")
    variants = what.get("variants", ["alone", "libvirt-nftables", "libvirt-iptables"])
    assert {place.name for place in fixture.iterdir() if place.is_dir()} == set(variants)
    assert re.search(r"^Real[.:]" if what["real"] else r"^Written, not real:", note, re.MULTILINE)
    assert (fixture / "setup.sh").exists()
    for variant in variants:
        assert {"host.json", "ruleset.json", "truth.json"} <= {place.name for place in (fixture / variant).iterdir()}


def test_readme_lists_every_fixture_with_what_it_breaks() -> None:
    rows = re.findall(
        r"^\| \[([\w.-]+)\]\(\1/NOTE\.md\) \|.*\| (real|written) \| (.*?) \| (.*?) \|$",
        (FOLDER / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert sorted(rows) == [
        (
            fixture.name,
            "real" if tomllib.loads((fixture / "fixture.toml").read_text(encoding="utf-8"))["real"] else "written",
            breaks(fixture / "libvirt-nftables"),
            breaks(fixture / "libvirt-iptables"),
        )
        for fixture in FIXTURES
    ]


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
def test_the_rules_that_packets_met_are_listed(variant: Path) -> None:
    listed = {
        (rule["family"], rule["table"], rule["chain"], str(rule["handle"]))
        for item in loaded(variant / "ruleset.json")["nftables"]
        for rule in (item.get("rule"),)
        if rule is not None
    }
    met = [
        match.groups()
        for flow in loaded(variant / "truth.json")["flows"]
        for step in flow["met"]
        if (match := re.fullmatch(r"(\S+) (\S+) (\S+) (\d+): .*", step))
    ]
    assert set(met) <= listed


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
def test_a_flow_that_is_refused_has_a_culprit_that_is_listed_or_a_cause(variant: Path) -> None:
    saved = variant / "iptables.save"
    lines = (
        re.sub(r"^\[\d+:\d+\] | \[\d+:\d+\]$", "", saved.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if (saved.exists())
        else ""
    )
    for flow in loaded(variant / "truth.json")["flows"]:
        culprit = flow["culprit"]
        assert (culprit is None) == (flow["outcome"] == "passes") or "cause" in flow, flow["flow"]
        if culprit is not None and "iptables" in culprit:
            assert culprit["iptables"] in lines.splitlines(), flow["flow"]


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
def test_fixtures_hold_nothing_of_the_machine_that_made_them(variant: Path) -> None:
    for place in variant.iterdir():
        assert not re.search(r"/(?:tmp|root|home|work)/", place.read_text(encoding="utf-8")), place.name
