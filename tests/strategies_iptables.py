"""Rulesets as libvirt, Docker, firewalld, ufw, kube-proxy and administrators make them, as input of iptables-restore.

Names, addresses and ports are those of the small world (`small_world.py`) and its packets (`strategies_packets.py`), so
that about as many rules match as do not. The kernel allows each match and target only at some hooks.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

Family = Literal["ip", "ip6"]

_INTERFACES = ("br0", "br1", "ext0", "lo", "br+", "ext+", "p1")
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
    "ip6": ("fd00::11", "fd00::12", "fd00::1", "fd00:0:0:1::11", "2001:db8:1::1", "2001:db8:1::2", "2001:db8:7::7"),
}
_MASKED = "10.0.0.1/255.0.255.0"
_NETWORKS = {
    "ip": (
        "10.0.0.0/24",
        "10.0.0.0/16",
        "10.0.1.0/24",
        "198.51.100.0/24",
        "10.0.0.8/29",
        "224.0.0.0/4",
        "10.0.0.1/255.0.255.0",
    ),
    "ip6": ("fd00::/64", "fd00::/48", "2001:db8::/32", "fd00::10/124", "ff00::/8", "fd00::1/ffff::ffff"),
}
_SPANS = {
    "ip": ("10.0.0.2-10.0.0.254", "198.51.100.1-203.0.113.9"),
    "ip6": ("fd00::2-fd00::ff", "2001:db8::-2001:db8:7::"),
}
_PORTS = ("22", "53", "80", "443", "1023", "1024", "8080", "40000", "1:1023", "80:90", "1024:65535", ":443")
_MARKS = ("0", "1", "2", "0x10", "0x4000", "0x1/0xff", "0x4000/0x4000", "0/0xff")
_STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "SNAT", "DNAT")
SETS = """\
create hosts hash:ip family inet
add hosts 10.0.0.11
add hosts 198.51.100.1
create nets hash:net family inet
add nets 10.0.0.0/16
add nets 10.0.1.0/24
create services hash:ip,port family inet
add services 10.0.1.11,tcp:80
add services 198.51.100.1,udp:53
create ports bitmap:port range 0-1024
add ports 22
add ports 80
create hosts6 hash:ip family inet6
add hosts6 fd00::11
create ways hash:net,iface family inet
add ways 10.0.0.0/24,br0
"""
"""Input of ipset: the sets that rules ask for."""

pick = st.sampled_from


def some(values: Sequence[str], *, at_most: int = 3) -> st.SearchStrategy[str]:
    """Some of the values, each once, as they stand in a list."""
    return st.lists(pick(values), min_size=1, max_size=at_most, unique=True).map(",".join)


def written(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A template with its parts."""
    return st.tuples(*parts).map(lambda found: template.format(*found))


_not = pick(["", "", "! "])
_port = pick(_PORTS)
_mark = pick(_MARKS)
_protocol = pick(["tcp", "tcp", "udp"])


@functools.cache
def _own(family: Family, hook: str) -> st.SearchStrategy[str]:
    """What iptables itself asks."""
    options = [
        written("{}-s {}", _not, pick(_HOSTS[family] + _NETWORKS[family])),
        written("{}-d {}", _not, pick(_HOSTS[family] + _NETWORKS[family])),
    ]
    if hook not in {"OUTPUT", "POSTROUTING"}:
        options.append(written("{}-i {}", _not, pick(_INTERFACES)))
    if hook not in {"INPUT", "PREROUTING"}:
        options.append(written("{}-o {}", _not, pick(_INTERFACES)))
    if family == "ip":
        options.append(written("{}-f", _not))
    return st.one_of(options)


@functools.cache
def _of_transport(family: Family) -> st.SearchStrategy[str]:
    """With the `-p` that they need."""
    icmp, icmp_match, icmp_option = (
        ("icmp", "icmp", "icmp-type") if family == "ip" else ("icmpv6", "icmp6", "icmpv6-type")
    )
    types = ["8", "0", "3", "3/3", "echo-request"] if family == "ip" else ["128", "129", "135", "1/4", "echo-request"]
    return st.one_of(
        written("-p {} -m {{}} {}--dport {}", _protocol, _not, _port).map(_with_protocol),
        written("-p {} -m {{}} {}--sport {} {}--dport {}", _protocol, _not, _port, _not, _port).map(_with_protocol),
        written(
            "-p tcp -m tcp {}--tcp-flags {} {}",
            _not,
            pick(["FIN,SYN,RST,ACK", "SYN,RST", "ALL", "SYN"]),
            pick(["SYN", "NONE", "ACK,SYN"]),
        ),
        written("-p tcp {}--syn", _not),
        written(
            "-p {} -m multiport {}{} {}", _protocol, _not, pick(["--dports", "--sports", "--ports"]), some(_PORTS[:11])
        ),
        written("{}-p {}", _not, pick(["tcp", "udp", icmp, "99", "gre"])),
        written(f"-p {icmp} -m {icmp_match} {{}}--{icmp_option} {{}}", _not, pick(types)),
        *([st.just("-p icmp -m icmp --icmp-type any")] if family == "ip" else []),
    )


