"""What the real nft makes of the rules that fwplan writes, and lists of the plans that fwplan makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from namespaces import Namespace, needs

from fwplan import Format, load, make_plan, render
from fwplan.nft.expressions import AnonymousSet
from fwplan.nft.listing import read_listing
from fwplan.nft.read_ruleset import read_ruleset
from fwplan.nft.rule_text import rule_text
from fwplan.nft.statements import Match, Meter
from fwplan.plan.as_ruleset import as_ruleset, ruleset_of
from fwplan.plan.plan import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan import Network
    from fwplan.nft.expressions import Element
    from fwplan.nft.ruleset import Hook, NamedSet, Rule, Ruleset
    from fwplan.nft.statements import Statement

pytestmark = needs("nft")

EVERYTHING = Path(__file__).parent / "rulesets" / "everything.nft"
NETWORKS = [load(file) for file in sorted((Path(__file__).parent.parent / "examples").glob("*.xml"))]
HANDLES = ("nft", "-j", "-a", "list", "ruleset")


@pytest.fixture
def host() -> Iterator[Namespace]:
    with Namespace() as made:
        made.bridges(["br0"])
        yield made


def by_chain(ruleset: Ruleset) -> dict[str, list[tuple[Statement, ...]]]:
    """What the rules of each chain say, in order."""
    chains = [chain for table in ruleset.tables for chain in table.chains.values()]
    return {str(chain.place): [rule.statements for rule in chain.rules] for chain in chains}


def in_order(rule: Rule) -> tuple[Statement, ...]:
    """What a rule says; elements of a set are in the order of their names, since the kernel has them in none."""
    return tuple(
        replace(each, right=AnonymousSet(tuple(sorted(each.right.elements, key=repr))))
        if isinstance(each, Match) and isinstance(each.right, AnonymousSet)
        else each
        for each in rule.statements
    )


def hooks(ruleset: Ruleset) -> dict[str, Hook | None]:
    """Where each chain is entered."""
    return {str(chain.place): chain.hook for table in ruleset.tables for chain in table.chains.values()}


def sets(ruleset: Ruleset) -> dict[str, tuple[NamedSet, set[Element]]]:
    """What each set and map is, and what is in it."""
    return {
        f"{table.family} {table.name} {name}": (of_name, set(of_name.elements))
        for table in ruleset.tables
        for name, of_name in table.sets.items()
    }


def test_nft_reads_what_fwplan_writes_as_the_same_rules(host: Namespace) -> None:
    host.run("nft", "-f", str(EVERYTHING))
    before = read_ruleset(host.run(*HANDLES))
    # a meter makes a set of its name, which is there
    rules = [rule for rule in before.rules if not any(isinstance(each, Meter) for each in rule.statements)]
    script = [f"flush chain {chain.place}" for table in before.tables for chain in table.chains.values()]
    script += [f"add rule {rule.place} {rule_text(rule)}" for rule in rules]

    host.run("nft", "-f", "-", given="\n".join(script) + "\n")

    after = read_ruleset(host.run(*HANDLES))
    assert [(rule.place, in_order(rule)) for rule in after.rules] == [(rule.place, in_order(rule)) for rule in rules]


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_a_plan_as_a_ruleset_is_what_the_kernel_has_of_it(host: Namespace, network: Network, layout: Layout) -> None:
    plan = make_plan([network], layout=layout)
    host.bridges(share.bridge for share in plan.networks if share.bridge is not None)
    host.run("nft", "-f", "-", given=render(plan, Format.NFT))
    document = host.run(*HANDLES)
    listed, foreseen = read_ruleset(document), ruleset_of(plan)

    assert by_chain(foreseen) == by_chain(listed)
    assert hooks(foreseen) == hooks(listed)
    assert sets(foreseen) == sets(listed)


def test_a_listing_in_the_words_of_plans_is_the_same_ruleset(host: Namespace) -> None:
    plan = make_plan(NETWORKS)
    host.bridges(share.bridge for share in plan.networks if share.bridge is not None)
    host.run("nft", "-f", "-", given=render(plan, Format.NFT))
    document = host.run(*HANDLES)
    listing = read_listing(document)

    in_words_of_plans = as_ruleset(sorted(listing.tables, key=str), listing.chains.values(), listing.rules)

    assert by_chain(in_words_of_plans) == by_chain(read_ruleset(document))
