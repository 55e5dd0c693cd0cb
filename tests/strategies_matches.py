"""What rules ask for, as other software has it, in nft's syntax.

All kinds of expressions that libvirt, Docker, firewalld, netavark and kube-proxy use, and what iptables-nft writes
natively for ufw, at every hook. Names, addresses and ports are those of the small world (`small_world.py`) and of its
packets (`strategies_packets.py`), so that about as many rules match as do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from hypothesis import strategies as st

Texts = st.SearchStrategy[str]
Transport = Literal["tcp", "udp", "icmp", "several", ""]

INTERFACES = ("br0", "br1", "ext0", "lo")
PORTS = ("p1", "p2", "p3")
HOSTS = {
    "ip": (
        "10.0.0.11",
        "10.0.0.12",
        "10.0.0.1",
        "10.0.1.11",
        "10.0.1.1",
        "198.51.100.1",
        "198.51.100.2",
        "203.0.113.7",
    ),
    "ip6": ("fd00::11", "fd00::12", "fd00::1", "fd00:0:0:1::11", "fd00:0:0:1::1", "2001:db8:1::1", "2001:db8:7::7"),
}
NETWORKS = {
    "ip": ("10.0.0.0/24", "10.0.0.0/16", "10.0.1.0/24", "198.51.100.0/24", "10.0.0.8/29", "224.0.0.0/4", "0.0.0.0/0"),
    "ip6": ("fd00::/64", "fd00::/48", "2001:db8::/32", "fd00::10/124", "ff00::/8"),
}
SPANS = {
    "ip": ("10.0.0.2-10.0.0.254", "198.51.100.1-203.0.113.9"),
    "ip6": ("fd00::2-fd00::ff", "2001:db8::-2001:db8:7::"),
}
INSIDE = {"ip": ("10.0.0.11", "10.0.0.12", "10.0.1.11"), "ip6": ("fd00::11", "fd00:0:0:1::11")}
OUTSIDE = {"ip": ("203.0.113.77", "198.51.100.2"), "ip6": ("2001:db8:1::2", "2001:db8:7::77")}
NUMBERS = (22, 53, 80, 443, 1023, 1024, 8080, 40000)
MARKS = (0, 1, 2, 0x10, 0x4000)
STATES = ("new", "established", "related", "invalid", "untracked")
DSCP = ("cs0", "cs1", "af11", "ef")


def pick(*values: object) -> Texts:
    """One of the values."""
    return st.sampled_from(values).map(str)


def some(*values: object) -> Texts:
    """Up to three of the values, each once, as they stand in a set."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(
        lambda found: ", ".join(map(str, found))
    )


def written(template: str, *parts: Texts) -> Texts:
    """A template with its parts."""
    return st.tuples(*parts).map(lambda found: template.format(*found))


equal = pick("", "", "!= ")
port = pick(*NUMBERS)
mark = pick(*MARKS)


@dataclass(frozen=True)
class Context:
    """What a rule stands in.

    Attributes:
        family: of the table.
        hook: of the base chain that leads there.
        of_nat: whether that is of type nat.
        before_tracking: whether it comes before connection tracking.
        chains: that one may jump to.
        version: of IP that the rule is about.
        transport: what it is about: `several` where that is tcp or udp.
    """

    family: str
    hook: str
    of_nat: bool
    before_tracking: bool
    chains: tuple[str, ...] = ()
    version: Literal["ip", "ip6"] = "ip"
    transport: Transport = ""


def _interfaces(key: str, names: tuple[str, ...]) -> Texts:
    return st.one_of(
        written(key + 'name {}"{}"', equal, pick(*names)),
        written(key + ' {}"{}"', equal, pick(*names)),
        written(key + "name {}{{ {} }}", equal, some(*(f'"{name}"' for name in names))),
        written(key + 'name {}"{}*"', equal, pick("br", "ext", "p")),
    )


def _transports(context: Context) -> list[Texts]:
    sets = some(22, 53, 80, 443, "8000-9000", "1024-1100")
    match context.transport:
        case "tcp" | "udp" as protocol:
            found = [
                written(protocol + " {} {}{}", pick("dport", "sport"), equal, port),
                written(protocol + " dport {}{}", equal, pick("1-1023", "80-90", "1024-65535", "53-80")),
                written(protocol + " dport {}{{ {} }}", equal, sets),
                written(protocol + " dport {} {}", pick("<", ">", "<=", ">="), port),
                written("meta l4proto " + protocol),
                written(
                    context.version + " daddr . " + protocol + " dport {{ {} . {} }}",
                    pick(*HOSTS[context.version], *NETWORKS[context.version][:3]),
                    pick(*NUMBERS, "1-1023"),
                ),
            ]
            if protocol == "tcp":
                whole = ("syn", "syn,ack", "! syn", "!= syn", "== syn", "& (fin | syn | rst | ack) == syn")
                found += [
                    written("tcp flags {}", pick(*whole)),
                    written("tcp flags & (syn | ack) == {}", pick("syn", "syn | ack", "ack")),
                    written("tcp flags {{ {} }}", some("syn", "ack", "syn | ack")),
                ]
            return found
        case "several":
            return [written("meta l4proto {{ tcp, udp }} th dport {}{}", equal, port)]
        case "icmp" if context.version == "ip":
            types = ("echo-request", "echo-reply", "destination-unreachable")
            return [
                written("icmp type {}{}", equal, pick(*types)),
                written("icmp type {{ {} }}", some(*types)),
                written("ip protocol icmp"),
            ]
        case "icmp":
            types = ("echo-request", "nd-neighbor-solicit", "destination-unreachable")
            return [
                written("icmpv6 type {}{}", equal, pick(*types)),
                written("icmpv6 type {{ {} }}", some(*types)),
                written("meta l4proto ipv6-icmp"),
            ]
        case "":
            return [
                written("meta l4proto {}{}", pick("!= "), pick("tcp", "udp", "icmp", "ipv6-icmp")),
                written("meta l4proto {{ {} }}", some("tcp", "udp", "icmp")),
                written("meta l4proto . th dport {{ tcp . {}, udp . 53, 99 . 22 }}", port),
            ]


