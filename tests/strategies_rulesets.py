"""Rulesets as other software makes them, as scripts for nft.

All kinds of expressions that libvirt, Docker, firewalld, netavark and kube-proxy use, and what iptables-nft writes
natively for ufw, at every hook. Names, addresses and ports are those of the small world (`small_world.py`) and of its
packets (`strategies_packets.py`), so that about as many rules match as do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from hypothesis import strategies as st

Texts = st.SearchStrategy[str]
Transport = Literal["tcp", "udp", "icmp", "several", ""]

_INTERFACES = ("br0", "br1", "ext0", "lo")
_PORTS = ("p1", "p2", "p3")
_HOSTS = {
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
_NETWORKS = {
    "ip": ("10.0.0.0/24", "10.0.0.0/16", "10.0.1.0/24", "198.51.100.0/24", "10.0.0.8/29", "224.0.0.0/4", "0.0.0.0/0"),
    "ip6": ("fd00::/64", "fd00::/48", "2001:db8::/32", "fd00::10/124", "ff00::/8"),
}
_SPANS = {
    "ip": ("10.0.0.2-10.0.0.254", "198.51.100.1-203.0.113.9"),
    "ip6": ("fd00::2-fd00::ff", "2001:db8::-2001:db8:7::"),
}
_INSIDE = {"ip": ("10.0.0.11", "10.0.0.12", "10.0.1.11"), "ip6": ("fd00::11", "fd00:0:0:1::11")}
_OUTSIDE = {"ip": ("203.0.113.77", "198.51.100.2"), "ip6": ("2001:db8:1::2", "2001:db8:7::77")}
_NUMBERS = (22, 53, 80, 443, 1023, 1024, 8080, 40000)
_MARKS = (0, 1, 2, 0x10, 0x4000)
_STATES = ("new", "established", "related", "invalid", "untracked")
_DSCP = ("cs0", "cs1", "af11", "ef")


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


_equal = pick("", "", "!= ")
_port = pick(*_NUMBERS)
_mark = pick(*_MARKS)


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
        written(key + 'name {}"{}"', _equal, pick(*names)),
        written(key + ' {}"{}"', _equal, pick(*names)),
        written(key + "name {}{{ {} }}", _equal, some(*(f'"{name}"' for name in names))),
        written(key + 'name {}"{}*"', _equal, pick("br", "ext", "p")),
    )


def _transports(context: Context) -> list[Texts]:
    sets = some(22, 53, 80, 443, "8000-9000", "1024-1100")
    match context.transport:
        case "tcp" | "udp" as protocol:
            found = [
                written(protocol + " {} {}{}", pick("dport", "sport"), _equal, _port),
                written(protocol + " dport {}{}", _equal, pick("1-1023", "80-90", "1024-65535", "53-80")),
                written(protocol + " dport {}{{ {} }}", _equal, sets),
                written(protocol + " dport {} {}", pick("<", ">", "<=", ">="), _port),
                written("meta l4proto " + protocol),
                written(
                    context.version + " daddr . " + protocol + " dport {{ {} . {} }}",
                    pick(*_HOSTS[context.version], *_NETWORKS[context.version][:3]),
                    pick(*_NUMBERS, "1-1023"),
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
            return [written("meta l4proto {{ tcp, udp }} th dport {}{}", _equal, _port)]
        case "icmp" if context.version == "ip":
            types = ("echo-request", "echo-reply", "destination-unreachable")
            return [
                written("icmp type {}{}", _equal, pick(*types)),
                written("icmp type {{ {} }}", some(*types)),
                written("ip protocol icmp"),
            ]
        case "icmp":
            types = ("echo-request", "nd-neighbor-solicit", "destination-unreachable")
            return [
                written("icmpv6 type {}{}", _equal, pick(*types)),
                written("icmpv6 type {{ {} }}", some(*types)),
                written("meta l4proto ipv6-icmp"),
            ]
        case "":
            return [
                written("meta l4proto {}{}", pick("!= "), pick("tcp", "udp", "icmp", "ipv6-icmp")),
                written("meta l4proto {{ {} }}", some("tcp", "udp", "icmp")),
                written("meta l4proto . th dport {{ tcp . {}, udp . 53, 99 . 22 }}", _port),
            ]


def _addresses(version: str) -> list[Texts]:
    field = pick("saddr", "daddr")
    hosts, networks = _HOSTS[version], _NETWORKS[version]
    return [
        written(version + " {} {}{}", field, _equal, pick(*hosts)),
        written(version + " {} {}{}", field, _equal, pick(*networks)),
        written(version + " {} {}{}", field, _equal, pick(*_SPANS[version])),
        written(version + " {} {}{{ {} }}", field, _equal, some(*hosts)),
        written(version + " {} {{ {}, {} }}", field, pick(*hosts[5:]), pick(*networks[:1])),
        written(
            f"{version} saddr . {version} daddr {{}}{{{{ {{}} . {{}} }}}}",
            _equal,
            pick(*hosts, *networks[:2]),
            pick(*hosts),
        ),
        written(version + " dscp {}{}", _equal, pick(*_DSCP)),
        written("{} {}{}", pick("ip ttl" if version == "ip" else "ip6 hoplimit"), _equal, pick(63, 64, 10)),
        *([written("ip frag-off & 0x1fff {} 0", pick("==", "!="))] if version == "ip" else []),
        *(
            [written("{} & {} == {}", pick("ip saddr", "ip daddr"), pick("0.0.0.255"), pick("0.0.0.11", "0.0.0.1"))]
            if version == "ip"
            else []
        ),
    ]


_tracking = [
    written("ct state {}", some(*_STATES).map(lambda found: found.replace(", ", ","))),
    written("ct state {}{{ {} }}", _equal, some(*_STATES)),
    written("ct state != {}", pick(*_STATES)),
    written("ct state & ({} | new) == new", pick("established", "related")),
    written("ct status {}", pick("dnat", "snat", "! dnat", "dnat,snat")),
    written("ct direction {}", pick("original", "reply")),
    written("ct mark {}{}", _equal, _mark),
    written("ct mark & 0x10 == {}", pick(0, 0x10)),
]
_marking = [
    written("meta mark {}{}", _equal, _mark),
    written("meta mark & {} == {}", pick(0xFF, 0x4000), pick(0, 1, 0x10, 0x4000)),
    written("meta mark {{ {} }}", some(*_MARKS)),
    written("meta mark 1-16"),
]


def _matches(context: Context) -> Texts:
    """One match of a rule."""
    version, hook = context.version, context.hook
    if context.family == "bridge":
        ether = [
            written("ether {} {}02:00:00:00:00:{}", pick("saddr", "daddr"), _equal, pick("01", "11", "12")),
            written("meta protocol {}", pick(version)),
        ]
        names = [_interfaces("iif", _PORTS), _interfaces("oif", _PORTS)]
        return st.one_of(*names, *_transports(context), *_marking, *_addresses(version), *ether)
    found = [
        _interfaces("iif", _INTERFACES),
        _interfaces("oif", _INTERFACES),
        *_transports(context),
        *_tracking,
        *_marking,
        *_addresses(version),
        *_lookups(hook),
        written("ct original {} {}", pick(f"{version} saddr", f"{version} daddr"), pick(*_HOSTS[version])),
        written("meta pkttype {}{}", _equal, pick("host", "broadcast", "multicast")),
        written("meta length {}", pick("< 40", "> 40", "20-60")),
    ]
    if hook in {"output", "postrouting"}:
        found.append(written("meta skuid {}0", _equal))
    if hook in {"prerouting", "input", "forward"}:
        found.append(written("ether saddr {}02:00:00:00:00:11", _equal))
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
            written('fib saddr oifname "{}"', pick(*_INTERFACES)),
        ]
    return found


def _effects(context: Context) -> Texts:
    """What a rule does besides."""
    version = context.version
    found = [
        pick("counter"),
        pick("counter"),
        pick('log prefix "met: "', 'limit rate 100/second log prefix "often: "'),
        written("meta mark set {}", _mark),
        written("meta mark set meta mark {}", pick("| 0x10", "^ 0x4000", "& 0xff")),
    ]
    if context.family != "bridge":
        found += [
            written("ct mark set {}", pick("meta mark", "1", "0x10")),
            written("meta mark set {}", pick("ct mark", "ct mark & 0xff")),
        ]
        if context.hook in {"prerouting", "forward", "postrouting"} and not context.of_nat:
            hosts = _HOSTS[version]
            found += [
                written(version + " dscp set {}", pick(*_DSCP)),
                pick("ip ttl set 10" if version == "ip" else "ip6 hoplimit set 10"),
                written(
                    "meta mark set " + version + " saddr map {{ {} : 1, {} : 2 }}", pick(hosts[0]), pick(*hosts[5:])
                ),
            ]
        if context.transport == "tcp" and context.hook == "forward":
            found.append(pick("tcp option maxseg size set rt mtu"))
    return st.one_of(found)


def _ends(context: Context) -> Texts:
    """How a rule ends."""
    found = [pick("accept", "accept", "drop", "return"), pick("")]
    if context.chains:
        jump = written("{} {}", pick("jump", "jump", "goto"), pick(*context.chains))
        found += [jump, jump]
    found += _verdict_maps(context)
    if context.hook != "postrouting" and context.family != "bridge":
        found.append(_rejects(context))
    if context.before_tracking and context.family != "bridge":
        found.append(pick("notrack"))
    return st.one_of(found)


def _rejects(context: Context) -> Texts:
    kinds = ["reject"]
    kinds += ["reject with tcp reset"] if context.transport == "tcp" else []
    kinds += ["reject with icmpx admin-prohibited"] if context.family == "inet" else []
    kinds += [f"reject with icmp{' net-prohibited' if context.version == 'ip' else 'v6 addr-unreachable'}"]
    return pick(*kinds)


def _verdict_maps(context: Context) -> list[Texts]:
    chains, version = context.chains, context.version
    verdict = st.one_of(
        pick("accept", "drop", "return", "continue"), *([written("jump {}", pick(*chains))] if chains else [])
    )
    hosts = _HOSTS[version]
    found = [
        written('{} vmap {{ "br0" : {}, "ext0" : {} }}', pick("iifname", "oifname"), verdict, verdict),
        written(version + " saddr vmap {{ {} : {}, {} : {} }}", pick(*hosts[:2]), verdict, pick(*hosts[5:]), verdict),
    ]
    if context.transport in {"tcp", "udp"}:
        found.append(
            written(context.transport + " dport vmap {{ 22 : {}, 80-90 : {}, 443 : {} }}", verdict, verdict, verdict)
        )
    if not context.transport:
        found += [
            written("meta l4proto vmap {{ tcp : {}, udp : {} }}", verdict, verdict),
            written(
                version + " daddr . meta l4proto . th dport vmap {{ {} . tcp . {} : {} }}", pick(*hosts), _port, verdict
            ),
        ]
    if context.family != "bridge":
        found.append(written("ct state vmap {{ established : {}, related : accept, new : {} }}", verdict, verdict))
    if chains:
        # whichever number is drawn, the same comes of it
        found.append(written("numgen random mod 2 vmap {{ 0 : jump {0}, 1 : jump {0} }}", pick(*chains)))
    return found


def _translations(context: Context) -> Texts:
    """How a rule of a chain of type nat ends."""
    version, transport = context.version, context.transport
    word = f" {version}" if context.family == "inet" else ""
    inside, outside = pick(*_INSIDE[version]), pick(*_OUTSIDE[version])
    at_port = "{}:{}" if version == "ip" else "[{}]:{}"
    with_ports = transport in {"tcp", "udp"}
    of = f"meta l4proto {transport} "
    found = [pick("accept", "return", "")]
    if context.chains:
        found.append(written("jump {}", pick(*context.chains)))
    if context.hook in {"prerouting", "output"}:
        found += [
            written("dnat" + word + " to {}", inside),
            written("dnat" + word + " to " + version + " daddr map {{ {} : {} }}", pick(*_HOSTS[version]), inside),
            pick("redirect"),
        ]
        found += (
            [written(of + "dnat" + word + " to " + at_port, inside, _port), written(of + "redirect to :{}", _port)]
            if with_ports
            else []
        )
    else:
        snat = written("snat" + word + " to {}", outside)
        found += [snat, snat]
        found += [written(of + "snat" + word + " to " + at_port, outside, pick(2000, 1024))] if with_ports else []
        if context.hook == "postrouting":
            found += [
                pick("masquerade", "masquerade"),
                *([pick(of + "masquerade to :1024-65535")] if with_ports else []),
            ]
    return st.one_of(found)


def _rule(context: Context) -> Texts:
    versions: list[Literal["ip", "ip6"]] = (
        ["ip"] if context.family == "ip" else ["ip6"] if context.family == "ip6" else ["ip", "ip", "ip6"]
    )
    transports: list[Transport] = ["tcp", "tcp", "udp", "icmp", "several", "", "", ""]

    def about(version: Literal["ip", "ip6"], transport: Transport) -> Texts:
        here = replace(context, version=version, transport=transport)
        parts = st.tuples(
            st.lists(_matches(here), max_size=3),
            st.lists(_effects(here), max_size=1),
            _translations(here) if context.of_nat else _ends(here),
        )
        return parts.map(lambda found: " ".join([*found[0], *found[1], found[2]]).strip())

    return st.tuples(st.sampled_from(versions), st.sampled_from(transports)).flatmap(lambda both: about(*both))


def _rules(context: Context) -> st.SearchStrategy[list[str]]:
    return st.lists(_rule(context).filter(bool), min_size=1, max_size=5)


_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_PRIORITIES = (-300, -150, -10, 0, 0, 0, 10, 50)


@dataclass(frozen=True)
class _Base:
    hook: str
    type: str
    priority: int
    policy: str


_filters = st.builds(
    _Base,
    st.sampled_from(["forward", "forward", "input", *_HOOKS]),
    st.just("filter"),
    st.sampled_from(_PRIORITIES),
    pick("accept", "accept", "accept", "drop"),
)
_nats = st.builds(
    _Base,
    st.sampled_from(["prerouting", "output", "postrouting", "postrouting", "input"]),
    st.just("nat"),
    st.sampled_from([-100, 0, 50, 100]),
    st.just("accept"),
)


@st.composite
def _tables(draw: st.DrawFn, number: int) -> str:
    family = draw(st.sampled_from(["inet", "inet", "ip", "ip", "ip6", "bridge"]))
    bases = draw(st.lists(_filters, min_size=1, max_size=3))
    bases += draw(st.lists(_nats, max_size=2)) if family != "bridge" else []
    lines = [f"table {family} t{number} {{"]
    for place, base in enumerate(bases):
        own = tuple(f"c{place}x{other}" for other in range(draw(st.integers(0, 2))))
        before = base.priority < -200 and base.hook in {"prerouting", "output"}
        context = Context(family, base.hook, base.type == "nat", before)
        for later, name in enumerate(own):
            rules = draw(_rules(replace(context, chains=own[later + 1 :])))
            lines += [f"  chain {name} {{", *(f"    {rule}" for rule in rules), "  }"]
        head = f"type {base.type} hook {base.hook} priority {base.priority}; policy {base.policy};"
        rules = draw(_rules(replace(context, chains=own)))
        lines += [f"  chain c{place} {{", f"    {head}", *(f"    {rule}" for rule in rules), "  }"]
    return "\n".join([*lines, "}"])


rulesets = (
    st.integers(1, 3).flatmap(lambda count: st.tuples(*(_tables(number) for number in range(count)))).map("\n".join)
)
"""Scripts for nft."""
