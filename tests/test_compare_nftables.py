"""What brings a host's nftables rules to a plan, and back: on the machine in memory, for any definitions."""

from __future__ import annotations

from collections import Counter as Bag
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import networks, subnets_return

from fwplan.host.memory import Machine, MemorySystem
from fwplan.host.nftables import TABLES, NftablesPart
from fwplan.network.problems import Severity
from fwplan.network.together import conflicts
from fwplan.nft.objects import Counter, Rule, Verdict
from fwplan.nft.transaction import Append, Delete, Insert
from fwplan.plan.difference import Step
from fwplan.plan.plan import make_plan
from fwplan.plan.share import nft_mark
from fwplan.plan.wanted import combined, nft_wanted

if TYPE_CHECKING:
    from fwplan.network.definition import Network
    from fwplan.plan.plan import Plan

    Rules = dict[object, list[Rule | None]]

_HOSTS = st.lists(networks(), min_size=1, max_size=3)


def _plan(definitions: list[Network]) -> Plan:
    assume(not any(problem.severity is Severity.ERROR for _, problem in conflicts(definitions)))
    return make_plan(definitions)


def _machine(plan: Plan) -> MemorySystem:
    bridges = [share.bridge for share in plan.networks if share.bridge is not None]
    return MemorySystem(Machine(interfaces={name: index for index, name in enumerate(bridges, start=2)}))


def _rules(system: MemorySystem) -> Rules:
    return {key: [entry.rule for entry in rules] for key, rules in system.machine.rules.items() if rules}


def _bring(system: MemorySystem, part: NftablesPart) -> NftablesPart:
    change = part.compare(system)
    before = NftablesPart.from_document(change.before.document())
    if change.differences:
        change.make(system)
    return before


@given(_HOSTS)
def test_a_plan_that_was_applied_leaves_nothing_to_do(definitions: list[Network]) -> None:
    plan = _plan(definitions)
    system = _machine(plan)
    part = NftablesPart(nft_wanted(plan))
    _bring(system, part)
    assert part.compare(system).differences == ()


@given(_HOSTS)
def test_applied_rules_stand_as_the_plan_inserts_them(definitions: list[Network]) -> None:
    assume(not subnets_return(definitions))
    plan = _plan(definitions)
    system, by_hand = _machine(plan), _machine(plan)
    _bring(system, NftablesPart(nft_wanted(plan)))
    chains: Rules = {}
    for operation in plan.operations:
        if isinstance(operation.object, Rule):
            chains.setdefault((operation.object.table, operation.object.chain), []).insert(0, operation.object)
    assert _rules(system) == chains
    assert by_hand.machine.rules == {}


@given(_HOSTS, st.data())
def test_any_damage_is_repaired_and_the_undo_brings_it_back(definitions: list[Network], data: st.DataObject) -> None:
    plan = _plan(definitions)
    system = _machine(plan)
    part = NftablesPart(nft_wanted(plan))
    _bring(system, part)
    right = _rules(system)
    assume(right)
    for _ in range(data.draw(st.integers(1, 4))):
        listing = system.list_nftables(TABLES)
        key = data.draw(st.sampled_from(sorted(listing.listed, key=str)))
        rule = data.draw(st.sampled_from([entry.rule for entry in listing.listed[key] if entry.rule is not None]))
        match data.draw(st.sampled_from(["delete", "double", "to the end", "another verdict"])):
            case "delete" if len(listing.listed[key]) > 1:
                system.commit_nftables([Delete(rule)])
            case "double":
                system.commit_nftables([Append(rule)])
            case "to the end":
                system.commit_nftables([Append(rule), Delete(rule)])
            case _:
                other = Rule(rule.table, rule.chain, (*rule.statements[:-1], Counter(), Verdict.RETURN))
                system.commit_nftables([Insert(other)])
    damaged = _rules(system)
    before = _bring(system, part)
    shares = part.wanted.shares
    assert all(_share(_rules(system), key, mark) == list(share) for (key, mark), share in shares.items())
    _bring(system, before)
    assert _counted(_rules(system)) == _counted(damaged)


def _counted(rules: Rules) -> dict[object, Bag[Rule | None]]:
    """Which rules each chain has, how often; a rule that others put between those of a network may come elsewhere."""
    return {key: Bag(of_chain) for key, of_chain in rules.items()}


def _share(rules: Rules, key: object, mark: object) -> list[Rule | None]:
    return [rule for rule in rules.get(key, []) if rule is not None and nft_mark(rule) == mark]


@given(_HOSTS)
def test_taking_a_plan_away_leaves_the_tables_as_they_were(definitions: list[Network]) -> None:
    plan = _plan(definitions)
    system = _machine(plan)
    before = _bring(system, NftablesPart(nft_wanted(plan)))
    _bring(system, before)
    assert system.machine.tables == set()
    assert _rules(system) == {}


@given(_HOSTS)
def test_what_is_gone_from_a_plan_goes_and_nothing_else(definitions: list[Network]) -> None:
    plan = _plan(definitions)
    system = _machine(plan)
    _bring(system, NftablesPart(nft_wanted(plan)))
    first, *others = plan.networks
    assume(
        not any(
            ip.subnet in {other.subnet for each in others for other in each.network.ips} for ip in first.network.ips
        )
    )
    rest = nft_wanted(replace(plan, set_up=(), networks=tuple(others)))
    wanted = combined(rest, gone=[nft_wanted(replace(plan, set_up=(), networks=(first,)))])
    change = NftablesPart(wanted).compare(system)
    assert {difference.step for difference in change.differences} <= {Step.DELETE}
    assert len(change.differences) == sum(isinstance(operation.object, Rule) for operation in first.operations)
