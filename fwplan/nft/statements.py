"""nftables' statements: what a rule asks and does, in order, as nft lists it.

Source of the names: nft(8) and libnftables-json(5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fwplan.nft.expressions import Expression, Goto, Jump, Unknown, Verdict

if TYPE_CHECKING:
    from fwplan.nft.expressions import AnonymousSet, Ct, Element, Meta, Option, Payload, RawPayload, SetReference

    Key = Meta | Ct | Payload | RawPayload | Option | Unknown

Operator = Literal["==", "!=", "<", ">", "<=", ">=", "in", "!"]


@dataclass(frozen=True, slots=True)
class Match:
    """`tcp dport 22`, `ct state established,related`, `tcp flags ! syn`: the rule goes on where it holds.

    Attributes:
        operator: `in` holds where any of the flags is set, `!` where none is.
        left: what is compared.
        right: with what.
    """

    operator: Operator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Counter:
    """`counter`: counts packets and bytes. Two counters are equal, whatever they have counted."""

    packets: int = field(default=0, compare=False)
    bytes: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Limit:
    """`limit rate over 10 mbytes/second burst 5 kbytes`: goes on only within, or with `over` beyond, that rate.

    Attributes:
        rate: how many in a time.
        per: `second`, `minute`, `hour`, `day` or `week`.
        over: whether it is beyond that it goes on.
        unit: `packets`, or `bytes`, `kbytes`, `mbytes`.
        burst: how many at once.
        burst_unit: of `burst`.
    """

    rate: int
    per: str
    over: bool = False
    unit: str = "packets"
    burst: int | None = None
    burst_unit: str = "packets"


@dataclass(frozen=True, slots=True)
class Quota:
    """`quota over 5 mbytes`: goes on only until, or with `over` after, that much has passed.

    Attributes:
        value: how much.
        unit: `bytes`, `kbytes` or `mbytes`.
        over: whether it is after it that it goes on.
        used: bytes that have passed.
    """

    value: int
    unit: str
    over: bool = False
    used: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Last:
    """`last`: remembers when a packet was here.

    Attributes:
        used: milliseconds since then; None for never.
    """

    used: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """`ct count over 10`: goes on only while there are so few, or with `over` so many, connections."""

    value: int
    over: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """`log prefix "dropped: "`: tells, and goes on.

    Attributes:
        prefix: of what is told.
        options: `level`, `group`, `snaplen`, `queue-threshold` and `flags`, as far as given.
    """

    prefix: str | None = None
    options: tuple[tuple[str, str | int | tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """`reject with icmpx admin-prohibited`: refuses the packet, and tells the sender.

    Attributes:
        type: `icmp`, `icmpv6`, `icmpx` or `tcp reset`; None where nft leaves the usual one out.
        reason: of ICMP; None where it is the usual `port-unreachable`.
    """

    type: str | None = None
    reason: Expression | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """`meta mark set 1`, `ct mark set meta mark`, `ip dscp set cs1`, `meta nftrace set 1`."""

    key: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class Nat:
    """`snat to 192.0.2.1-192.0.2.9:1024-65535`, `dnat to …`, `masquerade`, `redirect to :80`: ends the walk.

    Attributes:
        kind: which of them.
        address: one, a range, a prefix, or a map that gives one; None for none.
        port: one, or a range; None for none.
        family: of the address, where the table has several.
        flags: `random`, `fully-random`, `persistent`, `netmap`.
        type_flags: `interval`, `prefix`, `concat`: what a map gives.
    """

    kind: Literal["snat", "dnat", "masquerade", "redirect"]
    address: Expression | None = None
    port: Expression | None = None
    family: str | None = None
    flags: tuple[str, ...] = ()
    type_flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notrack:
    """`notrack`: the packet belongs to no connection."""


@dataclass(frozen=True, slots=True)
class VerdictMap:
    """`iifname vmap { "virbr0" : jump guests }`: the verdict of the element that matches, if one does."""

    key: Expression
    data: AnonymousSet | SetReference | Unknown


@dataclass(frozen=True, slots=True)
class UpdateSet:
    """`add @NAME { ip saddr timeout 5m }`, `update …`, `delete …`; with `data` in a map.

    Attributes:
        operation: `add`, `update` or `delete`.
        set: which.
        element: what is added, and how long it stays.
        data: what it stands for in a map.
        statements: what the element counts or limits: past a limit the rule ends.
    """

    operation: str
    set: SetReference
    element: Element
    data: Expression | None = None
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Meter:
    """`meter NAME { ip saddr limit rate 5/second }`: a statement for each key by itself."""

    name: str
    key: Expression
    statement: Statement
    size: int | None = None


@dataclass(frozen=True, slots=True)
class UseObject:
    """`counter name "http"`, `limit name …`, `quota name …`, `ct helper set "ftp"` and the like.

    Attributes:
        kind: of the object: `counter`, `limit`, `quota`, `ct helper`, `ct timeout`, `ct expectation`, `synproxy`,
            `secmark`, `tunnel`.
        name: of the object, or a map that gives it.
    """

    kind: str
    name: Expression


@dataclass(frozen=True, slots=True)
class Queue:
    """`queue num 1-3`: a program decides.

    Attributes:
        number: which queue, or what computes it; None for the first.
        flags: `bypass`, `fanout`.
    """

    number: Expression | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """`fwd to "eth0"`, `fwd ip to 192.0.2.1 device "eth0"`: sends the packet out there, at ingress."""

    device: Expression
    address: Expression | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """`dup to 192.0.2.1 device "eth0"`: sends a copy there."""

    address: Expression
    device: Expression | None = None


@dataclass(frozen=True, slots=True)
class TransparentProxy:
    """`tproxy to 127.0.0.1:80`: hands the packet to a local socket."""

    family: str | None = None
    address: Expression | None = None
    port: Expression | None = None


@dataclass(frozen=True, slots=True)
class SynProxy:
    """`synproxy mss 1460 wscale 7`: answers for the server until the connection is made.

    Attributes:
        options: `mss`, `wscale` and `flags`, as far as given.
    """

    options: tuple[tuple[str, int | tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Offload:
    """`flow add @NAME`: further packets of the connection go by a flowtable, past the rules."""

    flowtable: str


@dataclass(frozen=True, slots=True)
class ResetOption:
    """`reset tcp option fastopen`: takes the option out."""

    option: Expression


@dataclass(frozen=True, slots=True)
class Xt:
    """A match or target of iptables in a rule of iptables-nft. nft lists its name, and not what it is told.

    Attributes:
        type: `match`, `target` or `watcher`.
        name: of the extension: `conntrack`, `MASQUERADE`.
    """

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of the conditions hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold. It does not hold of what is not there, so that this then does."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Unsure:
    """A condition of which it is not known whether it holds.

    Attributes:
        written: what it is, as its own program writes it.
        why: what is missing to know it.
        lasting: whether one packet always gets the same answer.
    """

    written: str
    why: str
    lasting: bool = True


Condition = Match | AllOf | AnyOf | Not | Unsure
"""What iptables' matches ask, in nft's words, and in what these alone cannot join."""


@dataclass(frozen=True, slots=True)
class XtMatch:
    """A match of iptables that asks for more than one statement of nft can, and is known by what iptables-save says.

    Attributes:
        written: as iptables-save writes it: `-m conntrack --ctstate NEW,DNAT`.
        condition: what it asks: the rule goes on where it holds.
    """

    written: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class XtTarget:
    """A target of iptables that does something else than a statement of nft, and is known by what iptables-save says.

    What does not apply to a packet changes nothing, and the rule goes on.

    Attributes:
        written: as iptables-save writes it: `-j CONNMARK --restore-mark`.
        statements: what it does, in order; None where that is not understood.
    """

    written: str
    statements: tuple[Statement, ...] | None


Statement = (
    Match
    | Counter
    | Limit
    | Quota
    | Last
    | ConnectionLimit
    | Log
    | Reject
    | Set
    | Nat
    | Notrack
    | VerdictMap
    | UpdateSet
    | Meter
    | UseObject
    | Queue
    | Forward
    | Duplicate
    | TransparentProxy
    | SynProxy
    | Offload
    | ResetOption
    | Xt
    | XtMatch
    | XtTarget
    | Verdict
    | Jump
    | Goto
    | Unknown
)
