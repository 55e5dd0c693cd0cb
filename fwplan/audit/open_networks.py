"""Networks without rules: that they have none of libvirt's or fwplan's, and who filters them then, if anybody does."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from fwplan.audit.finding import Code, Finding
from fwplan.audit.places import LIBVIRT_TABLE, iptables_place
from fwplan.audit.probes import probes
from fwplan.audit.wording import said
from fwplan.network.modes import Kind
from fwplan.plan.maps_names import TABLES, bridge_of
from fwplan.plan.share import iptables_mark, nft_mark
from fwplan.simulate.outcome import Refuse, Undecided

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from fwplan.audit.court import Court
    from fwplan.audit.observation import Observation
    from fwplan.audit.probes import Probe
    from fwplan.nft.ruleset import Rule
    from fwplan.plan.plan import NetworkPlan, Plan


def open_findings(observation: Observation, plan: Plan, court: Court) -> Iterator[Finding]:
    """What there is to say of a plan's networks without rules.

    Args:
        observation: the host.
        plan: of its networks.
        court: that knows the host's rules.
    """
    filtered = [share for share in plan.networks if share.network.meaning.filtered]
    of_others = {share.bridge for share in filtered} | {ip.subnet for share in filtered for ip in share.network.ips}
    for share in plan.networks:
        if share.network.meaning.filtered:
            continue
        marks = {share.bridge, *(ip.subnet for ip in share.network.ips)} - of_others - {None}
        yield from _own_rules(observation, share, marks)
        if share.network.kind is Kind.MANAGED and share.network.ips:
            yield _who_filters(share, court)


def _own_rules(observation: Observation, share: NetworkPlan, marks: AbstractSet[object]) -> Iterator[Finding]:
    rules = [
        (f"{table.family} {table.name} {chain}", said(whole))
        for (table, chain), entries in observation.listing.listed.items()
        if table.name == LIBVIRT_TABLE and table.family in {"ip", "ip6"}
        for entry, whole in zip(
            entries, observation.ruleset.by_name[table.family, table.name].chains[chain].rules, strict=True
        )
        if entry.rule is not None and nft_mark(entry.rule) in marks
    ]
    rules += [
        (str(rule.place), said(rule))
        for table in TABLES.values()
        for rule in _rules_in(observation, table.family, table.name)
        if bridge_of(rule.place.chain) == share.bridge is not None and share.bridge in marks
    ]
    rules += [
        (iptables_place(chain), f"-A {chain.name} {entry.text}")
        for chain, entries in observation.saved.rules.items()
        for entry in entries
        if entry.rule is not None and iptables_mark(entry.rule) in marks
    ]
    if rules:
        name, mode = share.network.name, share.network.mode.value
        yield Finding(
            Code.OPEN_HAS_RULES,
            name,
            ", ".join(dict.fromkeys(place for place, _ in rules)),
            f"network {name!r} has mode {mode!r}, to which libvirt adds no rules, and there"
            f" {'is 1 rule' if len(rules) == 1 else f'are {len(rules)} rules'} for it",
            tuple(f"{place}: {text}" for place, text in rules),
            remedy=(
                "# what fwplan has put there, it takes away:",
                shlex.join(["fwplan", "remove", name]),
                "# else the definition that they were made of does: fwplan remove DEFINITION…",
            ),
        )


def _rules_in(observation: Observation, family: str, name: str) -> Iterator[Rule]:
    table = observation.ruleset.by_name.get((family, name))
    return iter(()) if table is None else table.rules


def _who_filters(share: NetworkPlan, court: Court) -> Finding:
    told = [_told(probe, court) for probe in probes(share, court.around)]
    usual = {(each.owner, each.place) for each in told}
    # at special addresses and ports, only what fares otherwise than usually
    for probe in court.special(share):
        each = _told(probe, court)
        if each.owner is not None and (each.owner, each.place) not in usual:
            told.append(each)
    owners = list(dict.fromkeys(each.owner for each in told if each.owner))
    if owners:
        who = f"filtered by {', '.join(owners)}"
    elif any(each.owner == "" for each in told):
        who = "perhaps filtered: that cannot be told"
    else:
        who = "filtered by nobody: all that was tried passes"
    return Finding(
        Code.OPEN_FILTERED_BY,
        share.network.name,
        ", ".join(dict.fromkeys(each.place for each in told if each.place)),
        f"network {share.network.name!r} is {who}",
        tuple(dict.fromkeys(each.text for each in told)),
    )


class _Told(NamedTuple):
    """What becomes of a packet.

    Attributes:
        text: in words.
        owner: the name of whose rule refuses it; empty where that cannot be told, None for what passes.
        place: of that rule.
    """

    text: str
    owner: str | None
    place: str


def _told(probe: Probe, court: Court) -> _Told:
    found, of_reply = court.walk(probe)
    for what, each in ((probe.what, found), (f"the reply to {probe.what}", of_reply)):
        match None if each is None else each.verdict:
            case Refuse():
                culprit = court.deciders.refuser(each.outcomes[-1]) if each is not None and each.outcomes else None
                if culprit is None or culprit.owner is None:
                    return _Told(f"{what}: there is no way", "nobody", "")
                by = f"{culprit.owner.name} ({culprit.place}: {culprit.says})"
                return _Told(f"{what}: refused by {by}", culprit.owner.name, culprit.place)
            case Undecided(because):
                why = f"{because[0].statement} ({because[0].why})"
                return _Told(f"{what}: cannot be told, for {why}", "", "")
            case _:
                continue
    return _Told(f"{probe.what}: passes", None, "")
