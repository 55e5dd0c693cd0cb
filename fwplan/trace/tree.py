"""What a packet met at a hook, as people read it: base chains, and below each rule that jumps what it met there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fwplan.nft.expressions import Goto, Jump
from fwplan.nft.statements import VerdictMap
from fwplan.simulate.outcome import ChainEnded, ChainEntered, RuleBegun, RuleInDoubt, RuleMet, Translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fwplan.nft.ruleset import Chain, Place, Rule
    from fwplan.simulate.outcome import Met


@dataclass
class Step:
    """A rule that held, that changed the packet before it came to what did not hold, or that is in doubt.

    Attributes:
        met: what it did.
        inside: the chain that it led to; empty for none.
        is_last: whether no rule comes after it in its chain.
        steps: what the packet met there.
    """

    met: RuleMet | RuleBegun | RuleInDoubt
    inside: str = ""
    is_last: bool = False
    steps: list[Step] = field(default_factory=list)

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.met.rule

    @property
    def matters(self) -> bool:
        """Whether anything came of it, here or where it led to."""
        if isinstance(self.met, RuleInDoubt):
            return False
        if isinstance(self.met, RuleBegun):
            return True
        if self.inside:
            return bool(self.met.changes) or any(step.matters for step in self.steps)
        if self.met.verdict == "return" and self.is_last:
            return bool(self.met.changes)
        return self.met.verdict != "continue" or bool(self.met.changes)


@dataclass
class Visit:
    """A packet in a base chain, or between chains where connection tracking rewrites it.

    Attributes:
        chain: the base chain; None where the packet is rewritten.
        steps: what it met.
        policy: that decided; None where a rule did.
        changes: of the packet, in words.
    """

    chain: Chain | None
    steps: list[Step] = field(default_factory=list)
    policy: Literal["accept", "drop"] | None = None
    changes: tuple[str, ...] = ()

    @property
    def matters(self) -> bool:
        """Whether anything came of it."""
        return self.chain is None or self.policy == "drop" or bool(self.changes) or any(s.matters for s in self.steps)


def visits(trace: Iterable[Met], lengths: Callable[[Place], int]) -> list[Visit]:
    """What a packet met at one hook, base chain after base chain.

    Args:
        trace: what it met.
        lengths: how many rules a chain has.
    """
    found: list[Visit] = []
    open_steps: list[Step] = []
    for met in trace:
        match met:
            case ChainEntered(chain):
                found.append(Visit(chain))
                open_steps = []
            case Translated(changes):
                _translated(found, changes)
            case ChainEnded(_, policy):
                if policy is not None:
                    found[-1].policy = policy
            case RuleMet() | RuleBegun() | RuleInDoubt():
                while open_steps and open_steps[-1].inside != met.rule.place.chain:
                    open_steps.pop()
                step = Step(met, _target(met), met.position + 1 == lengths(met.rule.place))
                (open_steps[-1].steps if open_steps else found[-1].steps).append(step)
                if step.inside:
                    open_steps.append(step)
    return found


def _translated(found: list[Visit], changes: tuple[str, ...]) -> None:
    """What a base chain of type nat made of the packet belongs to it; what was decided before stands alone."""
    last = found[-1] if found else None
    if last is not None and last.chain is not None and last.chain.hook is not None and last.chain.hook.type == "nat":
        last.changes = changes
    else:
        found.append(Visit(None, changes=changes))


def _target(met: RuleMet | RuleBegun | RuleInDoubt) -> str:
    """The chain that a rule led to."""
    if not isinstance(met, RuleMet):
        return ""
    word, _, chain = met.verdict.partition(" ")
    if word not in {"jump", "goto"}:
        return ""
    named = next((each.chain for each in met.rule.statements if isinstance(each, Jump | Goto)), None)
    leads = named is not None or any(isinstance(each, VerdictMap) for each in met.rule.statements)
    return named or (chain if leads else "")