def _with_protocol(template: str) -> str:
    return template.format(template.split()[1])


@functools.cache
def _of_connection(family: Family) -> st.SearchStrategy[str]:
    option = written(
        "{}--{} {}",
        _not,
        pick(["ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst"]),
        pick(_HOSTS[family] + _NETWORKS[family][:3]),
    )
    return st.one_of(
        written("-m conntrack {}--ctstate {}", _not, some(_STATES)),
        written("-m conntrack {}--ctstate {}", _not, some(_STATES)),
        written("-m state {}--state {}", _not, some(_STATES[:5])),
        written("-m conntrack --ctdir {}", pick(["ORIGINAL", "REPLY"])),
        written("-m conntrack {}--ctstatus {}", _not, some(["NONE", "EXPECTED", "SEEN_REPLY", "CONFIRMED"])),
        option.map("-m conntrack {}".format),
        written("-m conntrack {}--ctproto {}", _not, pick(["tcp", "17"])),
        written(
            "-m conntrack --ctproto tcp {}--{} {}",
            _not,
            pick(["ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport"]),
            pick(["80", "22", "1024:65535"]),
        ),
        written("-m conntrack {}--ctstate {} {}", _not, some(_STATES), option),
        written("-m connmark {}--mark {}", _not, _mark),
    )


@functools.cache
def _of_host(family: Family, table: str, hook: str) -> st.SearchStrategy[str]:
    types = ["LOCAL", "UNICAST", "MULTICAST"] + (["BROADCAST"] if family == "ip" else [])
    limits = {"PREROUTING": " --limit-iface-in", "INPUT": " --limit-iface-in", "FORWARD": " --limit-iface-out"}
    options = [
        written("-m addrtype {}--{} {}", _not, pick(["dst-type", "src-type"]), some(types)),
        written("-m addrtype {}--dst-type {}{}", _not, some(types), pick(["", limits.get(hook, "")])),
        written("-m physdev {}--physdev-in {}", _not, pick(["p1", "p2", "p+"])),
        written("-m physdev {}--physdev-is-in", _not),
    ]
    if hook in {"FORWARD", "POSTROUTING"}:
        options += [
            written("-m physdev {}--physdev-is-bridged", _not),
            written("-m physdev {}--physdev-is-bridged {}--physdev-out {}", _not, _not, pick(["p1", "p2", "p+"])),
        ]
    if hook in {"OUTPUT", "POSTROUTING"}:
        options += [
            written("-m owner {}--uid-owner {}", _not, pick(["0", "0-1000", "1000"])),
            written("-m owner {}--uid-owner 0 {}--gid-owner {}", _not, _not, pick(["0", "5"])),
            written("-m owner {}--socket-exists", _not),
        ]
    if hook in {"PREROUTING", "INPUT", "FORWARD"}:
        options.append(written("-m mac {}--mac-source 02:00:00:00:00:{}", _not, pick(["11", "12"])))
        options.append(written("-m devgroup {}--src-group {}", _not, pick(["0", "5"])))
    else:
        options.append(written("-m devgroup {}--dst-group {}", _not, pick(["0", "0x5/0xff"])))
    if hook == "PREROUTING" and table in {"raw", "mangle"}:
        options.append(
            written("-m rpfilter{}{}{}", pick(["", " --loose"]), pick(["", " --accept-local"]), pick(["", " --invert"]))
        )
    return st.one_of(options)


@functools.cache
def _of_packet(family: Family) -> st.SearchStrategy[str]:
    hops = "ttl" if family == "ip" else "hl"
    return st.one_of(
        written("-m mark {}--mark {}", _not, _mark),
        written("-m mark {}--mark {}", _not, _mark),
        written("-m pkttype {}--pkt-type {}", _not, pick(["unicast", "broadcast", "multicast"])),
        written("-m iprange {}--{} {}", _not, pick(["src-range", "dst-range"]), pick(_SPANS[family])),
        written("-m length {}--length {}", _not, pick(["40", ":60", "41:", "28:40"])),
        written(f"-m {hops} {{}}--{hops}-eq {{}}", _not, pick(["63", "64", "10"])),
        written(f"-m {hops} --{hops}-{{}} {{}}", pick(["lt", "gt"]), pick(["63", "64", "10"])),
        written("-m dscp {}--dscp {}", _not, pick(["0", "8", "46"])),
        written("-m tos {}--tos {}", _not, pick(["0x20/0xfc", "0xb8/0xfc", "0x20/0x20", "0/0xfc"])),
        st.just("-m comment --comment plain"),
        st.just('-m comment --comment "quoted, with \\"these\\" and -j DROP in it"'),
        st.just("-m limit --limit 1000/sec --limit-burst 1000"),
    )


