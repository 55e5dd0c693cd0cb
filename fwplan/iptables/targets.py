"""What a rule of iptables does with a packet: its target, with the syntax that it is written in.

Source of the names: iptables(8), iptables-extensions(8).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fwplan.iptables.matches import Address, Range, Side, Subnet


class Verdict(enum.Enum):
    """`-j ACCEPT`, `-j DROP`; `-j RETURN`: back to where the chain was jumped to from, or to the policy."""

    ACCEPT = "ACCEPT"
    DROP = "DROP"
    RETURN = "RETURN"


@dataclass(frozen=True, slots=True)
class Jump:
    """`-j CHAIN`: through that chain, and back."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """`-g CHAIN`: through that chain, and back to where this one was jumped to from."""

    chain: str


@dataclass(frozen=True, slots=True)
class Reject:
    """`-j REJECT --reject-with icmp-port-unreachable`: drops the packet and tells the sender.

    Attributes:
        reason: what is told, in iptables' word; None for the usual one.
    """

    reason: str | None = None


# Translation


@dataclass(frozen=True, slots=True)
class Translate:
    """`-j DNAT --to-destination 10.0.0.2-10.0.0.9:8080-8090 --random`, `-j SNAT --to-source …`.

    Attributes:
        side: which is translated.
        first: the first of the new addresses; None where only the port changes.
        last: the last of them.
        ports: the new ones; None where they need not change.
        base: the first of the old ports, where each becomes the one that is as far from the first of the new ones.
        options: `random`, `random-fully`, `persistent`.
    """

    side: Side
    first: Address | None
    last: Address | None
    ports: Range | None = None
    base: int | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Masquerade:
    """`-j MASQUERADE --to-ports 1024-65535`: the source becomes the address of the interface that it leaves by."""

    ports: Range | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """`-j REDIRECT --to-ports 8080`: the destination becomes the host itself."""

    ports: Range | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TranslateSubnet:
    """`-j NETMAP --to 10.2.0.0/24`: only the first bits of the address change, on the side that the hook translates."""

    subnet: Subnet


# Changes


@dataclass(frozen=True, slots=True)
class SetMark:
    """`-j MARK --set-xmark 0x1/0xff`, `-j CONNMARK …`: the bits of the mask go, then those of the value flip.

    Attributes:
        of: the packet or its connection.
        value: what flips.
        mask: what goes.
    """

    of: Literal["packet", "connection"]
    value: int
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class HashMark:
    """`-j HMARK --hmark-tuple src,dst --hmark-mod 10 …`: the mark is drawn by what the packet has.

    Attributes:
        options: as they were saved.
    """

    options: str = ""


@dataclass(frozen=True, slots=True)
class CopyMark:
    """`-j CONNMARK --save-mark`, `--restore-mark`: to the connection, or from it.

    Attributes:
        to: which of the two is changed.
        packet_mask: `--nfmask`: the bits of the packet's mark that are saved, or replaced.
        connection_mask: `--ctmask`: those of the connection's that are replaced, or restored.
    """

    to: Literal["packet", "connection"]
    packet_mask: int = 0xFFFFFFFF
    connection_mask: int = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Classify:
    """`-j CLASSIFY --set-class 0001:0010`: the class of traffic control, both halves in one number."""

    priority: int


@dataclass(frozen=True, slots=True)
class SetDscp:
    """`-j DSCP --set-dscp 0x2e`."""

    value: int


@dataclass(frozen=True, slots=True)
class SetTos:
    """`-j TOS --set-tos 0x10/0x3f`: the bits of the mask go, then those of the value flip."""

    value: int
    mask: int = 0xFF


@dataclass(frozen=True, slots=True)
class SetHopLimit:
    """`-j TTL --ttl-set 64`, `-j HL --hl-dec 1`."""

    how: Literal["set", "inc", "dec"]
    value: int
    extension: Literal["ttl", "hl"] = "ttl"


@dataclass(frozen=True, slots=True)
class DoNotTrack:
    """`-j CT --notrack`, `-j NOTRACK`: the packet belongs to no connection."""


@dataclass(frozen=True, slots=True)
class Track:
    """`-j CT --zone 5 --helper ftp`: how its connection is to be tracked.

    Attributes:
        zone: as it was saved; None where that does not change.
        options: the further ones.
    """

    zone: str | None = None
    options: str = ""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """`-j SET --add-set seen src`: puts what the packet has there into a set of ipset's, or takes it out.

    Attributes:
        operation: `add`, `del` or `map`.
        set: its name.
        sides: for each part of an element, which side of the packet is meant.
        options: further ones, such as `--timeout 60`.
    """

    operation: Literal["add", "del", "map"]
    set: str
    sides: tuple[Side, ...]
    options: str = ""


# The rest


@dataclass(frozen=True, slots=True)
class Log:
    """`-j LOG --log-prefix "dropped: "`, `-j NFLOG --nflog-group 5`: tells, and goes on.

    Attributes:
        prefix: of what is told.
        group: of NFLOG and ULOG; None for LOG.
        options: the further ones.
    """

    prefix: str | None = None
    group: int | None = None
    options: str = ""


@dataclass(frozen=True, slots=True)
class Besides:
    """`-j TCPMSS …`, `-j CHECKSUM …`, `-j TEE …`: does something that no rule asks for, and goes on.

    Attributes:
        extension: its name.
        options: as they were saved.
    """

    extension: str
    options: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """`-j NFQUEUE --queue-num 1 --queue-bypass`: a program decides.

    Attributes:
        options: as they were saved.
    """

    options: str = ""


@dataclass(frozen=True, slots=True)
class TransparentProxy:
    """`-j TPROXY --on-port 3129 --tproxy-mark 0x1/0x1`: to a local socket, and accepted; dropped where there is none.

    Attributes:
        options: as they were saved.
    """

    options: str = ""


@dataclass(frozen=True, slots=True)
class UnknownTarget:
    """What fwplan does not understand. It says nothing of what it does.

    Attributes:
        extension: its name.
        options: as they were saved.
    """

    extension: str
    options: str = ""


Target = (
    Verdict
    | Jump
    | Goto
    | Reject
    | Translate
    | Masquerade
    | Redirect
    | TranslateSubnet
    | SetMark
    | HashMark
    | CopyMark
    | Classify
    | SetDscp
    | SetTos
    | SetHopLimit
    | DoNotTrack
    | Track
    | ChangeSet
    | Log
    | Besides
    | Queue
    | TransparentProxy
    | UnknownTarget
)
