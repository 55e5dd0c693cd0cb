"""The rules that a host has, held against those that its networks are to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.audit.chain_drift import ChainSeen, chain_drift
from fwplan.audit.drift_report import DriftReport
from fwplan.audit.objects_drift import NftTexts, nft_text, objects_drift
from fwplan.audit.shares import leading_somewhere
from fwplan.nft import objects as nft
from fwplan.plan.plan import Backend, Layout
from fwplan.plan.share import nft_mark
from fwplan.plan.wanted import nft_wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.commands import Commands
    from fwplan.audit.finding import Finding
    from fwplan.audit.observation import Observation
    from fwplan.plan.plan import Plan
    from fwplan.plan.wanted import NftChainKey


@dataclass(frozen=True, slots=True)
class DriftFound:
    """In what the rules of a host differ from a plan.

    Attributes:
        findings: what there is to say.
        claimed: place and position of the rules that it is said of.
    """

    findings: tuple[Finding, ...] = ()
    claimed: frozenset[tuple[str, int]] = frozenset()


def drift(observation: Observation, plan: Plan, commands: Commands) -> DriftFound:
    """In what the rules of a host differ from a plan, as far as they were seen.

    Args:
        observation: the host.
        plan: of its networks.
        commands: of fwplan, for remedies.
    """
    if not any(share.network.meaning.filtered for share in plan.networks):
        return DriftFound()
    report = DriftReport(plan, commands)
    match plan.layout, plan.backend:
        case Layout.LIBVIRT, Backend.NFTABLES:
            found = tuple(_nftables_drift(observation, plan, report))
        case Layout.LIBVIRT, Backend.IPTABLES:
            from fwplan.audit.iptables_drift import iptables_drift  # noqa: PLC0415 - of this backend only

            found = tuple(iptables_drift(observation, plan, report))
        case Layout.MAPS, _:
            from fwplan.audit.maps_drift import maps_drift  # noqa: PLC0415 - of this layout only

            found = tuple(maps_drift(observation, plan, report))
    return DriftFound((*found, *report.findings()), report.claimed)


def _nftables_drift(observation: Observation, plan: Plan, report: DriftReport) -> Iterator[Finding]:
    if "nftables" not in observation.seen:
        return
    wanted = nft_wanted(plan)
    yield from objects_drift(observation, wanted.present, report.repair)
    listing = observation.listing
    for (table, chain), shares in wanted.by_chain().items():
        entries = listing.listed.get((table, chain), [])
        rules = [entry.rule for entry in entries]
        marks = [None if rule is None else nft_mark(rule) for rule in rules]
        texts = NftTexts(observation, (table.family, table.name, chain))
        there = leading_somewhere(shares, rules, lambda target: target in listing.chains, _target)
        place = f"{table.family} {table.name} {chain}"
        report.add(place, chain_drift(ChainSeen(rules, marks, texts), there, nft_text, report.together(there)))


def _target(rule: nft.Rule) -> NftChainKey | None:
    """The chain that a rule of the set-up leads to."""
    *_, last = rule.statements
    return (rule.table, last.chain) if isinstance(last, nft.Jump) else None
