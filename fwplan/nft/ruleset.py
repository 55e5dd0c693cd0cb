"""All that a host has of nftables: tables of any family with what is in them, by whomever.

`fwplan.nft.objects` is the smaller vocabulary of what fwplan itself makes. Source of the names: nft(8) and
libnftables-json(5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fwplan.nft.expressions import Element, Expression, Unknown
    from fwplan.nft.statements import Statement


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule is: the chain.

    Attributes:
        family: `ip`, `ip6`, `inet`, `bridge`, `arp` or `netdev`.
        table: its name.
        chain: its name.
    """

    family: str
    table: str
    chain: str

    def __str__(self) -> str:
        return f"{self.family} {self.table} {self.chain}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a chain.

    Attributes:
        place: the chain.
        statements: what it asks and does, in order.
        handle: the number by which the kernel knows it; None where it was not listed, and for one that no kernel has.
        comment: of the administrator.
        written: the rule as its own program writes it, where that is not nft; empty otherwise.
    """

    place: Place
    statements: tuple[Statement, ...]
    handle: int | None = field(default=None, compare=False)
    comment: str | None = None
    written: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the kernel enters a base chain.

    Attributes:
        type: what the chain may do: `filter`, `nat` or `route`.
        hook: the point in the way of a packet: `ingress`, `egress`, `prerouting`, `input`, `forward`, `output` or
            `postrouting`.
        priority: order among the base chains of a hook, lowest first.
        policy: the verdict for what no rule decides.
        devices: of ingress and egress; none where the listing does not say.
    """

    type: str
    hook: str
    priority: int
    policy: Literal["accept", "drop"] = "accept"
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of rules; with a hook it is a base chain, without one it is only jumped to.

    Attributes:
        place: where it is, and its name.
        hook: None for one that is only jumped to.
        rules: in order.
        handle: the number by which the kernel knows it.
        comment: of the administrator.
    """

    place: Place
    hook: Hook | None = None
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    handle: int | None = field(default=None, compare=False)
    comment: str | None = None

    @property
    def name(self) -> str:
        """Its name in its table."""
        return self.place.chain


@dataclass(frozen=True)
class NamedSet:
    """A set or map with a name. Its elements are read when they are first asked for: there may be many.

    Attributes:
        name: in its table.
        type: of a key, by its parts: `("ipv4_addr", "inet_service")`; or the expression that it is the type of.
        data: the same for what a map gives, or `("verdict",)`, `("counter",)`; None for a set.
        flags: `constant`, `interval`, `timeout`, `dynamic`.
        timeout: seconds that an element stays, unless it says so itself.
        size: how many elements there may be.
        statements: what each element counts.
        handle: the number by which the kernel knows it.
        comment: of the administrator.
        options: what else there is to it: `policy`, `gc-interval`, `auto-merge`.
    """

    name: str
    type: tuple[str, ...] | Expression
    read_elements: Callable[[], tuple[Element, ...]] = field(repr=False, compare=False)
    data: tuple[str, ...] | Expression | None = None
    flags: tuple[str, ...] = ()
    timeout: int | None = None
    size: int | None = None
    statements: tuple[Statement, ...] = ()
    handle: int | None = field(default=None, compare=False)
    comment: str | None = None
    options: tuple[tuple[str, str | int], ...] = ()

    @cached_property
    def elements(self) -> tuple[Element, ...]:
        """What is in it.

        Raises:
            UnreadableError: what was listed is no list of elements.
        """
        return self.read_elements()


@dataclass(frozen=True, slots=True)
class NamedObject:
    """A counter, quota, limit, ct helper, ct timeout, ct expectation, synproxy, secmark or flowtable with a name.

    Attributes:
        kind: which of them.
        name: in its table.
        json: all that was listed of it.
    """

    kind: str
    name: str
    json: str


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        family: whose packets its chains see: `ip`, `ip6`, `inet`, `bridge`, `arp` or `netdev`.
        name: within the family.
        chains: by name, in the order of their making.
        sets: sets and maps, by name.
        objects: by kind and name.
        flags: `dormant`: its chains see nothing; `owner`: it goes with the program that made it; `persist`.
        handle: the number by which the kernel knows it.
        comment: of the administrator.
        program: what keeps it: `nft`, which includes iptables-nft, or `iptables-legacy`.
    """

    family: str
    name: str
    chains: Mapping[str, Chain] = field(default_factory=dict, repr=False)
    sets: Mapping[str, NamedSet] = field(default_factory=dict, repr=False)
    objects: Mapping[tuple[str, str], NamedObject] = field(default_factory=dict, repr=False)
    flags: tuple[str, ...] = ()
    handle: int | None = field(default=None, compare=False)
    comment: str | None = None
    program: Literal["nft", "iptables-legacy"] = "nft"

    @property
    def is_dormant(self) -> bool:
        """Whether its chains see nothing."""
        return "dormant" in self.flags

    @property
    def rules(self) -> Iterator[Rule]:
        """All of them, chain after chain."""
        return (rule for chain in self.chains.values() for rule in chain.rules)


@dataclass(frozen=True)
class Ruleset:
    """All tables of a host.

    Attributes:
        tables: in the order of their making.
        release: of the nft that listed it; None where it did not say.
        unknown: what was listed and is none of what a table holds.
    """

    tables: tuple[Table, ...] = ()
    release: str | None = None
    unknown: tuple[Unknown, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[tuple[str, str], Table]:
        """nft's tables by family and name."""
        return {(table.family, table.name): table for table in self.tables if table.program == "nft"}

    @property
    def rules(self) -> Iterator[Rule]:
        """All of them, table after table."""
        return (rule for table in self.tables for rule in table.rules)
