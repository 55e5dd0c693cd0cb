"""What a rule of iptables asks of a packet: a value for each of its matches, with the syntax that it is written in.

`negated` is the `!` before the option. Source of the names: iptables(8), iptables-extensions(8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    Address = IPv4Address | IPv6Address
    Subnet = IPv4Network | IPv6Network

Side = Literal["source", "destination"]


@dataclass(frozen=True, slots=True)
class Masked:
    """`10.0.0.1/255.0.255.0`: addresses that agree in the bits of a mask which is no prefix."""

    address: Address
    mask: Address


@dataclass(frozen=True, slots=True)
class Range:
    """`1024:65535`, `100`: numbers from the first to the last."""

    first: int
    last: int


# Of iptables itself


@dataclass(frozen=True, slots=True)
class AddressIs:
    """`-s 10.0.0.0/8`, `! -d fd00::/64`."""

    side: Side
    addresses: Subnet | Masked
    negated: bool = False


@dataclass(frozen=True, slots=True)
class InterfaceIs:
    """`-i eth0`, `! -o vnet+`: by which the packet came in, or goes out. A `+` at the end stands for any ending."""

    direction: Literal["in", "out"]
    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ProtocolIs:
    """`-p tcp`, `! -p 47`: the name of the transport protocol, or its number."""

    protocol: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IsLaterFragment:
    """`-f`: a fragment other than the first."""

    negated: bool = False


# Of the transport protocol


@dataclass(frozen=True, slots=True)
class PortIs:
    """`-m tcp --dport 22`, `-m multiport ! --sports 80,8000:8080`, `-m multiport --ports 53`.

    Attributes:
        protocols: those that have such a port: `tcp`, `udp`, `sctp`, `dccp`; several for multiport.
        side: whose port; None for either of them.
        ports: one of which it has to be.
        negated: whether it has to be none of them.
    """

    protocols: tuple[str, ...]
    side: Side | None
    ports: tuple[Range, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TcpFlagsAre:
    """`-m tcp --tcp-flags SYN,RST SYN`: of the flags in the mask, these are set and no others; both as bits."""

    mask: int
    flags: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IcmpTypeIs:
    """`-m icmp --icmp-type 3/4`, `-m icmp6 --icmpv6-type 128`.

    Attributes:
        protocol: which of the two.
        type: its number; None for `any`.
        code: its number; None for every one.
        negated: whether it has to be another.
    """

    protocol: Literal["icmp", "icmpv6"]
    type: int | None
    code: int | None = None
    negated: bool = False


# Of connection tracking


@dataclass(frozen=True, slots=True)
class StateIs:
    """`--ctstate RELATED,ESTABLISHED`, `-m state --state NEW`. `SNAT` and `DNAT` ask whether it is translated."""

    states: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class StatusIs:
    """`--ctstatus ASSURED,CONFIRMED`: any of them; `NONE` is never."""

    statuses: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class DirectionIs:
    """`--ctdir ORIGINAL`: the packet goes the way of the first of its connection."""

    direction: Literal["original", "reply"]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionAddressIs:
    """`--ctorigdst 10.0.0.1`, `! --ctreplsrc 10.0.0.0/8`."""

    way: Literal["original", "reply"]
    side: Side
    addresses: Subnet | Masked
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionPortIs:
    """`--ctorigdstport 80`, `--ctreplsrcport 1:1024`."""

    way: Literal["original", "reply"]
    side: Side
    ports: Range
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionProtocolIs:
    """`--ctproto 6`."""

    protocol: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionExpires:
    """`--ctexpire 1:100`: the seconds that are left."""

    seconds: Range
    negated: bool = False


ConnectionQuestion = (
    StateIs | StatusIs | DirectionIs | ConnectionAddressIs | ConnectionPortIs | ConnectionProtocolIs | ConnectionExpires
)


@dataclass(frozen=True, slots=True)
class Conntrack:
    """`-m conntrack`, `-m state`: all of the questions. Of a packet without a connection only its state is asked."""

    questions: tuple[ConnectionQuestion, ...]


@dataclass(frozen=True, slots=True)
class MarkIs:
    """`-m mark --mark 0x1/0xff`, `-m connmark ! --mark 0x1`.

    Attributes:
        of: the packet or its connection.
        value: of the bits in the mask.
        mask: the bits that are compared.
        negated: whether they have to be otherwise.
    """

    of: Literal["packet", "connection"]
    value: int
    mask: int = 0xFFFFFFFF
    negated: bool = False


# Of the host


@dataclass(frozen=True, slots=True)
class AddressTypeIs:
    """`-m addrtype --dst-type LOCAL,BROADCAST --limit-iface-in`: what the address is to the host.

    Attributes:
        side: whose address.
        types: one of which it has to be, in small letters: `local`, `unicast`, `broadcast`, ...
        negated: whether it has to be none of them.
        of_interface: whether only the interface counts by which the packet came `in` or goes `out`.
    """

    side: Side
    types: tuple[str, ...]
    negated: bool = False
    of_interface: Literal["in", "out"] | None = None


@dataclass(frozen=True, slots=True)
class PortOfBridgeIs:
    """`--physdev-in vnet0`, `! --physdev-out vnet+`."""

    direction: Literal["in", "out"]
    name: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class HasPortOfBridge:
    """`--physdev-is-in`, `--physdev-is-out`; `bridged` is `--physdev-is-bridged`: it stays on the bridge."""

    direction: Literal["in", "out", "bridged"]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class PhysicalDevice:
    """`-m physdev`: all of the questions, about ports of a bridge whose frames go through the rules of IP."""

    questions: tuple[PortOfBridgeIs | HasPortOfBridge, ...]


@dataclass(frozen=True, slots=True)
class InterfaceGroupIs:
    """`-m devgroup --src-group 0x5/0xff`: the group of the interface that the packet came in by, or goes out by."""

    direction: Literal["in", "out"]
    value: int
    mask: int = 0xFFFFFFFF
    negated: bool = False


@dataclass(frozen=True, slots=True)
class OwnerIs:
    """`-m owner --uid-owner 1000-2000`, `! --gid-owner 0`, `--socket-exists` (of whatever user).

    Attributes:
        kind: of the number.
        ids: one of which it has to be; None asks only whether there is a socket.
        negated: whether it has to be another. That holds for a packet without a socket, too.
    """

    kind: Literal["user", "group"]
    ids: Range | None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ReversePath:
    """`-m rpfilter --loose --accept-local --invert`: the way back to the source leads where the packet came from.

    Attributes:
        loose: any interface will do.
        accept_local: an address of the host itself will do.
        with_mark: the way back is looked up with the packet's mark.
        negated: whether it must not.
    """

    loose: bool = False
    accept_local: bool = False
    with_mark: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class InSet:
    """`-m set ! --match-set blocked src,dst`: what the packet has there is in a set of ipset's.

    Attributes:
        set: its name.
        sides: for each part of an element, which side of the packet is looked at.
        negated: whether it must not be in it.
        options: further ones, such as `--return-nomatch`.
    """

    set: str
    sides: tuple[Side, ...]
    negated: bool = False
    options: str = ""


# Of the packet


@dataclass(frozen=True, slots=True)
class PacketTypeIs:
    """`-m pkttype --pkt-type multicast`."""

    type: Literal["unicast", "broadcast", "multicast", "otherhost"]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class SourceMacIs:
    """`-m mac --mac-source 00:16:3e:12:34:56`."""

    address: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class AddressInRange:
    """`-m iprange --src-range 10.0.0.1-10.0.0.9`."""

    side: Side
    first: Address
    last: Address
    negated: bool = False


@dataclass(frozen=True, slots=True)
class LengthIs:
    """`-m length --length 100:200`: of the IP packet, in bytes."""

    lengths: Range
    negated: bool = False


@dataclass(frozen=True, slots=True)
class HopLimitIs:
    """`-m ttl --ttl-eq 64`, `-m hl --hl-lt 3`."""

    comparison: Literal["==", "<", ">"]
    value: int
    negated: bool = False
    extension: Literal["ttl", "hl"] = "ttl"


@dataclass(frozen=True, slots=True)
class DscpIs:
    """`-m dscp --dscp 0x2e`."""

    value: int
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TosIs:
    """`-m tos --tos 0x10/0x3f`."""

    value: int
    mask: int = 0xFF
    negated: bool = False


# What the packet alone does not answer


@dataclass(frozen=True, slots=True)
class Comment:
    """`-m comment --comment "text"`: holds always."""

    text: str


@dataclass(frozen=True, slots=True)
class Always:
    """`-m recent --set`: remembers something, and holds always."""

    extension: str
    written: str


@dataclass(frozen=True, slots=True)
class OutOfSight:
    """`-m limit --limit 3/min`, `-m statistic …`, `-m string …`: what it asks for is no part of a simulation.

    Attributes:
        extension: its name.
        written: as it was saved, with its options.
    """

    extension: str
    written: str


@dataclass(frozen=True, slots=True)
class UnknownMatch:
    """What fwplan does not understand. It says nothing of what it asks.

    Attributes:
        extension: its name; empty for an option of iptables itself.
        written: as it was saved, with its options.
    """

    extension: str
    written: str


Match = (
    AddressIs
    | InterfaceIs
    | ProtocolIs
    | IsLaterFragment
    | PortIs
    | TcpFlagsAre
    | IcmpTypeIs
    | Conntrack
    | MarkIs
    | AddressTypeIs
    | PhysicalDevice
    | InterfaceGroupIs
    | OwnerIs
    | ReversePath
    | InSet
    | PacketTypeIs
    | SourceMacIs
    | AddressInRange
    | LengthIs
    | HopLimitIs
    | DscpIs
    | TosIs
    | Comment
    | Always
    | OutOfSight
    | UnknownMatch
)
