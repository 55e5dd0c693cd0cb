"""nftables' objects: tables, chains, verdict maps and rules, as far as libvirt's networks need them.

Each is a value; `fwplan.nft.text` and `fwplan.nft.json` write it. Source of the names: nft(8).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Family = Literal["ip", "ip6"]
Protocol = Literal["tcp", "udp"]

FAMILIES: tuple[Family, ...] = ("ip", "ip6")
"""Of libvirt's networks."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: a set of chains of one family."""

    noun: ClassVar[tuple[str, str]] = ("table", "tables")

    family: Family
    name: str


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the kernel enters a base chain.

    Attributes:
        type: what the chain may do.
        hook: the point in the way of a packet.
        priority: order among the base chains of a hook, lowest first.
        policy: the verdict for what no rule decides.
    """

    type: Literal["filter", "nat"]
    hook: Literal["forward", "postrouting"]
    priority: int
    policy: Literal["accept", "drop"]


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of rules; with a hook it is a base chain, without one it is only jumped to."""

    noun: ClassVar[tuple[str, str]] = ("chain", "chains")

    table: Table
    name: str
    hook: Hook | None = None


KeyType = Literal["ifname", "ipv4_addr", "ipv6_addr"]


@dataclass(frozen=True, slots=True)
class VerdictMap:
    """A map from interfaces or addresses to verdicts.

    Attributes:
        table: that it is in.
        name: in the table.
        key: what is looked up.
        intervals: whether its keys are ranges of addresses.
    """

    noun: ClassVar[tuple[str, str]] = ("map", "maps")

    table: Table
    name: str
    key: KeyType
    intervals: bool = False


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses from the first to the last, both included."""

    first: IPv4Address | IPv6Address
    last: IPv4Address | IPv6Address

    @property
    def subnet(self) -> IPv4Network | IPv6Network | None:
        """The subnet that it is; None where it is none."""
        first, size = int(self.first), int(self.last) - int(self.first) + 1
        if size & (size - 1) or first % size:
            return None
        return ip_network((self.first, self.first.max_prefixlen - size.bit_length() + 1))


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a verdict map.

    Attributes:
        table: of the map.
        map: its name.
        key: an interface, or a range of addresses.
        verdict: that it leads to.
    """

    noun: ClassVar[tuple[str, str]] = ("element", "elements")

    table: Table
    map: str
    key: ElementKey
    verdict: ElementVerdict


class Meta(enum.Enum):
    """`meta` expressions for interfaces. `iif` and `oif` compare an index, so that the interface has to exist."""

    IIF = "iif"
    OIF = "oif"
    IIFNAME = "iifname"
    OIFNAME = "oifname"

    @property
    def takes_patterns(self) -> bool:
        """Whether it compares names, where a `*` at the end stands for any ending, and not an index."""
        return self in {Meta.IIFNAME, Meta.OIFNAME}


class Field(enum.Enum):
    """Fields of the packet's IP header, of the family of the table."""

    SADDR = "saddr"
    DADDR = "daddr"


@dataclass(frozen=True, slots=True)
class InterfaceMatch:
    """`iif`, `oif`, `iifname` or `oifname` NAME: the packet came in, or leaves, by it; with `!=`: not by it."""

    key: Meta
    interface: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ProtocolMatch:
    """`meta l4proto PROTOCOL`."""

    protocol: Protocol


@dataclass(frozen=True, slots=True)
class AddressMatch:
    """`ip saddr SUBNET` and the like; with `negated`, every address outside it."""

    field: Field
    subnet: IPv4Network | IPv6Network
    negated: bool = False


@dataclass(frozen=True, slots=True)
class StateMatch:
    """`ct state related,established`: what belongs to a connection that was allowed before."""


@dataclass(frozen=True, slots=True)
class Counter:
    """`counter`: counts packets and bytes. Two counters are equal, whatever they have counted."""

    packets: int = field(default=0, compare=False)
    bytes: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Jump:
    """`jump CHAIN`."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """`goto CHAIN`: as a jump, but without coming back."""

    chain: str


@dataclass(frozen=True, slots=True)
class VerdictMapLookup:
    """`oifname vmap @MAP`, `ip saddr vmap @MAP`: the verdict that the map has for the interface or the address."""

    key: Meta | Field
    map: str


class Verdict(enum.Enum):
    """What ends the walk through a chain."""

    ACCEPT = "accept"
    RETURN = "return"
    DROP = "drop"
    CONTINUE = "continue"
    REJECT = "reject"
    """Not a verdict proper but a statement that ends the walk: the sender is told (ICMP port unreachable)."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Source ports, both ends included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Masquerade:
    """`masquerade`: the source address becomes that of the interface the packet leaves by."""

    ports: Ports | None = None


@dataclass(frozen=True, slots=True)
class Snat:
    """`snat to START-END`: the source address becomes one of the range."""

    start: IPv4Address | IPv6Address
    end: IPv4Address | IPv6Address
    ports: Ports | None = None


ElementKey = str | AddressRange
ElementVerdict = Jump | Goto | Verdict

Statement = (
    InterfaceMatch
    | ProtocolMatch
    | AddressMatch
    | StateMatch
    | Counter
    | Jump
    | Goto
    | VerdictMapLookup
    | Verdict
    | Masquerade
    | Snat
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a chain.

    Attributes:
        table: of the chain.
        chain: the name of the chain.
        statements: what the rule asks and does, in order.
        handle: the number by which the kernel knows it; None for one that no kernel has yet. Two rules that say the
            same are equal, whatever their handles.
    """

    noun: ClassVar[tuple[str, str]] = ("rule", "rules")

    table: Table
    chain: str
    statements: tuple[Statement, ...]
    handle: int | None = field(default=None, compare=False)
