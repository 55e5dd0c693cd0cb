"""All that a host has of iptables: every table, chain and rule, by whomever.

`fwplan.iptables.objects` is the smaller vocabulary of what fwplan itself makes. Source of the names: iptables(8).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.iptables.matches import Match
    from fwplan.iptables.objects import Program
    from fwplan.iptables.targets import Target

Backend = Literal["nft", "legacy"]
"""What of the kernel keeps the rules: nf_tables, with iptables-nft in front of it, or iptables' own tables."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a chain.

    Attributes:
        written: what follows the name of its chain, as it was saved: `-s 10.0.0.0/8 -j ACCEPT`.
        matches: all that it asks.
        target: what becomes of a packet for which all of that holds; None where the rule only counts.
        packets: that have met it; 0 where they were not saved.
        bytes: of these packets.
    """

    written: str
    matches: tuple[Match, ...]
    target: Target | None
    packets: int = field(default=0, compare=False)
    bytes: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of rules: a built-in one, which the kernel enters at a hook, or one that is only jumped to.

    Attributes:
        name: in its table.
        policy: the verdict of a built-in chain for what no rule decides; None for any other.
        rules: in order.
        packets: that have met the policy.
        bytes: of these packets.
    """

    name: str
    policy: Literal["ACCEPT", "DROP"] | None = None
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    packets: int = field(default=0, compare=False)
    bytes: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        name: `raw`, `mangle`, `nat`, `filter` or `security`.
        chains: by name, in the order in which they were saved.
    """

    name: str
    chains: Mapping[str, Chain] = field(default_factory=dict, repr=False)

    @property
    def rules(self) -> Iterator[Rule]:
        """All of them, chain after chain."""
        return (rule for chain in self.chains.values() for rule in chain.rules)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All tables of one program.

    Attributes:
        program: `iptables`, whose packets are IPv4, or `ip6tables`.
        tables: by name, in the order in which they were saved.
        backend: what keeps them; None where the listing does not say.
        not_shown: tables of which the program says that it cannot show them, since nft made them.
        more_in_legacy: whether the program says that there are tables of iptables-legacy besides.
    """

    program: Program
    tables: Mapping[str, Table] = field(default_factory=dict)
    backend: Backend | None = None
    not_shown: tuple[str, ...] = ()
    more_in_legacy: bool = False

    @property
    def rules(self) -> Iterator[Rule]:
        """All of them, table after table."""
        return (rule for table in self.tables.values() for rule in table.rules)