_of_sets = st.one_of(
    written("-m set {}--match-set {} {}", _not, pick(["hosts", "nets", "ports"]), pick(["src", "dst"])),
    written(
        "-m set {}--match-set {} {}",
        _not,
        pick(["services", "ways"]),
        pick(["src,src", "dst,dst", "src,dst", "dst,src"]),
    ),
)
_of_sets6 = written("-m set {}--match-set hosts6 {}", _not, pick(["src", "dst"]))


@functools.cache
def _asked(family: Family, table: str, hook: str, *, sets: bool) -> st.SearchStrategy[str]:
    """All that a rule asks: seldom much, so that it is often met."""
    own = _own(family, hook)
    kinds = [
        own,
        _of_transport(family),
        _of_connection(family),
        _of_connection(family),
        _of_packet(family),
        _of_packet(family),
        _of_host(family, table, hook),
        *([_of_sets if family == "ip" else _of_sets6] if sets else []),
    ]
    one = st.one_of(kinds)
    return st.one_of(
        st.just(""),
        one,
        one,
        one,
        st.tuples(own, one)
        .filter(lambda both: both[0].removeprefix("! ")[:2] != both[1].removeprefix("! ")[:2])
        .map(" ".join),
        st.tuples(_of_transport(family), st.one_of(kinds[2:])).map(" ".join),
        st.tuples(_of_connection(family), _of_packet(family)).map(" ".join),
    )


def _changes(family: Family, table: str, hook: str) -> list[st.SearchStrategy[str]]:
    """Targets after which the next rule follows."""
    found = [
        st.just('-j LOG --log-prefix "met: "'),
        st.just("-j NFLOG --nflog-group 5"),
        written("-j CONNMARK --set-xmark {}", pick(["0x1", "0x10/0x10", "0x0/0xff"])),
    ]
    if table != "nat":
        found += [
            written(
                "-j CONNMARK --save-mark --nfmask {} --ctmask {}",
                pick(["0xff", "0xffffffff"]),
                pick(["0xff", "0xffffffff"]),
            )
        ]
    if table in {"mangle", "raw", "filter"}:
        found += [written("-j MARK --set-xmark {}", pick(["0x1", "0x10/0x10", "0x0/0xff", "0x2/0x0", "0x4000/0xff00"]))]
    if table == "mangle":
        found += [
            written(
                "-j CONNMARK --restore-mark --nfmask {} --ctmask {}",
                pick(["0xff", "0xffffffff"]),
                pick(["0xff", "0xffffffff"]),
            ),
            written("-j MARK --{} {}", pick(["or-mark", "and-mark", "xor-mark"]), pick(["0x1", "0x10", "0xff"])),
            written("-j DSCP --set-dscp {}", pick(["0", "8", "46"])),
            written("-j TOS --set-tos {}", pick(["0x20/0xfc", "0xb8/0x20"])),
            st.just("-j CHECKSUM --checksum-fill"),
            written("-j TTL --ttl-set {}" if family == "ip" else "-j HL --hl-set {}", pick(["10", "64"])),
        ]
        if hook in {"FORWARD", "OUTPUT", "POSTROUTING"}:
            found += [
                st.just("-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"),
                st.just("-j CLASSIFY --set-class 1:10"),
            ]
    return found


def _rejects(family: Family) -> st.SearchStrategy[str]:
    reasons = {
        "ip": ("icmp-host-unreachable", "icmp-admin-prohibited", "icmp-net-prohibited"),
        "ip6": ("icmp6-addr-unreachable", "icmp6-adm-prohibited"),
    }
    return st.one_of(st.just("-j REJECT"), written("-j REJECT --reject-with {}", pick(reasons[family])))