def _addresses(version: str) -> list[Texts]:
    field = pick("saddr", "daddr")
    hosts, networks = HOSTS[version], NETWORKS[version]
    return [
        written(version + " {} {}{}", field, equal, pick(*hosts)),
        written(version + " {} {}{}", field, equal, pick(*networks)),
        written(version + " {} {}{}", field, equal, pick(*SPANS[version])),
        written(version + " {} {}{{ {} }}", field, equal, some(*hosts)),
        written(version + " {} {{ {}, {} }}", field, pick(*hosts[5:]), pick(*networks[:1])),
        written(
            f"{version} saddr . {version} daddr {{}}{{{{ {{}} . {{}} }}}}",
            equal,
            pick(*hosts, *networks[:2]),
            pick(*hosts),
        ),
        written(version + " dscp {}{}", equal, pick(*DSCP)),
        written("{} {}{}", pick("ip ttl" if version == "ip" else "ip6 hoplimit"), equal, pick(63, 64, 10)),
        *([written("ip frag-off & 0x1fff {} 0", pick("==", "!="))] if version == "ip" else []),
        *(
            [written("{} & {} == {}", pick("ip saddr", "ip daddr"), pick("0.0.0.255"), pick("0.0.0.11", "0.0.0.1"))]
            if version == "ip"
            else []
        ),
    ]


_tracking = [
    written("ct state {}", some(*STATES).map(lambda found: found.replace(", ", ","))),
    written("ct state {}{{ {} }}", equal, some(*STATES)),
    written("ct state != {}", pick(*STATES)),
    written("ct state & ({} | new) == new", pick("established", "related")),
    written("ct status {}", pick("dnat", "snat", "! dnat", "dnat,snat")),
    written("ct direction {}", pick("original", "reply")),
    written("ct mark {}{}", equal, mark),
    written("ct mark & 0x10 == {}", pick(0, 0x10)),
]
_marking = [
    written("meta mark {}{}", equal, mark),
    written("meta mark & {} == {}", pick(0xFF, 0x4000), pick(0, 1, 0x10, 0x4000)),
    written("meta mark {{ {} }}", some(*MARKS)),
    written("meta mark 1-16"),
]


@cache
def matches(context: Context) -> Texts:
    """One match of a rule."""
    version, hook = context.version, context.hook
    named = [
        written(f"{version} {{}} {{}}@hosts_{version}", pick("saddr", "daddr"), equal),
        written("iifname {}@names", equal),
    ]
    if context.transport in {"tcp", "udp"}:
        named.append(written(f"{version} daddr . {context.transport} dport {{}}@services_{version}", equal))
    if context.family == "bridge":
        ether = [
            written("ether {} {}02:00:00:00:00:{}", pick("saddr", "daddr"), equal, pick("01", "11", "12")),
            written("meta protocol {}", pick(version)),
        ]
        names = [_interfaces("iif", PORTS), _interfaces("oif", PORTS)]
        return st.one_of(*names, *_transports(context), *_marking, *_addresses(version), *ether, *named)
    found = [
        *named,
        _interfaces("iif", INTERFACES),
        _interfaces("oif", INTERFACES),
        *_transports(context),
        *_tracking,
        *_marking,
        *_addresses(version),
        *_lookups(hook),
        written("ct original {} {}", pick(f"{version} saddr", f"{version} daddr"), pick(*HOSTS[version])),
        written("meta pkttype {}{}", equal, pick("host", "broadcast", "multicast")),
        written("meta length {}", pick("< 40", "> 40", "20-60")),
        written("meta iifkind {}", pick('"bridge"', '"veth"', '!= "bridge"')),
        # iiftype is left out: nft takes it for what names the protocol, and refuses or drops what stands beside it
        pick("iifgroup 0", "iifgroup != 1"),
    ]
    if hook in {"output", "postrouting"}:
        found.append(written("meta skuid {}0", equal))
    if hook in {"prerouting", "input", "forward"}:
        found.append(written("ether saddr {}02:00:00:00:00:11", equal))
    if context.family == "inet":
        found.append(written("meta nfproto {}", pick("ipv4" if version == "ip" else "ipv6")))
    return st.one_of(found)


def _lookups(hook: str) -> list[Texts]:
    """What is asked of the routing table. The kernel allows each only where it makes sense."""
    found = [written("fib daddr type {}", pick("local", "unicast", "{ local, broadcast }", "multicast"))]
    if hook in {"prerouting", "input"}:
        found += [
            written("fib saddr . iif oif {}", pick("missing", "exists")),
            written("fib saddr . mark . iif oif {}", pick("missing", "exists")),
            written("fib daddr . iif type {}", pick("local", "unicast")),
            written('fib saddr oifname "{}"', pick(*INTERFACES)),
        ]
    return found
