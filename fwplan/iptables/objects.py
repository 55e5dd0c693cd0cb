"""iptables' chains and rules, as far as libvirt's networks need them. Source of the names: iptables(8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Program = Literal["iptables", "ip6tables"]
TableName = Literal["filter", "nat", "mangle"]
Protocol = Literal["tcp", "udp"]

PROGRAMS: tuple[Program, ...] = ("iptables", "ip6tables")


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of one table; one that is not built in has to be made."""

    noun: ClassVar[tuple[str, str]] = ("chain", "chains")

    program: Program
    table: TableName
    name: str


@dataclass(frozen=True, slots=True)
class InInterface:
    """`--in-interface NAME`."""

    name: str


@dataclass(frozen=True, slots=True)
class OutInterface:
    """`--out-interface NAME`."""

    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """`--source SUBNET`."""

    subnet: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Destination:
    """`--destination SUBNET`; with `negated`, every address outside it."""

    subnet: IPv4Network | IPv6Network
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ProtocolIs:
    """`-p PROTOCOL`; with a port, `--protocol PROTOCOL --destination-port PORT`."""

    protocol: Protocol
    destination_port: int | None = None


@dataclass(frozen=True, slots=True)
class BelongsToConnection:
    """`--match conntrack --ctstate ESTABLISHED,RELATED`."""


Match = InInterface | OutInterface | Source | Destination | ProtocolIs | BelongsToConnection


@dataclass(frozen=True, slots=True)
class Ports:
    """Source ports, both ends included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class JumpTo:
    """`--jump TARGET`, for targets without options, and chains."""

    target: str


@dataclass(frozen=True, slots=True)
class Masquerade:
    """`--jump MASQUERADE [--to-ports …]`."""

    ports: Ports | None = None


@dataclass(frozen=True, slots=True)
class Snat:
    """`--jump SNAT --to-source START-END[:PORTS]`."""

    start: IPv4Address | IPv6Address
    end: IPv4Address | IPv6Address
    ports: Ports | None = None


@dataclass(frozen=True, slots=True)
class FillChecksum:
    """`--jump CHECKSUM --checksum-fill`."""


Target = JumpTo | Masquerade | Snat | FillChecksum


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it matches, in the order in which it is written, and what becomes of it."""

    noun: ClassVar[tuple[str, str]] = ("rule", "rules")

    chain: Chain
    matches: tuple[Match, ...]
    target: Target
