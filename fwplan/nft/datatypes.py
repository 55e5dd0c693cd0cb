"""What nft's words stand for: each expression has a datatype, and the datatype says what a word is in numbers.

Source: `nft describe`, and nftables' src/datatype.c, src/proto.c, src/ct.c, src/meta.c and src/fib.c (1.0.0 to 1.1.5).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from fwplan.nft.expressions import (
    Concatenation,
    Ct,
    ExtensionHeader,
    Fib,
    Ipsec,
    Jhash,
    Map,
    Meta,
    Numgen,
    OperatingSystem,
    Operation,
    Option,
    Payload,
    RawPayload,
    Route,
    Socket,
    Symhash,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.nft.expressions import Expression


class Form(enum.Enum):
    """How a value of a datatype is written, and what it is."""

    NUMBER = "number"
    HEXADECIMAL = "hexadecimal"
    FLAGS = "flags"
    """Bits, each with a name."""
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    MAC = "mac"
    INTERFACE_NAME = "interface name"
    """Text, where a `*` at the end stands for any ending."""
    INTERFACE_INDEX = "interface index"
    """A number, written as the name of the interface that has it now."""
    TEXT = "text"
    OTHER = "other"
    """What fwplan does not read: times, realms, classes of traffic control."""


@dataclass(frozen=True, slots=True)
class Datatype:
    """A datatype of nft.

    Attributes:
        name: nft's.
        bits: how long a value is; 0 where that depends.
        form: what a value is.
        words: numbers that have a name.
    """

    name: str
    bits: int
    form: Form = Form.NUMBER
    words: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)


def _numbered(names: str, start: int = 0) -> dict[str, int]:
    return {name: number for number, name in enumerate(names.split(), start)}


def _pairs(pairs: str) -> dict[str, int]:
    return {name: int(number, 0) for name, _, number in (pair.partition("=") for pair in pairs.split())}


_INTEGER = {bits: Datatype("integer", bits) for bits in (1, 2, 3, 4, 5, 6, 8, 12, 16, 20, 24, 32, 64, 128)}

_DATATYPES = (
    Datatype("ipv4_addr", 32, Form.IPV4),
    Datatype("ipv6_addr", 128, Form.IPV6),
    Datatype("ether_addr", 48, Form.MAC),
    Datatype("ll_addr", 48, Form.MAC),
    Datatype("ether_type", 16, words=_pairs("ip=0x0800 arp=0x0806 ip6=0x86dd 8021q=0x8100 8021ad=0x88a8 vlan=0x8100")),
    Datatype(
        "inet_proto",
        8,
        words=_pairs(
            "ip=0 hopopt=0 icmp=1 igmp=2 ggp=3 ipencap=4 st=5 tcp=6 egp=8 igp=9 pup=12 udp=17 hmp=20 xns-idp=22 rdp=27"
            " iso-tp4=29 dccp=33 xtp=36 ddp=37 idpr-cmtp=38 ipv6=41 ipv6-route=43 ipv6-frag=44 idrp=45 rsvp=46 gre=47"
            " esp=50 ah=51 skip=57 icmpv6=58 ipv6-icmp=58 ipv6-nonxt=59 ipv6-opts=60 rspf=73 vmtp=81 eigrp=88 ospf=89"
            " ax.25=93 ipip=94 etherip=97 encap=98 pim=103 comp=108 ipcomp=108 vrrp=112 l2tp=115 isis=124 sctp=132"
            " fc=133 mobility-header=135 udplite=136 mpls-in-ip=137 manet=138 hip=139 shim6=140 wesp=141 rohc=142"
        ),
    ),
    Datatype("inet_service", 16),
    Datatype("mark", 32, Form.HEXADECIMAL),
    Datatype(
        "icmp_type",
        8,
        words=_pairs(
            "echo-reply=0 destination-unreachable=3 source-quench=4 redirect=5 echo-request=8 router-advertisement=9"
            " router-solicitation=10 time-exceeded=11 parameter-problem=12 timestamp-request=13 timestamp-reply=14"
            " info-request=15 info-reply=16 address-mask-request=17 address-mask-reply=18"
        ),
    ),
    Datatype(
        "icmpv6_type",
        8,
        words=_pairs(
            "destination-unreachable=1 packet-too-big=2 time-exceeded=3 parameter-problem=4 echo-request=128"
            " echo-reply=129 mld-listener-query=130 mld-listener-report=131 mld-listener-done=132"
            " mld-listener-reduction=132 nd-router-solicit=133 nd-router-advert=134 nd-neighbor-solicit=135"
            " nd-neighbor-advert=136 nd-redirect=137 router-renumbering=138 ind-neighbor-solicit=141"
            " ind-neighbor-advert=142 mld2-listener-report=143"
        ),
    ),
    Datatype(
        "icmp_code",
        8,
        words=_pairs(
            "net-unreachable=0 host-unreachable=1 prot-unreachable=2 port-unreachable=3 frag-needed=4 net-prohibited=9"
            " host-prohibited=10 admin-prohibited=13"
        ),
    ),
    Datatype(
        "icmpv6_code",
        8,
        words=_pairs(
            "no-route=0 admin-prohibited=1 addr-unreachable=3 port-unreachable=4 policy-fail=5 reject-route=6"
        ),
    ),
    Datatype("icmpx_code", 8, words=_pairs("no-route=0 port-unreachable=1 host-unreachable=2 admin-prohibited=3")),
    Datatype(
        "igmp_type",
        8,
        words=_pairs(
            "membership-query=17 membership-report-v1=18 membership-report-v2=22 membership-report-v3=34 leave-group=23"
        ),
    ),
    Datatype("ct_state", 32, Form.FLAGS, _pairs("invalid=1 established=2 related=4 new=8 untracked=64")),
    Datatype("ct_dir", 8, words=_numbered("original reply")),
    Datatype(
        "ct_status",
        32,
        Form.FLAGS,
        _pairs("expected=1 seen-reply=2 assured=4 confirmed=8 snat=0x10 dnat=0x20 dying=0x200"),
    ),
    Datatype(
        "ct_event",
        32,
        Form.FLAGS,
        _pairs(
            "new=1 related=2 destroy=4 reply=8 assured=0x10 protoinfo=0x20 helper=0x40 mark=0x80 seqadj=0x100"
            " secmark=0x200 label=0x400"
        ),
    ),
    Datatype("ct_label", 128, Form.OTHER),
    Datatype("tcp_flag", 8, Form.FLAGS, _pairs("fin=1 syn=2 rst=4 psh=8 ack=0x10 urg=0x20 ecn=0x40 cwr=0x80")),
    Datatype("pkt_type", 8, words=_pairs("host=0 unicast=0 broadcast=1 multicast=2 other=3")),
    Datatype("nf_proto", 8, words=_pairs("ipv4=2 ipv6=10")),
    Datatype("ifname", 128, Form.INTERFACE_NAME),
    Datatype("iface_index", 32, Form.INTERFACE_INDEX),
    Datatype(
        "iface_type",
        16,
        words=_pairs("ether=1 ppp=0x200 ipip=0x300 ipip6=0x301 loopback=0x304 sit=0x308 ipgre=0x30a"),
    ),
    Datatype("devgroup", 32, words={"default": 0}),
    Datatype(
        "dscp",
        6,
        words=_pairs(
            "cs0=0 cs1=0x08 cs2=0x10 cs3=0x18 cs4=0x20 cs5=0x28 cs6=0x30 cs7=0x38 df=0 be=0 lephb=1 af11=0x0a af12=0x0c"
            " af13=0x0e af21=0x12 af22=0x14 af23=0x16 af31=0x1a af32=0x1c af33=0x1e af41=0x22 af42=0x24 af43=0x26"
            " va=0x2c ef=0x2e"
        ),
    ),
    Datatype("ecn", 2, words=_pairs("not-ect=0 ect1=1 ect0=2 ce=3")),
    Datatype(
        "fib_addrtype",
        32,
        words=_numbered("unspec unicast local broadcast anycast multicast blackhole unreachable prohibit"),
    ),
    Datatype(
        "arp_op",
        16,
        words=_pairs("request=1 reply=2 rrequest=3 rreply=4 inrequest=8 inreply=9 nak=10"),
    ),
    Datatype("boolean", 1, words=_pairs("missing=0 exists=1")),
    Datatype("uid", 32),
    Datatype("gid", 32),
    Datatype("string", 0, Form.TEXT),
    Datatype("time", 64, Form.OTHER),
    Datatype("day", 8, Form.OTHER),
    Datatype("hour", 32, Form.OTHER),
    Datatype("realm", 32, Form.OTHER),
    Datatype("classid", 32, Form.OTHER),
    Datatype("cgroupsv2", 64, Form.OTHER),
    Datatype("mptcp_subtype", 4, Form.OTHER),
    Datatype("mh_type", 8, Form.OTHER),
    Datatype("dccp_pkttype", 4, Form.OTHER),
)
DATATYPES: Mapping[str, Datatype] = {datatype.name: datatype for datatype in _DATATYPES}
"""By nft's name."""


