"""nftables' expressions: what a rule compares, computes and looks up, as nft lists it.

They keep nft's own words: an address, a port's name or a flag is a `Word` until somebody asks what it stands for, since
only the expression that it is compared with tells (`fwplan.nft.datatypes`). Source of the names: nft(8) and
libnftables-json(5).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fwplan.nft.statements import Statement


@dataclass(frozen=True, slots=True)
class Number:
    """`22`, `0x10`."""

    value: int


@dataclass(frozen=True, slots=True)
class Word:
    """`tcp`, `established`, `192.0.2.1`, `"virbr0"`, `"virbr*"`; `*` alone is what matches where no other element does.

    A backslash before the `*` at the end of an interface's name is in it, as nft lists it.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Boolean:
    """`exists`, `missing`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Flags:
    """`established,related`: any or all of them, as the operator says."""

    values: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """`80-90`, both ends included."""

    start: Expression
    end: Expression


@dataclass(frozen=True, slots=True)
class Prefix:
    """`192.0.2.0/24`: the first bits of an address."""

    address: Expression
    length: int


@dataclass(frozen=True, slots=True)
class Concatenation:
    """`ip saddr . tcp dport`."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a set, or of a map, with what belongs to it alone.

    Attributes:
        key: what is compared.
        data: what it stands for in a map; None in a set.
        statements: what it counts or limits. One with a limit matches only within it.
        timeout: seconds after which it goes; None where it stays, or where the set says so for all.
        expires: seconds that are left.
        comment: of the administrator.
    """

    key: Expression
    data: Expression | None = None
    statements: tuple[Statement, ...] = ()
    timeout: int | None = None
    expires: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class AnonymousSet:
    """`{ 22, 80-90 }`, or a map, `{ 22 : accept }`."""

    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class SetReference:
    """`@NAME`: a set or map of the same table."""

    name: str


@dataclass(frozen=True, slots=True)
class Payload:
    """`ip saddr`, `tcp dport`, `th dport`, `ether saddr`: a field of the packet. It matches no other protocol.

    Attributes:
        protocol: the header.
        field: in that header.
        tunnel: the header that it is inside of (`vxlan`, `gre`, ...); None for the outermost.
    """

    protocol: str
    field: str
    tunnel: str | None = None


@dataclass(frozen=True, slots=True)
class RawPayload:
    """`@th,16,16`: bits of the packet, counted from the start of a header.

    Attributes:
        base: `ll`, `nh`, `th` or `ih`: the header.
        offset: of the first bit.
        length: in bits.
    """

    base: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class ExtensionHeader:
    """`frag frag-off`, or `exthdr hbh exists`: an extension header of IPv6, or with a field that field of it."""

    name: str
    field: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """`tcp option maxseg size`, `ip option rr exists`, `sctp chunk init`, `dccp option 5`: an option, or a field of it.

    Attributes:
        protocol: `tcp option`, `ip option`, `sctp chunk` or `dccp option`.
        name: of the option, or its number.
        field: of the option; None asks whether it is there.
    """

    protocol: Literal["tcp option", "ip option", "sctp chunk", "dccp option"]
    name: str | int
    field: str | None = None


@dataclass(frozen=True, slots=True)
class RawOption:
    """`tcp option @5,16,8`: bits of an option.

    Attributes:
        protocol: `tcp option`.
        kind: the number of the option.
        offset: of the first bit.
        length: in bits.
    """

    protocol: Literal["tcp option"]
    kind: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Meta:
    """`meta mark`, `iifname`: what the kernel knows of the packet."""

    key: str


@dataclass(frozen=True, slots=True)
class Ct:
    """`ct state`, `ct original ip saddr`: what connection tracking knows of its connection.

    Attributes:
        key: `state`, `status`, `mark`, `ip saddr`, `proto-dst` and so on.
        direction: `original` or `reply`; None where the key has none.
    """

    key: str
    direction: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """`rt nexthop`, `rt mtu`: what routing has decided.

    Attributes:
        key: `nexthop`, `mtu`, `classid`, `ipsec`.
        family: `ip` or `ip6` for `nexthop`.
    """

    key: str
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Socket:
    """`socket transparent`, `socket cgroupv2 level 1`: the local socket that the packet is for."""

    key: str


@dataclass(frozen=True, slots=True)
class Fib:
    """`fib saddr . iif oif`: what a lookup in the routing table gives.

    Attributes:
        result: `type`, `oif` or `oifname`.
        flags: what is looked up: `saddr` or `daddr`, with `mark`, `iif`, `oif`.
    """

    result: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Numgen:
    """`numgen inc mod 2 offset 1`: one number after the other, or at random."""

    mode: str
    modulus: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Jhash:
    """`jhash ip saddr mod 2 seed 0xdeadbeef offset 1`: a number that goes with the packet."""

    of: Expression
    modulus: int
    seed: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Symhash:
    """`symhash mod 2 offset 1`: a number that goes with the connection, the same both ways."""

    modulus: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """`osf name`: what the sender's system looks like.

    Attributes:
        key: `name` or `version`.
        ttl: how its TTL is compared: `loose`, `skip`; None for exactly.
    """

    key: str
    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Ipsec:
    """`ipsec in reqid`, `ipsec out ip saddr`: the transformation that the packet came through, or goes through.

    Attributes:
        key: `reqid`, `spi`, `saddr`, `daddr`.
        direction: `in` or `out`.
        number: which of several.
        family: of an address.
    """

    key: str
    direction: str
    number: int = 0
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Tunnel:
    """`tunnel id`: the metadata of the tunnel that the packet came through."""

    key: str


@dataclass(frozen=True, slots=True)
class Operation:
    """`meta mark & 0xff`, `fin | syn | rst`, `ct mark << 8`: arithmetic on bits, from left to right."""

    operator: Literal["&", "|", "^", "<<", ">>"]
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """`ip saddr map { 192.0.2.1 : 5 }`, `ip saddr map @NAME`: what the key stands for."""

    key: Expression
    data: Expression


class Verdict(enum.Enum):
    """What ends a rule, and unless it is `continue` the walk through the chain."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Jump:
    """`jump CHAIN`: through that chain, and back."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """`goto CHAIN`: through that chain, and back to where this one was jumped to from."""

    chain: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """What fwplan does not understand. It says nothing of what it does: neither that it matches nor that it does not.

    Attributes:
        kind: nft's name of it.
        json: all of it, as nft gave it.
    """

    kind: str
    json: str


Expression = (
    Number
    | Word
    | Boolean
    | Flags
    | Range
    | Prefix
    | Concatenation
    | Element
    | AnonymousSet
    | SetReference
    | Payload
    | RawPayload
    | ExtensionHeader
    | Option
    | RawOption
    | Meta
    | Ct
    | Route
    | Socket
    | Fib
    | Numgen
    | Jhash
    | Symhash
    | OperatingSystem
    | Ipsec
    | Tunnel
    | Operation
    | Map
    | Verdict
    | Jump
    | Goto
    | Unknown
)
