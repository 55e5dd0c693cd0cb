"""Which rule, or policy, decided what became of a packet, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.audit.owners import Owner, owner_of_policy, owner_of_rule
from fwplan.audit.strangers import STRANGER, Strangers
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
        owner: whose it is; None where it is a rule that is in doubt.
        handle: of the rule; None for a policy.
    """

    place: str
    says: str
    owner: Owner | None
    handle: int | None = None


@dataclass(frozen=True)
class Deciders:
    """The rules of a host, as those who may have decided.

    Attributes:
        ruleset: all of them.
        strangers: those in libvirt's tables that are not libvirt's.
    """

    ruleset: Ruleset
    strangers: Strangers

    def of(self, outcome: Outcome) -> Culprit | None:
        """The rule, or the policy, that decided at a hook."""
        for met in reversed(outcome.trace):
            match met:
                case RuleMet(rule):
                    return self._rule(rule)
                case ChainEnded(chain, policy) if policy is not None:
                    owner = owner_of_policy(self.ruleset, chain)
                    return Culprit(str(chain.place), f"policy {policy}", owner)
                case _:
                    continue
        return None

    def accepter(self, outcomes: Sequence[Outcome]) -> Culprit | None:
        """The rule that let a packet pass which was to be refused; None where it is that none refuses it."""
        for outcome in outcomes:
            if outcome.hook not in {"forward", "input"} or outcome.family == "bridge":
                continue
            for met in reversed(outcome.trace):
                if isinstance(met, RuleMet) and met.verdict == "accept":
                    return self._rule(met.rule)
        return None

    def translator(self, outcomes: Sequence[Outcome]) -> Culprit | None:
        """The last rule that rewrote the packet's source."""
        for outcome in reversed(outcomes):
            for met in reversed(outcome.trace):
                if isinstance(met, RuleMet) and any("source" in change for change in met.changes):
                    return self._rule(met.rule)
        return None

    def _rule(self, rule: Rule) -> Culprit:
        owner = STRANGER if self.strangers.includes(rule) else owner_of_rule(self.ruleset, rule)
        return Culprit(str(rule.place), rule.written or rule_text(rule), owner, rule.handle)
