"""How a name is written so that nft reads that name and nothing else.

Source: nftables' src/scanner.l (1.0.6 to 1.1.5) and `expr_evaluate_string`.
"""

from __future__ import annotations

import re

from fwplan.errors import NotExpressibleError

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

_KEYWORDS = frozenset(
    """
    a-rwnd abort accept ackseq add addr ah all and arp asconf asconf-ack auto-merge avgpkt bridge burst bypass bytes
    cfi cgroup cgroupv2 chain chains check checksum chunk classid code comment comp constant continue cookie-ack
    cookie-echo count counter counters cpi cpu create csumcov ct cum-tsn-ack cwr daddr data day dccp define dei delete
    describe destroy device devices direction dnat doff dport drop dscp dst dup dynamic echo ecn ecne element elements
    eol eq error esp ether event exists expectation expiration expires export exthdr fanout fastopen fib flags flow
    flowlabel flowtable flowtables flush forward-tsn frag frag-off fully-random fwd gateway gc-interval ge geneve get
    goto gre gretap group gt handle hbh hdrlength heartbeat heartbeat-ack helper helpers hlen hook hooks hoplimit hour
    htype ibriport ibrname icmp icmpv6 icmpx id igmp iif iifgroup iifname iiftype import in inc include index inet init
    init-ack init-tag initial-tsn insert interval ip ip6 ipsec jhash json jump l3proto label last last-entry le left
    length level limit limits list ll log lowest-tsn lshift lsrr lt map maps mark max-delay maxseg md5sig memory meta
    meter meters mh minute missing mod monitor more-fragments mptcp mrt mss mtu name nat ne netdev never new-cum-tsn
    nexthdr nexthop nftrace nh noop nop not notrack num num-dup-tsns numgen obriport obrname offload offset oif oifgroup
    oifname oiftype operation option options or original osf out over packets param-problem pcp performance persistent
    pkttype plen policy port position ppid prefix priority proto-dst proto-src protocol ptr ptype queue quota quotas ra
    random rate redefine redirect reject rename replace reply reqid reserved reserved2 reset return right route rr
    rshift rt rt0 rt2 rtclassid rule rules ruleset sack sack-perm sack-permitted sack0 sack1 sack2 sack3 saddr sctp
    second secmark secmarks seed seg-left seqno sequence set sets shutdown shutdown-ack sid size skgid skuid snaplen
    snat socket spi spnum sport srh ssn ssrr state status stream subtype symhash synproxy synproxys table tables taddr
    tag tcp th time timeout timestamp to tos tproxy trace transparent tsecr tsn tsval ttl tunnel tunnels type typeof udp
    udplite undefine until update urgptr used value version vlan vm vmap vni vtag vxlan week wildcard window with wscale
    xml xor xt zone filter
    """.split()
)
"""Every word that means something to nft somewhere; which of them it takes for a name differs from state to state
and from release to release, so that all of them are quoted."""


def quoted_interface(name: str) -> str:
    """The name of an interface as nft itself lists it: in quotes.

    Raises:
        NotExpressibleError: it has a `"` or an unprintable character in it, for which nft's strings have no escape.
    """
    if '"' in name or not name.isprintable():
        message = f"the interface name {name!r} cannot be written for nft, whose strings have no escape for it"
        raise NotExpressibleError(message)
    # A star at the end would match every name that begins so.
    return f'"{name[:-1]}\\*"' if name.endswith("*") else f'"{name}"'


def interface_word(name: str) -> str:
    """The name of an interface as one word of a command: bare, as libvirt gives it, where nft reads it as a name.

    Raises:
        NotExpressibleError: as `quoted_interface`.
    """
    if _BARE.fullmatch(name) and name not in _KEYWORDS:
        return name
    return quoted_interface(name)
