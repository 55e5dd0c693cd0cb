"""Rulesets as other software makes them, as scripts for nft: tables, sets, chains at every hook, rules.

What rules ask for is in `strategies_matches.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from hypothesis import strategies as st
from strategies_matches import (
    DSCP,
    HOSTS,
    INSIDE,
    NETWORKS,
    OUTSIDE,
    Context,
    Texts,
    Transport,
    mark,
    matches,
    pick,
    port,
    some,
    written,
)


@cache
def _effects(context: Context) -> Texts:
    """What a rule does besides."""
    version = context.version
    found = [
        pick("counter"),
        pick("counter"),
        pick('log prefix "met: "', 'limit rate 100/second log prefix "often: "'),
        written("meta mark set {}", mark),
        written("meta mark set meta mark {}", pick("| 0x10", "^ 0x4000", "& 0xff")),
        pick("counter name met", f"add @seen_{version} {{ {version} saddr }}"),
        pick(f"update @seen_{version} {{ {version} daddr timeout 1m counter }}"),
        pick(f"meta mark set {version} daddr map @marks_{version}"),
    ]
    if context.family != "bridge":
        found += [
            written("ct mark set {}", pick("meta mark", "1", "0x10")),
            written("meta mark set {}", pick("ct mark", "ct mark & 0xff")),
        ]
        if context.hook in {"prerouting", "forward", "postrouting"} and not context.of_nat:
            hosts = HOSTS[version]
            found += [
                written(version + " dscp set {}", pick(*DSCP)),
                pick("ip ttl set 10" if version == "ip" else "ip6 hoplimit set 10"),
                written(
                    "meta mark set " + version + " saddr map {{ {} : 1, {} : 2 }}", pick(hosts[0]), pick(*hosts[5:])
                ),
            ]
        if context.transport == "tcp" and context.hook == "forward":
            found.append(pick("tcp option maxseg size set rt mtu"))
    return st.one_of(found)


@cache
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
    hosts = HOSTS[version]
    found = [
        written('{} vmap {{ "br0" : {}, "ext0" : {} }}', pick("iifname", "oifname"), verdict, verdict),
        written(version + " saddr vmap {{ {} : {}, {} : {} }}", pick(*hosts[:2]), verdict, pick(*hosts[5:]), verdict),
    ]
    if not context.transport:
        found.append(pick(f"{version} daddr . meta l4proto . th dport vmap @verdicts_{version}"))
    if context.transport in {"tcp", "udp"}:
        found.append(
            written(context.transport + " dport vmap {{ 22 : {}, 80-90 : {}, 443 : {} }}", verdict, verdict, verdict)
        )
    if not context.transport:
        found += [
            written("meta l4proto vmap {{ tcp : {}, udp : {} }}", verdict, verdict),
            written(
                version + " daddr . meta l4proto . th dport vmap {{ {} . tcp . {} : {} }}", pick(*hosts), port, verdict
            ),
        ]
    if context.family != "bridge":
        found.append(written("ct state vmap {{ established : {}, related : accept, new : {} }}", verdict, verdict))
    if chains:
        # whichever number is drawn, the same comes of it
        drawn = pick("numgen random mod 2", f"jhash {version} saddr mod 2", "symhash mod 2")
        found.append(written("{0} vmap {{ 0 : jump {1}, 1 : jump {1} }}", drawn, pick(*chains)))
    return found


@cache
def _translations(context: Context) -> Texts:
    """How a rule of a chain of type nat ends."""
    version, transport = context.version, context.transport
    word = f" {version}" if context.family == "inet" else ""
    inside, outside = pick(*INSIDE[version]), pick(*OUTSIDE[version])
    at_port = "{}:{}" if version == "ip" else "[{}]:{}"
    with_ports = transport in {"tcp", "udp"}
    of = f"meta l4proto {transport} "
    found = [pick("accept", "return", "")]
    if context.chains:
        found.append(written("jump {}", pick(*context.chains)))
    if context.hook in {"prerouting", "output"}:
        found += [
            written("dnat" + word + " to {}", inside),
            written("dnat" + word + " to " + version + " daddr map {{ {} : {} }}", pick(*HOSTS[version]), inside),
            pick("redirect"),
        ]
        found += (
            [written(of + "dnat" + word + " to " + at_port, inside, port), written(of + "redirect to :{}", port)]
            if with_ports
            else []
        )
    else:
        snat = written("snat" + word + " to {}", outside)
        net = "10.0.0.0/24 : 203.0.113.0/24" if version == "ip" else "fd00::/64 : 2001:db8:7::/64"
        found += [snat, snat, pick(f"snat {version} prefix to {version} saddr map {{ {net} }}")]
        found += [written(of + "snat" + word + " to " + at_port, outside, pick(2000, 1024))] if with_ports else []
        if context.hook == "postrouting":
            found += [
                pick("masquerade", "masquerade"),
                *([pick(of + "masquerade to :1024-65535")] if with_ports else []),
            ]
    return st.one_of(found)


@cache
def _rule_about(context: Context) -> Texts:
    parts = st.tuples(
        st.lists(matches(context), max_size=3),
        st.lists(_effects(context), max_size=1),
        _translations(context) if context.of_nat else _ends(context),
    )
    return parts.map(lambda found: " ".join([*found[0], *found[1], found[2]]).strip()).filter(bool)


_TRANSPORTS: tuple[Transport, ...] = ("tcp", "tcp", "udp", "icmp", "several", "", "", "")
_VERSIONS: dict[str, tuple[Literal["ip", "ip6"], ...]] = {"ip": ("ip",), "ip6": ("ip6",)}


@cache
def _rule(context: Context) -> Texts:
    abouts = [
        replace(context, version=version, transport=transport)
        for version in _VERSIONS.get(context.family, ("ip", "ip", "ip6"))
        for transport in _TRANSPORTS
    ]
    return st.sampled_from(abouts).flatmap(_rule_about)


@cache
def _rules(context: Context) -> st.SearchStrategy[list[str]]:
    return st.lists(_rule(context), min_size=1, max_size=5)


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


_OWN = ("own0", "own1")
"""Chains that a base chain may jump to; in a script they have names of its own."""


def _sets(version: str) -> Texts:
    """The sets and maps of a table that are about one version of IP."""
    hosts, networks = HOSTS[version], NETWORKS[version][:3]
    address = f"ip{'v6' if version == 'ip6' else 'v4'}_addr"
    service = written("{} . {}", pick(*hosts, *networks), pick(22, 80, "1024-2000"))
    verdict = pick("accept", "drop", "return", "continue")
    return written(
        "\n".join(
            (
                f"  set hosts_{version} {{{{ type {address}; flags interval; elements = {{{{ {{}} }}}}",
                "  }}",
                f"  set services_{version} {{{{ type {address} . inet_service; flags interval",
                "    elements = {{ {} }}",
                "  }}",
                f"  set seen_{version} {{{{ type {address}; flags dynamic,timeout; size 1000; timeout 5m",
                "  }}",
                f"  map marks_{version} {{{{ type {address} : mark; elements = {{{{ {{}} : 1, {hosts[3]} : 0x10 }}}}",
                "  }}",
                f"  map verdicts_{version} {{{{ type {address} . inet_proto . inet_service : verdict; flags interval",
                "    elements = {{ {} . tcp . 22 : {}, {} . {} . 80-443 : {} }}",
                "  }}",
            )
        ),
        some(*hosts[:3], *(hosts[5:] if version == "ip" else ())),
        service,
        pick(*hosts[:3]),
        pick(*hosts),
        verdict,
        pick(*hosts),
        pick("udp", "tcp"),
        verdict,
    )


_named = st.tuples(_sets("ip"), _sets("ip6"), some('"br0"', '"br1"', '"ext0"', '"p1"')).map(
    lambda found: (
        f"""{found[0]}
{found[1]}
  set names {{ type ifname; elements = {{ {found[2]} }}
  }}
  counter met {{
  }}"""
    )
)


@st.composite
def _tables(draw: st.DrawFn, number: int) -> str:
    family = draw(st.sampled_from(["inet", "inet", "ip", "ip", "ip6", "bridge"]))
    bases = draw(st.lists(_filters, min_size=1, max_size=3))
    bases += draw(st.lists(_nats, max_size=2)) if family != "bridge" else []
    lines = [f"table {family} t{number} {{", draw(_named)]
    for place, base in enumerate(bases):
        own = _OWN[: draw(st.integers(0, 2))]
        before = base.priority < -200 and base.hook in {"prerouting", "output"}
        context = Context(family, base.hook, base.type == "nat", before)
        chains = [(name, "", draw(_rules(replace(context, chains=own[later:])))) for later, name in enumerate(own, 1)]
        head = f"type {base.type} hook {base.hook} priority {base.priority}; policy {base.policy};"
        chains.append((f"c{place}", head, draw(_rules(replace(context, chains=own)))))
        for name, hook, rules in chains:
            written_out = "\n".join(
                [f"  chain {name} {{", *([f"    {hook}"] if hook else []), *(f"    {rule}" for rule in rules), "  }"]
            )
            lines.append(written_out.replace("own", f"c{place}x"))
    return "\n".join([*lines, "}"])


rulesets = (
    st.integers(1, 3).flatmap(lambda count: st.tuples(*(_tables(number) for number in range(count)))).map("\n".join)
)
"""Scripts for nft."""
