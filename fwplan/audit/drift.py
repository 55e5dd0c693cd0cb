"""The rules that a host has, held against those that its networks are to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fwplan.audit.chain_drift import ChainSeen, chain_drift
from fwplan.audit.drift_report import DriftReport
from fwplan.audit.finding import Code, Finding
from fwplan.audit.objects_drift import NftTexts, nft_text, objects_drift
from fwplan.audit.places import iptables_place
from fwplan.iptables import objects as iptables
from fwplan.iptables.saved import as_saved
from fwplan.iptables.text import saved_text
from fwplan.nft import objects as nft
from fwplan.plan.plan import Backend, Layout
from fwplan.plan.share import SetUpMark, iptables_mark, nft_mark
from fwplan.plan.wanted import iptables_wanted, nft_wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fwplan.audit.observation import Observation
    from fwplan.audit.remedies import Commands
    from fwplan.plan.plan import Plan
    from fwplan.plan.share import Mark
    from fwplan.plan.wanted import Wanted

    Shares = Mapping[Mark, Sequence[Any]]
    """The rules of a chain by whose they are, from first to last."""


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
            found = tuple(_iptables_drift(observation, plan, report))
        case Layout.MAPS, _:
            from fwplan.audit.maps_drift import maps_drift  # noqa: PLC0415 - of this layout only

            found = tuple(maps_drift(observation, plan, report))
    return DriftFound((*found, *report.findings()), report.claimed)


# nftables


def _nftables_drift(observation: Observation, plan: Plan, report: DriftReport) -> Iterator[Finding]:
    if "nftables" not in observation.seen:
        return
    wanted = nft_wanted(plan)
    yield from objects_drift(observation, wanted.present, report.repair)
    listing = observation.listing
    for (table, chain), shares in _by_chain(wanted).items():
        entries = listing.listed.get((table, chain), [])
        rules = [entry.rule for entry in entries]
        marks = [None if rule is None else nft_mark(rule) for rule in rules]
        texts = NftTexts(observation, (table.family, table.name, chain))
        there = _leading_somewhere(shares, rules, {name for of, name in listing.chains if of == table})
        place = f"{table.family} {table.name} {chain}"
        report.add(place, chain_drift(ChainSeen(rules, marks, texts), there, nft_text, report.together(there)))


# iptables


def _iptables_drift(observation: Observation, plan: Plan, report: DriftReport) -> Iterator[Finding]:
    saved = observation.saved
    wanted = iptables_wanted(plan, checksum=_repairs_checksums(observation))
    seen = {program for program in iptables.PROGRAMS if program in observation.seen - observation.doubts.keys()}
    yield from _missing_chains(
        [chain for chain in wanted.present if chain.program in seen and chain not in saved.chains], report
    )
    for chain, shares in _by_chain(wanted).items():
        if chain.program not in seen:
            continue
        entries = saved.rules.get(chain, [])
        rules = [entry.rule for entry in entries]
        marks = [None if rule is None else iptables_mark(rule) for rule in rules]
        as_read = {mark: tuple(map(as_saved, share)) for mark, share in shares.items()}
        beside = {of.name for of in saved.chains if (of.program, of.table) == (chain.program, chain.table)}
        there = _leading_somewhere(as_read, rules, beside)
        chain_seen = ChainSeen(rules, marks, [entry.text for entry in entries].__getitem__)
        report.add(iptables_place(chain), chain_drift(chain_seen, there, saved_text, report.together(there)))


def _missing_chains(missing: Sequence[iptables.Chain], report: DriftReport) -> Iterator[Finding]:
    by_table: dict[str, list[str]] = {}
    for chain in missing:
        by_table.setdefault(f"{chain.program} {chain.table}", []).append(chain.name)
    for table, names in by_table.items():
        chains = f"chain {names[0]} is" if len(names) == 1 else f"the chains {', '.join(names)} are"
        them = "it" if len(names) == 1 else "them"
        message = f"{chains} missing in {table}, with the rules of all networks in {them}"
        yield Finding(
            Code.MISSING_CHAIN, None, ", ".join(f"{table} {name}" for name in names), message, remedy=report.repair
        )


def _repairs_checksums(observation: Observation) -> bool:
    """Whether the kernel can repair checksums, which is seen where any rule does: libvirt does without it otherwise."""
    return observation.fills_checksums is True or any(
        isinstance(entry.rule.target, iptables.FillChecksum)
        for entries in observation.saved.rules.values()
        for entry in entries
        if entry.rule is not None
    )


# Both


def _by_chain(wanted: Wanted[Any, Any, Any]) -> Mapping[Any, Shares]:
    chains: dict[Any, dict[Mark, Sequence[Any]]] = {}
    for (chain, mark), share in wanted.shares.items():
        chains.setdefault(chain, {})[mark] = share
    return chains


def _leading_somewhere(shares: Shares, rules: Sequence[object], chains: Collection[str]) -> Shares:
    """Without rules that are missing since the chain is that they lead to: that is said already."""
    return {
        mark: [rule for rule in share if _target(rule) in {None, *chains} or rule in rules]
        if mark is SetUpMark.SET_UP
        else share
        for mark, share in shares.items()
    }


def _target(rule: nft.Rule | iptables.Rule) -> str | None:
    """The chain that a rule of the set-up leads to."""
    match rule:
        case nft.Rule(statements=(*_, nft.Jump(chain))):
            return chain
        case iptables.Rule(target=iptables.JumpTo(chain)):
            return chain
        case _:
            return None
