"""Networks without rules: that they have none of libvirt's or fwplan's, and who filters them then, if anybody does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding
from fwplan.audit.probes import probes
from fwplan.audit.strangers import LIBVIRT_TABLE
from fwplan.network.modes import Kind
from fwplan.nft.rule_text import rule_text
from fwplan.plan.share import iptables_mark, nft_mark
from fwplan.simulate.flow import flow
from fwplan.simulate.outcome import Refuse, Undecided

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from fwplan.audit.deciding import Deciders
    from fwplan.audit.observation import Observation
    from fwplan.audit.probes import Surroundings
    from fwplan.plan.plan import NetworkPlan, Plan
    from fwplan.simulate.simulator import Simulator


def open_findings(
    observation: Observation, plan: Plan, simulator: Simulator, surroundings: Surroundings, deciders: Deciders
) -> Iterator[Finding]:
    """What there is to say of a plan's networks without rules.

    Args:
        observation: the host.
        plan: of its networks.
        simulator: the host's rules.
        surroundings: of its networks.
        deciders: the host's rules, as those who may have decided.
    """
    theirs = {share.bridge for share in plan.networks if share.network.meaning.filtered}
    translated = {ip.subnet for share in plan.networks if share.network.meaning.filtered for ip in share.network.ips}
    for share in plan.networks:
        if share.network.meaning.filtered:
            continue
        marks = {share.bridge, *(ip.subnet for ip in share.network.ips)} - theirs - translated - {None}
        yield from _own_rules(observation, share, marks)
        if share.network.kind is Kind.MANAGED and share.network.ips:
            yield _who_filters(simulator, surroundings, deciders, share)


def _own_rules(observation: Observation, share: NetworkPlan, marks: AbstractSet[object]) -> Iterator[Finding]:
    rules = [
        (f"{table.family} {table.name} {chain}", rule_text(whole))
        for (table, chain), entries in observation.listing.listed.items()
        if table.name == LIBVIRT_TABLE
        for entry, whole in zip(
            entries, observation.ruleset.by_name[table.family, table.name].chains[chain].rules, strict=True
        )
        if entry.rule is not None and nft_mark(entry.rule) in marks
    ]
    rules += [
        (f"{chain.program} {chain.table} {chain.name}", entry.text)
        for chain, entries in observation.saved.rules.items()
        for entry in entries
        if entry.rule is not None and iptables_mark(entry.rule) in marks
    ]
    if rules:
        mode = share.network.mode.value
        yield Finding(
            Code.OPEN_HAS_RULES,
            share.network.name,
            ", ".join(dict.fromkeys(place for place, _ in rules)),
            f"network {share.network.name!r} has mode {mode!r}, which has no rules, and there are {len(rules)} for it",
            tuple(f"{place}: {text}" for place, text in rules),
            remedy=(
                "# the definition as it was when they were made takes them away:",
                f"fwplan remove {share.network.name}",
            ),
        )


def _who_filters(simulator: Simulator, surroundings: Surroundings, deciders: Deciders, share: NetworkPlan) -> Finding:
    refused: dict[str, str] = {}
    doubtful = False
    details = []
    for probe in probes(share, surroundings):
        found = flow(simulator, probe.packet, probe.course)
        match found.verdict:
            case Refuse():
                culprit = deciders.of(found.outcomes[-1])
                who = "somebody" if culprit is None or culprit.owner is None else str(culprit.owner)
                refused.setdefault(who, "" if culprit is None else culprit.place)
                says = "" if culprit is None else f": {culprit.place}: {culprit.says}"
                details.append(f"{probe.what}: refused by {who}{says}")
            case Undecided(because):
                doubtful = True
                details.append(f"{probe.what}: cannot be told, for {because[0].statement}")
            case _:
                details.append(f"{probe.what}: passes")
    if refused:
        who = f"filtered by {', '.join(refused)}"
    elif doubtful:
        who = "perhaps filtered: it cannot be told"
    else:
        who = "filtered by nobody: all that was tried passes"
    return Finding(
        Code.OPEN_FILTERED_BY,
        share.network.name,
        ", ".join(place for place in refused.values() if place),
        f"network {share.network.name!r} is {who}",
        tuple(details),
    )