@dataclass(frozen=True, slots=True)
class HeaderField:
    """A field of a header of a packet.

    Attributes:
        base: where the header starts: `ll`, `nh` or `th`.
        offset: of the first bit.
        datatype: of the field.
    """

    base: str
    offset: int
    datatype: Datatype


def _header(base: str, fields: str) -> dict[str, HeaderField]:
    """Fields one after the other, `name:type` or `name:bits`."""
    found, offset = {}, 0
    for written in fields.split():
        name, _, kind = written.partition(":")
        datatype = _INTEGER[int(kind)] if kind.isdigit() else DATATYPES[kind]
        if name != "-":
            found[name] = HeaderField(base, offset, datatype)
        offset += datatype.bits
    return found


_PORTS = "sport:inet_service dport:inet_service"
FIELDS: Mapping[tuple[str, str], HeaderField] = {
    (protocol, name): header_field
    for protocol, fields in {
        "ether": _header("ll", "daddr:ether_addr saddr:ether_addr type:ether_type"),
        "vlan": _header("ll", "-:64 -:32 -:16 pcp:3 dei:1 id:12 type:ether_type"),
        "ip": _header(
            "nh",
            "version:4 hdrlength:4 dscp:dscp ecn:ecn length:16 id:16 frag-off:16 ttl:8 protocol:inet_proto checksum:16"
            " saddr:ipv4_addr daddr:ipv4_addr",
        ),
        "ip6": _header(
            "nh",
            "version:4 dscp:dscp ecn:ecn flowlabel:20 length:16 nexthdr:inet_proto hoplimit:8 saddr:ipv6_addr"
            " daddr:ipv6_addr",
        ),
        "tcp": _header(
            "th", f"{_PORTS} sequence:32 ackseq:32 doff:4 reserved:4 flags:tcp_flag window:16 checksum:16 urgptr:16"
        ),
        "udp": _header("th", f"{_PORTS} length:16 checksum:16"),
        "udplite": _header("th", f"{_PORTS} csumcov:16 checksum:16"),
        "sctp": _header("th", f"{_PORTS} vtag:32 checksum:32"),
        "dccp": _header("th", f"{_PORTS} -:64 -:3 type:dccp_pkttype"),
        "th": _header("th", _PORTS),
        "icmp": _header("th", "type:icmp_type code:icmp_code checksum:16 id:16 sequence:16"),
        "icmpv6": _header("th", "type:icmpv6_type code:icmpv6_code checksum:16 id:16 sequence:16"),
        "igmp": _header("th", "type:igmp_type mrt:8 checksum:16 group:ipv4_addr"),
        "esp": _header("th", "spi:32 sequence:32"),
        "ah": _header("th", "nexthdr:inet_proto hdrlength:8 reserved:16 spi:32 sequence:32"),
        "comp": _header("th", "nexthdr:inet_proto flags:8 cpi:16"),
        "arp": _header("nh", "htype:16 ptype:ether_type hlen:8 plen:8 operation:arp_op")
        | {
            "saddr ether": HeaderField("nh", 64, DATATYPES["ether_addr"]),
            "saddr ip": HeaderField("nh", 112, DATATYPES["ipv4_addr"]),
            "daddr ether": HeaderField("nh", 144, DATATYPES["ether_addr"]),
            "daddr ip": HeaderField("nh", 192, DATATYPES["ipv4_addr"]),
        },
    }.items()
    for name, header_field in fields.items()
} | {
    ("icmp", "gateway"): HeaderField("th", 32, _INTEGER[32]),
    ("icmp", "mtu"): HeaderField("th", 48, _INTEGER[16]),
    ("icmpv6", "parameter-problem"): HeaderField("th", 32, _INTEGER[32]),
    ("icmpv6", "packet-too-big"): HeaderField("th", 32, _INTEGER[32]),
    ("icmpv6", "mtu"): HeaderField("th", 32, _INTEGER[32]),
    ("icmpv6", "max-delay"): HeaderField("th", 32, _INTEGER[16]),
    ("icmpv6", "taddr"): HeaderField("th", 64, DATATYPES["ipv6_addr"]),
    ("icmpv6", "daddr"): HeaderField("th", 192, DATATYPES["ipv6_addr"]),
}
"""By protocol and name."""

