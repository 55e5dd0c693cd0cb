"""What became of a packet, and what it met on its way.

Three verdicts: it is accepted, it is refused, or what fwplan knows does not decide it; then the answer names the
statements that would.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from fwplan.nft.ruleset import Chain, Place, Rule
    from fwplan.simulate.packet import Packet


@dataclass(frozen=True, slots=True)
class Accept:
    """The packet goes on."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The packet ends here.

    Attributes:
        told: what the sender is told: `icmp port-unreachable`, `tcp reset`; empty where it is dropped in silence.
    """

    told: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A statement whose outcome is not known, and would decide.

    Attributes:
        statement: in nft's syntax, or what else it is that is not known.
        why: what is missing to know it.
        place: the chain; None where it is no rule that is in doubt.
        rule: the rule; None where it is no rule that is in doubt.
        position: of the rule in its chain, from 0.
    """

    statement: str
    why: str
    place: Place | None = None
    rule: Rule | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """What becomes of the packet is not known.

    Attributes:
        because: the statements in doubt, in the order of the walk.
        possible: the verdicts that they lead to.
    """

    because: tuple[Doubt, ...]
    possible: frozenset[Accept | Refuse] = frozenset()


Verdict = Accept | Refuse | Undecided


@dataclass(frozen=True, slots=True)
class ChainEntered:
    """The packet came to a base chain."""

    chain: Chain


@dataclass(frozen=True, slots=True)
class RuleMet:
    """A rule held for the packet: all that it asks, and so all that it says was done.

    Attributes:
        rule: the rule, which knows its chain.
        position: in the chain, from 0.
        verdict: `accept`, `drop`, `reject with …`, `jump …`, `goto …`, `return`, `continue`, `snat`, ...
        changes: what it changed of the packet, in words: `meta mark 0x0 → 0x1`.
        assumed: the statements in doubt that were taken to hold.
    """

    rule: Rule
    position: int
    verdict: str
    changes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleBegun:
    """A rule changed the packet before it came to something that did not hold.

    Attributes:
        rule: the rule, which knows its chain.
        position: in the chain, from 0.
        changes: what it changed of the packet, in words.
    """

    rule: Rule
    position: int
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleInDoubt:
    """A rule of which it is not known whether it holds.

    Either it does not matter, and it was taken not to hold; or it decides, and the trace ends here.

    Attributes:
        rule: the rule, which knows its chain.
        position: in the chain, from 0.
        doubt: the statement.
    """

    rule: Rule
    position: int
    doubt: Doubt


@dataclass(frozen=True, slots=True)
class ChainEnded:
    """No rule decided: back to where the chain was jumped to from, or for a base chain its policy.

    Attributes:
        chain: that ended.
        policy: of a base chain; None for any other.
    """

    chain: Chain
    policy: Literal["accept", "drop"] | None


@dataclass(frozen=True, slots=True)
class Translated:
    """Connection tracking rewrote the packet as it had for the first one of the connection.

    Attributes:
        changes: what it changed, in words: `source 192.168.122.10 → 203.0.113.1`.
    """

    changes: tuple[str, ...]


Met = ChainEntered | RuleMet | RuleBegun | RuleInDoubt | ChainEnded | Translated


@dataclass(frozen=True)
class Outcome:
    """What became of a packet at one hook.

    Attributes:
        family: whose hook it was: `ip`, `ip6`, `bridge`, ...
        hook: which.
        verdict: of all base chains together.
        way: the way that it went, or up to the first statement that decides.
    """

    family: str
    hook: str
    verdict: Verdict
    way: WayGone

    @cached_property
    def packet(self) -> Packet:
        """The packet as it left the hook; what is not known of it any longer is None."""
        return self.way.packet()

    @cached_property
    def trace(self) -> tuple[Met, ...]:
        """What it met, in order. For an undecided one: up to the first statement that decides."""
        return self.way.trace()


class WayGone(Protocol):
    """What a walk remembers, until somebody asks."""

    def packet(self) -> Packet:
        """The packet at its end."""
        ...

    def trace(self) -> tuple[Met, ...]:
        """What it met."""
        ...