@functools.cache
def _translations(family: Family, hook: str) -> st.SearchStrategy[str]:
    # only what is routed back by the host, so that replies can be tried
    inside = ("10.0.0.11", "10.0.0.12", "10.0.1.11") if family == "ip" else ("fd00::11", "fd00:0:0:1::11")
    outside = ("203.0.113.77", "198.51.100.2") if family == "ip" else ("2001:db8:1::2", "2001:db8:7::77")
    with_port = "-p {} -j {} {}:{}" if family == "ip" else "-p {} -j {} [{}]:{}"
    if hook in {"PREROUTING", "OUTPUT"}:
        to = st.just("DNAT --to-destination")
        return st.one_of(
            written("-j DNAT --to-destination {}", pick(inside)),
            written(with_port, _protocol, to, pick(inside), pick(["80", "8080"])),
            written("-p {} -j DNAT --to-destination :{}", _protocol, pick(["80", "8080"])),
            written("-p {} -j REDIRECT --to-ports {}", _protocol, pick(["22", "8080"])),
            st.just("-j REDIRECT"),
            # to somebody who is there
            st.just(
                "-d 10.0.0.11 -j NETMAP --to 10.0.1.0/24"
                if family == "ip"
                else "-d fd00::11 -j NETMAP --to fd00:0:0:1::/64"
            ),
        )
    to = st.just("SNAT --to-source")
    sources = [
        written("-j SNAT --to-source {}", pick(outside)),
        written(with_port, _protocol, to, pick(outside), st.just("2000")),
    ]
    if hook == "POSTROUTING":
        sources += [
            st.just("-j MASQUERADE"),
            st.just("-j MASQUERADE"),
            written("-p {} -j MASQUERADE --to-ports 1024-65535", _protocol),
        ]
    return st.one_of(sources)


@functools.cache
def _ends(family: Family, table: str, hook: str, chains: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Targets that end a chain, or go to another."""
    jumps = [written("{} {}", pick(["-j", "-j", "-g"]), pick(chains))] if chains else []
    found: list[st.SearchStrategy[str]] = [pick(["-j ACCEPT", "-j RETURN"]), st.just(""), *jumps, *jumps]
    if table == "nat":
        return st.one_of(_translations(family, hook), _translations(family, hook), *found)
    found += [pick(["-j ACCEPT", "-j DROP"])]
    if table == "raw":
        found += [pick(["-j NOTRACK", "-j CT --notrack"])]
    if table == "filter":
        found += [_rejects(family), st.just("-p tcp -j REJECT --reject-with tcp-reset")]
    return st.one_of(found)


@functools.cache
def _rule(family: Family, table: str, hook: str, chains: tuple[str, ...], *, sets: bool) -> st.SearchStrategy[str]:
    end = _ends(family, table, hook, chains)
    done = st.one_of(end, end, *_changes(family, table, hook))
    return st.tuples(_asked(family, table, hook, sets=sets), done).map(_joined)


def _joined(parts: tuple[str, str]) -> str:
    """A target that asks for something itself is asked nothing else about."""
    asked, done = parts
    return done if done.startswith(("-p", "-d")) else f"{asked} {done}".strip()


HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}


@st.composite
def _tables(draw: st.DrawFn, family: Family, table: str, *, sets: bool) -> str:
    heads, rules = [], []
    used = draw(
        st.lists(
            pick([*HOOKS[table], *(["FORWARD"] * 3 if "FORWARD" in HOOKS[table] else [])]),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    for hook in HOOKS[table]:
        policy = draw(pick(["ACCEPT", "ACCEPT", "ACCEPT", "DROP"])) if table == "filter" and hook in used else "ACCEPT"
        heads.append(f":{hook} {policy} [0:0]")
        if hook not in used:
            continue
        own = [f"{hook[:3]}{number}" for number in range(draw(st.integers(0, 2)))]
        heads += [f":{name} - [0:0]" for name in own]
        for place, chain in enumerate([hook, *own]):
            rule = _rule(family, table, hook, tuple(own[place:]), sets=sets)
            rules += [f"-A {chain} {each}" for each in draw(st.lists(rule, min_size=1, max_size=5))]
    return "\n".join([f"*{table}", *heads, *rules, "COMMIT"])


@dataclass(frozen=True)
class Restored:
    """Input of iptables-restore and of ip6tables-restore."""

    iptables: str
    ip6tables: str


@st.composite
def rulesets(draw: st.DrawFn, *, sets: bool = False) -> Restored:
    """Rulesets of both versions of IP."""
    found = {}
    for family in ("ip", "ip6"):
        tables = draw(
            st.lists(
                pick(["filter", "filter", "nat", "mangle", "raw", "security"]), min_size=1, max_size=3, unique=True
            )
        )
        found[family] = "\n".join(draw(_tables(family, table, sets=sets)) for table in tables) + "\n"
    return Restored(found["ip"], found["ip6"])