_META = {
    "length": _INTEGER[32],
    "protocol": DATATYPES["ether_type"],
    "nfproto": DATATYPES["nf_proto"],
    "l4proto": DATATYPES["inet_proto"],
    "priority": DATATYPES["classid"],
    "mark": DATATYPES["mark"],
    "iif": DATATYPES["iface_index"],
    "oif": DATATYPES["iface_index"],
    "iifname": DATATYPES["ifname"],
    "oifname": DATATYPES["ifname"],
    "iiftype": DATATYPES["iface_type"],
    "oiftype": DATATYPES["iface_type"],
    "iifkind": DATATYPES["ifname"],
    "oifkind": DATATYPES["ifname"],
    "iifgroup": DATATYPES["devgroup"],
    "oifgroup": DATATYPES["devgroup"],
    "skuid": DATATYPES["uid"],
    "skgid": DATATYPES["gid"],
    "nftrace": _INTEGER[1],
    "rtclassid": DATATYPES["realm"],
    "ibrname": DATATYPES["ifname"],
    "obrname": DATATYPES["ifname"],
    "ibriport": DATATYPES["ifname"],
    "obriport": DATATYPES["ifname"],
    "ibrpvid": _INTEGER[16],
    "ibrvproto": DATATYPES["ether_type"],
    "pkttype": DATATYPES["pkt_type"],
    "cpu": _INTEGER[32],
    "cgroup": _INTEGER[32],
    "random": _INTEGER[32],
    "ipsec": DATATYPES["boolean"],
    "time": DATATYPES["time"],
    "day": DATATYPES["day"],
    "hour": DATATYPES["hour"],
    "secpath": DATATYPES["boolean"],
    "sdif": DATATYPES["iface_index"],
    "sdifname": DATATYPES["ifname"],
    # nft has no words for the ports of a bridge that iptables' physdev asks for
    "physin": DATATYPES["ifname"],
    "physout": DATATYPES["ifname"],
    "broute": _INTEGER[1],
    "secmark": _INTEGER[32],
}
_CT = {
    "state": DATATYPES["ct_state"],
    "direction": DATATYPES["ct_dir"],
    "status": DATATYPES["ct_status"],
    "mark": DATATYPES["mark"],
    "secmark": _INTEGER[32],
    "expiration": DATATYPES["time"],
    "helper": DATATYPES["string"],
    "label": DATATYPES["ct_label"],
    "event": DATATYPES["ct_event"],
    "l3proto": DATATYPES["nf_proto"],
    "protocol": DATATYPES["inet_proto"],
    "ip saddr": DATATYPES["ipv4_addr"],
    "ip daddr": DATATYPES["ipv4_addr"],
    "ip6 saddr": DATATYPES["ipv6_addr"],
    "ip6 daddr": DATATYPES["ipv6_addr"],
    "proto-src": DATATYPES["inet_service"],
    "proto-dst": DATATYPES["inet_service"],
    "packets": _INTEGER[64],
    "bytes": _INTEGER[64],
    "avgpkt": _INTEGER[64],
    "zone": _INTEGER[16],
    "count": _INTEGER[32],
    "id": _INTEGER[32],
}
_FIB = {"type": DATATYPES["fib_addrtype"], "oif": DATATYPES["iface_index"], "oifname": DATATYPES["ifname"]}
_SOCKET = {"transparent": _INTEGER[8], "mark": DATATYPES["mark"], "wildcard": _INTEGER[8]}


