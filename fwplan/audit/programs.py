"""Programs that put rules on a host, and the names by which their tables, chains and rules are known.

Sources: the documentation and the listings of these programs, as of 2026.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and what it names. Each pattern is a regular expression that a whole name matches.

    Attributes:
        name: as people say it.
        tables: of nftables that it keeps for itself, each with its family: `inet firewalld`.
        chains: in tables that it shares with others, mostly those of iptables.
        chains_perhaps: names that others might well give a chain too.
        comments: of its rules.
        interfaces: bridges that it makes.
        set_aside: of its chains, those that it leaves to the administrator.
    """

    name: str
    tables: str = ""
    chains: str = ""
    chains_perhaps: str = ""
    comments: str = ""
    interfaces: str = ""
    set_aside: frozenset[str] = field(default_factory=frozenset)


PROGRAMS = (
    Program("fwplan", tables=r"\w+ fwplan.*"),
    Program(
        "libvirt",
        tables=r"ip6? libvirt_network|\w+ libvirt_\w+",
        chains=r"LIBVIRT_\w+|libvirt-.+",
        chains_perhaps=r"[FH][IJOP]-.+|[IJOP]-vnet.+",
    ),
    Program(
        "Docker",
        tables=r"ip6? docker-bridges",
        chains=r"DOCKER([-_].*)?",
        interfaces=r"docker0|docker_gwbridge|br-[0-9a-f]{12}",
        set_aside=frozenset(("DOCKER-USER",)),
    ),
    Program(
        "firewalld",
        tables=r"(inet|ip6?) firewalld(_\w+)?",
        chains=(
            r"(INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING)_((IN_|OUT_)?ZONES(_SOURCE)?|POLICIES_(pre|post)|direct)"
            r"|(IN|OUT|FWD|FWDI|FWDO|PRE|POST)_.+_(allow|deny|log|pre|post)"
        ),
        chains_perhaps=r"(IN|FWD|FWDI|FWDO|PRE|POST)_.+",
    ),
    Program("ufw", chains=r"ufw6?-.+"),
    Program("Podman (netavark)", tables=r"inet netavark", chains=r"NETAVARK.*", interfaces=r"podman\d+"),
    Program("kube-router", chains=r"KUBE-(ROUTER|POD-FW|NWPLCY)-.+", comments=r"kube-router .+"),
    Program("kubelet", chains=r"KUBE-(FIREWALL|KUBELET-CANARY|IPTABLES-HINT)"),
    Program("kube-proxy", tables=r"ip6? kube-proxy", chains=r"KUBE-.+", comments=r"kubernetes .+"),
    Program("Calico", tables=r"ip6? calico", chains=r"cali-.+", comments=r"cali:.+", interfaces=r"cali[0-9a-f]{11}"),
    Program("Cilium", chains=r"(OLD_)?CILIUM_.+", comments=r"cilium: .+", interfaces=r"cilium_\w+"),
    Program("Flannel", tables=r"ip6? flannel-ipv[46]", chains=r"FLANNEL-.+", comments=r"flanneld .+"),
    Program("Antrea", chains=r"ANTREA-.+"),
    Program("Istio", chains=r"ISTIO_.+"),
    Program(
        "CNI",
        tables=r"\w+ cni_\w+",
        chains=r"CNI-.+",
        interfaces=r"cni0|cni-podman\d+",
        set_aside=frozenset(("CNI-ADMIN",)),
    ),
    Program("Incus", tables=r"\w+ incus", comments=r"generated for Incus .+", interfaces=r"incusbr\d+"),
    Program("LXD", tables=r"\w+ lxd", comments=r"generated for LXD .+|managed by lxd.*", interfaces=r"lxdbr\d+"),
    Program("LXC", tables=r"(inet|ip6?) lxc", interfaces=r"lxcbr\d+"),
    Program("fail2ban", tables=r"\w+ f2b-.+", chains=r"(f2b|fail2ban)-.+"),
    Program("CrowdSec", tables=r"ip crowdsec|ip6 crowdsec6", chains=r"CROWDSEC_.+"),
    Program("SSHGuard", tables=r"ip6? sshguard", chains=r"sshguard"),
    Program("Tailscale", chains=r"ts-.+", interfaces=r"tailscale\d+"),
    Program("NetBird", tables=r"\w+ netbird.*", chains=r"NETBIRD-.+"),
    Program("wg-quick", tables=r"ip6? wg-quick-.+", comments=r"wg-quick\(8\) rule for .+"),
    Program("NetworkManager", tables=r"\w+ nm-.+", chains=r"nm-sh-.+", comments=r"nm-shared-.+"),
    Program("systemd", tables=r"\w+ io\.systemd\..+"),
    Program("foomuuri", tables=r"\w+ foomuuri"),
    Program("Proxmox VE", tables=r"\w+ proxmox-firewall.*", chains=r"PVEFW-.+"),
    Program("OpenStack Neutron", chains=r"neutron-.+"),
    Program("OpenWrt (fw4)", tables=r"inet fw4"),
    Program("NixOS", tables=r"\w+ nixos-.+", chains=r"nixos-.+"),
    Program("Mullvad VPN", tables=r"\w+ mullvad"),
    Program("OpenSnitch", tables=r"\w+ opensnitch"),
    Program("MiniUPnPd", chains=r"MINIUPNPD.*"),
)
"""The first one whose pattern a name matches is the one."""


@cache
def program_of(kind: str, name: str) -> Program | None:
    """The program to which a name tells.

    Args:
        kind: of name: `tables`, `chains`, `chains_perhaps`, `comments` or `interfaces`, as `Program` has them.
        name: the whole name.
    """
    found = _pattern(kind).fullmatch(name)
    # of groups within each other the outermost is closed last
    return None if found is None or found.lastgroup is None else PROGRAMS[int(found.lastgroup[1:])]


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    """All programs' patterns in one; the group that matches tells the program."""
    given = [(number, getattr(program, kind)) for number, program in enumerate(PROGRAMS)]
    joined = "|".join(f"(?P<p{number}>{pattern})" for number, pattern in given if pattern)
    return re.compile(joined, re.DOTALL)
