"""The rules that a host has of iptables, held against those that its networks are to have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.audit.chain_drift import ChainSeen, chain_drift
from fwplan.audit.finding import Code, Finding
from fwplan.audit.places import iptables_place
from fwplan.audit.shares import leading_somewhere
from fwplan.iptables import objects as iptables
from fwplan.iptables.saved import as_saved
from fwplan.iptables.text import saved_text
from fwplan.plan.share import iptables_mark
from fwplan.plan.wanted import iptables_wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.audit.drift_report import DriftReport
    from fwplan.audit.observation import Observation
    from fwplan.plan.plan import Plan


def iptables_drift(observation: Observation, plan: Plan, report: DriftReport) -> Iterator[Finding]:
    """Chains that are missing; what differs in the others goes to the report.

    Args:
        observation: the host.
        plan: of its networks.
        report: of all chains.
    """
    saved = observation.saved
    wanted = iptables_wanted(plan, checksum=_repairs_checksums(observation))
    seen = {program for program in iptables.PROGRAMS if program in observation.seen - observation.doubts.keys()}
    yield from _missing_chains(
        [chain for chain in wanted.present if chain.program in seen and chain not in saved.chains], report
    )
    for chain, shares in wanted.by_chain().items():
        if chain.program not in seen:
            continue
        entries = saved.rules.get(chain, [])
        rules = [entry.rule for entry in entries]
        marks = [None if rule is None else iptables_mark(rule) for rule in rules]
        as_read = {mark: tuple(map(as_saved, share)) for mark, share in shares.items()}
        there = leading_somewhere(as_read, rules, lambda target: target in saved.chains, _target)
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


def _target(rule: iptables.Rule) -> iptables.Chain | None:
    """The chain that a rule of the set-up leads to."""
    return replace(rule.chain, name=rule.target.target) if isinstance(rule.target, iptables.JumpTo) else None