def datatype_of(expression: Expression) -> Datatype | None:
    """The datatype of what an expression gives; None where it is not known, or it is several."""
    match expression:
        case Payload(protocol, name, None):
            header_field = FIELDS.get((protocol, name))
            return None if header_field is None else header_field.datatype
        case Meta(key):
            return _META.get(key)
        case Ct(key):
            return _CT.get(key)
        case Fib(result):
            return _FIB.get(result)
        case Operation("&" | "|" | "^", operands):
            return datatype_of(operands[0])
        case RawPayload(_, _, bits):
            return Datatype("integer", bits, Form.HEXADECIMAL)
        case _:
            return _rarer(expression)


def _rarer(expression: Expression) -> Datatype | None:
    match expression:
        case Socket(key):
            return _SOCKET.get(key)
        case OperatingSystem():
            return DATATYPES["string"]
        case Route("mtu"):
            return _INTEGER[16]
        case Route("nexthop", family) | Ipsec("saddr" | "daddr", family=family):
            return DATATYPES["ipv6_addr" if family == "ip6" else "ipv4_addr"]
        case Operation() | Numgen() | Jhash() | Symhash() | Option(_, _, str()) | ExtensionHeader(_, str()) | Ipsec():
            return _INTEGER[32]
        case _:
            return None


