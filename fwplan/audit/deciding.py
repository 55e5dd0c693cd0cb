"""Which rule, or policy, decided what became of a packet, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.audit.owners import Owner, owner_of_policy, owner_of_rule
from fwplan.audit.places import said
from fwplan.audit.strangers import STRANGER, Strangers
from fwplan.simulate.outcome import ChainEnded, ChainEntered, Doubt, RuleMet

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fwplan.nft.ruleset import Chain, Place, Rule, Ruleset
    from fwplan.simulate.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Culprit:
    """What decided about a packet.

    Attributes:
        place: the table and chain; empty where it is no rule.
        says: the rule, or the policy, in words.
        owner: whose it is; None where it is a statement in doubt.
        hook: at which of the kernel's hooks it decided.
        base: the base chain by which the packet came to it; None where it is no rule.
        rule: the rule; None for a policy.
    """

    place: str
    says: str
    owner: Owner | None = None
    hook: str = ""
    base: Place | None = None
    rule: Rule | None = None

    @property
    def is_policy(self) -> bool:
        """Whether it is that no rule decided."""
        return self.rule is None and self.owner is not None


@dataclass(frozen=True)
class Deciders:
    """The rules of a host, as those who may have decided.

    Attributes:
        ruleset: all of them.
        strangers: those among libvirt's that are not libvirt's.
        tables: family and name of those that the plan's own rules are in.
    """

    ruleset: Ruleset
    strangers: Strangers
    tables: Collection[tuple[str, str]]

    def refuser(self, outcome: Outcome) -> Culprit | None:
        """The rule, or the policy, that decided at a hook."""
        base = None
        found = None
        for met in outcome.trace:
            match met:
                case ChainEntered(chain):
                    base = chain
                case RuleMet(rule):
                    found = self._rule(rule, outcome.hook, base)
                case ChainEnded(chain, policy) if policy is not None:
                    owner = owner_of_policy(self.ruleset, chain)
                    says = f"policy {policy} of {chain.name}"
                    found = Culprit(str(chain.place), says, owner, outcome.hook, chain.place)
                case _:
                    continue
        return found

    def accepter(self, outcomes: Sequence[Outcome]) -> Culprit | None:
        """The rule that let a packet pass before rules of the plan that would refuse it; None where there is none.

        It is in a table of the plan's own rules: an accept in any other does not keep these from refusing.
        """
        for outcome in outcomes:
            if outcome.hook not in {"forward", "input", "output"} or outcome.family == "bridge":
                continue
            base = None
            for met in outcome.trace:
                match met:
                    case ChainEntered(chain):
                        base = chain
                    case RuleMet(rule, verdict="accept") if (rule.place.family, rule.place.table) in self.tables:
                        return self._rule(rule, outcome.hook, base)
                    case _:
                        continue
        return None

    def translator(self, outcomes: Sequence[Outcome]) -> Culprit | None:
        """The rule by which the packet's source was rewritten; None where there is none."""
        for outcome in reversed(outcomes):
            for met in reversed(outcome.trace):
                if isinstance(met, RuleMet) and met.verdict in {"snat", "masquerade"}:
                    return self._rule(met.rule, outcome.hook, None)
        return None

    def _rule(self, rule: Rule, hook: str, base: Chain | None) -> Culprit:
        owner = STRANGER if self.strangers.includes(rule) else owner_of_rule(self.ruleset, rule)
        return Culprit(str(rule.place), said(rule), owner, hook, None if base is None else base.place, rule)


def in_doubt(doubt: Doubt) -> Culprit:
    """A statement on which it depends what becomes of a packet."""
    place = "" if doubt.place is None else str(doubt.place)
    return Culprit(place, f"{doubt.statement} ({doubt.why})", rule=doubt.rule)
