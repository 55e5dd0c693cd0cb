"""Which rule, or policy, decided what became of a packet, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.audit.owners import Owner, owner_of_policy, owner_of_rule
from fwplan.nft.rule_text import rule_text
from fwplan.simulate.outcome import ChainEnded, RuleMet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.nft.ruleset import Rule, Ruleset
    from fwplan.simulate.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Culprit:
    """What decided about a packet.

    Attributes:
        place: the table and chain.
        says: the rule, or the policy.
        owner: whose it is.
    """

    place: str
    says: str
    owner: Owner | None


def of_rule(ruleset: Ruleset, rule: Rule) -> Culprit:
    """A rule as what decided."""
    return Culprit(str(rule.place), rule.written or rule_text(rule), owner_of_rule(ruleset, rule))


def decider(ruleset: Ruleset, outcome: Outcome) -> Culprit | None:
    """The rule, or the policy, that decided at a hook."""
    for met in reversed(outcome.trace):
        match met:
            case RuleMet(rule):
                return of_rule(ruleset, rule)
            case ChainEnded(chain, policy) if policy is not None:
                return Culprit(str(chain.place), f"policy {policy}", owner_of_policy(ruleset, chain))
            case _:
                continue
    return None


def accepter(ruleset: Ruleset, outcomes: Sequence[Outcome]) -> Culprit | None:
    """The rule that let a packet pass which was to be refused; None where it is that none refuses it."""
    for outcome in outcomes:
        if outcome.hook not in {"forward", "input"} or outcome.family == "bridge":
            continue
        for met in reversed(outcome.trace):
            if isinstance(met, RuleMet) and met.verdict == "accept":
                return of_rule(ruleset, met.rule)
    return None


def translator(ruleset: Ruleset, outcomes: Sequence[Outcome]) -> Culprit | None:
    """The last rule that rewrote the packet's source."""
    for outcome in reversed(outcomes):
        for met in reversed(outcome.trace):
            if isinstance(met, RuleMet) and any("source" in change for change in met.changes):
                return of_rule(ruleset, met.rule)
    return None