def datatypes_of(expression: Expression) -> tuple[Datatype | None, ...]:
    """The datatypes of the parts of a key."""
    if isinstance(expression, Concatenation):
        return tuple(datatype_of(part) for part in expression.parts)
    if isinstance(expression, Map):
        return ()
    return (datatype_of(expression),)


@lru_cache(maxsize=8192)
def address_number(text: str, form: Form) -> int | None:
    """An address as a number; None where the text is none."""
    try:
        return int(IPv4Address(text) if form is Form.IPV4 else IPv6Address(text))
    except ValueError:
        return None


def number_of(text: str, datatype: Datatype) -> int | None:
    """What a word stands for; None where that is not known. Names of interfaces and texts stand for themselves."""
    match datatype.form:
        case Form.IPV4 | Form.IPV6:
            return address_number(text, datatype.form)
        case Form.MAC:
            return _mac_number(text)
        case Form.INTERFACE_NAME | Form.INTERFACE_INDEX | Form.TEXT | Form.OTHER:
            return None
        case Form.NUMBER | Form.HEXADECIMAL | Form.FLAGS:
            found = datatype.words.get(text)
            if found is None and text.isascii() and text.isdigit():
                return int(text) if len(text) < 40 else None
            return found


def _mac_number(text: str) -> int | None:
    parts = text.split(":")
    if len(parts) != 6 or not all(len(part) == 2 for part in parts):
        return None
    try:
        return int("".join(parts), 16)
    except ValueError:
        return None
