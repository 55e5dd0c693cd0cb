"""Names of extensions, as far as names alone tell something of a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

IMPLIED: Mapping[str, str] = {
    "tcp": "tcp",
    "udp": "udp",
    "udplite": "udplite",
    "sctp": "sctp",
    "dccp": "dccp",
    "icmp": "icmp",
    "icmpv6": "icmp6",
    "ipv6-icmp": "icmp6",
    "6": "tcp",
    "17": "udp",
    "1": "icmp",
    "58": "icmp6",
}
"""Extensions whose options administrators write without `-m`, after the `-p` of their protocol."""

OUT_OF_SIGHT = frozenset(
    (
        "ah",
        "bpf",
        "cgroup",
        "cluster",
        "connbytes",
        "connlabel",
        "connlimit",
        "cpu",
        "dst",
        "ecn",
        "esp",
        "eui64",
        "frag",
        "hashlimit",
        "hbh",
        "helper",
        "ipcomp",
        "ipv6header",
        "ipvs",
        "l2tp",
        "limit",
        "mh",
        "nfacct",
        "osf",
        "policy",
        "quota",
        "rateest",
        "realm",
        "recent",
        "rt",
        "socket",
        "srh",
        "statistic",
        "string",
        "tcpmss",
        "time",
        "u32",
    )
)
"""Extensions that ask for what no packet of a simulation has."""
