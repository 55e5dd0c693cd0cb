"""What helps: commands, by whose rule it is that breaks a promise.

Sources: the documentation of these programs. Docker leaves the chain DOCKER-USER to the administrator, for hosts that
route for others; libvirt puts its bridges in zones of firewalld; ufw has `route` for what is forwarded.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.audit.owners import table_of
from fwplan.audit.probes import Way
from fwplan.errors import NotExpressibleError
from fwplan.nft.grammar import interface_word, pattern
from fwplan.plan.plan import Backend, Layout
from fwplan.plan.promises import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fwplan.audit.deciding import Culprit
    from fwplan.nft.ruleset import Place, Rule, Ruleset
    from fwplan.plan.plan import NetworkPlan, Plan

_MOST_FILES = 3
"""That a command names, before it is shortened."""
_TOOLS = {"ip": "iptables", "ip6": "ip6tables", "bridge": "ebtables"}
_BUILT_IN = {
    "prerouting": "PREROUTING",
    "input": "INPUT",
    "forward": "FORWARD",
    "output": "OUTPUT",
    "postrouting": "POSTROUTING",
}
"""iptables' chains, by the hook at which the kernel enters them."""


@dataclass(frozen=True)
class Commands:
    """Commands of fwplan itself, with the files of the definitions that they are about.

    Attributes:
        plan: of the networks.
        files: the file of each network's definition, by its name, as far as that is known.
    """

    plan: Plan
    files: Mapping[str, str]

    def apply(self, networks: Iterable[str] | None = None, *options: str) -> str:
        """`fwplan apply` for these networks; for all where none are given."""
        if self.plan.backend is not Backend.NFTABLES:
            options = (*options, "--backend", self.plan.backend.value)
        if self.plan.layout is not Layout.LIBVIRT:
            options = (*options, "--layout", self.plan.layout.value)
        names = [share.network.name for share in self.plan.networks] if networks is None else list(networks)
        files = [self.files.get(name, "") for name in names]
        if not files or not all(files) or "-" in files:
            words = ["DEFINITION…"]
        else:
            words = [shlex.quote(file) for file in files[:_MOST_FILES]] + ["…"] * (len(files) > _MOST_FILES)
        return " ".join(["fwplan apply", *options, *words])

    def repair(self, networks: Iterable[str] | None = None) -> tuple[str, ...]:
        """What makes the rules of networks right again."""
        return "# puts back what is missing, and takes away what is too much:", self.apply(networks)


def deletion(ruleset: Ruleset, rule: Rule) -> Iterator[str]:
    """The command that takes a rule of a host away; a hint where nothing tells it from others."""
    place = rule.place
    if rule.written:
        yield f"{_tool(ruleset, place)}{_of_table(place)} -D {_word(place.chain)} {rule.written}"
    elif rule.handle is not None:
        yield f"nft delete rule {_words(place)} handle {rule.handle}"
    else:
        yield f"# its handle tells which to delete: nft -a list chain {_words(place)}"


@dataclass(frozen=True, slots=True)
class Hindered:
    """Packets of a network that fare otherwise than promised.

    Attributes:
        ruleset: of the host.
        share: the network.
        culprit: what does it to them.
        ways: that they go.
        services: the destination ports of services on the host, each with its protocol.
    """

    ruleset: Ruleset
    share: NetworkPlan
    culprit: Culprit
    ways: frozenset[Way]
    services: tuple[tuple[str, int], ...] = ()

    @property
    def owner(self) -> str:
        """The name of the program whose rule it is."""
        return "" if self.culprit.owner is None else self.culprit.owner.name

    @property
    def enters(self) -> bool:
        """Whether packets that begin a connection to guests are among them."""
        return not self.ways.isdisjoint((Way.ENTERING, Way.FROM_ELSEWHERE))

    @property
    def bridge(self) -> str:
        """The bridge of the network, as one word of a command."""
        return _word(self.share.bridge or "")


def let_pass(hindered: Hindered) -> Iterator[str]:
    """What lets packets pass that the host forwards."""
    bridge, culprit = hindered.bridge, hindered.culprit
    family = "" if culprit.base is None else culprit.base.family
    match hindered.owner:
        case "Docker" if family in {"ip", "ip6"} and culprit.hook == "forward":
            tool = _tool(hindered.ruleset, culprit.base)
            yield "# Docker leaves the chain DOCKER-USER to the administrator:"
            yield f"{tool} -I DOCKER-USER -i {bridge} -j ACCEPT"
            yield f"{tool} -I DOCKER-USER -o {bridge}{_replies_of_iptables(hindered)} -j ACCEPT"
            yield "# or, with Docker 28 or newer, let it leave FORWARD alone, in /etc/docker/daemon.json:"
            yield """#   "ip-forward-no-drop": true"""
        case "firewalld":
            yield from _to_zone(hindered.share)
        case "ufw":
            yield f"ufw route allow in on {bridge}"
            if hindered.enters:
                yield f"ufw route allow out on {bridge}"
        case _:
            yield from _insert(hindered)


def let_reach(hindered: Hindered) -> Iterator[str]:
    """What lets guests reach services on the host."""
    if hindered.owner == "firewalld":
        yield from _to_zone(hindered.share)
    elif hindered.owner == "ufw" and hindered.culprit.hook == "input":
        for protocol, port in hindered.services:
            yield f"ufw allow in on {hindered.bridge} to any port {port} proto {protocol}"
    else:
        yield from _insert(hindered)


def _insert(hindered: Hindered) -> Iterator[str]:
    """Rules before the one that refuses, in its own base chain: an accept anywhere else does not overrule it."""
    culprit = hindered.culprit
    base = culprit.base
    if base is None:
        return
    if base.family == "bridge":
        yield f"# {base} has to let pass what ports of {hindered.bridge} carry"
        return
    if _is_of_iptables(culprit):
        tool, chain = _tool(hindered.ruleset, base), base.chain
        for condition in _conditions(hindered, of_iptables=True):
            yield f"{tool}{_of_table(base)} -I {_word(chain)} {condition} -j ACCEPT"
        yield "# and keep it where the rules of this host are written: netfilter-persistent save, iptables.service, ..."
    else:
        for condition in _conditions(hindered, of_iptables=False):
            yield f"nft insert rule {_words(base)} {condition} accept"
        yield "# and keep it where the rules of this host are written, such as /etc/nftables.conf"


def _conditions(hindered: Hindered, *, of_iptables: bool) -> Iterator[str]:
    bridge = hindered.bridge if of_iptables else _nft_interface(hindered.share.bridge or "")
    came, leaves = ("-i", "-o") if of_iptables else ("iifname", "oifname")
    hook = hindered.culprit.hook
    if hindered.services:
        side = leaves if hook in {"output", "postrouting"} else came
        for protocol in dict.fromkeys(protocol for protocol, _ in hindered.services):
            ports = sorted({port for of, port in hindered.services if of == protocol})
            yield f"{side} {bridge} {_ports(protocol, ports, of_iptables=of_iptables)}"
        return
    if hindered.ways == {Way.AMONG}:
        yield f"{came} {bridge} {leaves} {bridge}"
        return
    if hook != "postrouting":
        yield f"{came} {bridge}"
    if hook in {"forward", "postrouting"}:
        replies = _replies_of_iptables(hindered) if of_iptables else _replies_of_nft(hindered)
        yield f"{leaves} {bridge}{replies}"


def _ports(protocol: str, ports: list[int], *, of_iptables: bool) -> str:
    listed = ",".join(map(str, ports))
    if not of_iptables:
        numbers = listed if len(ports) == 1 else f"'{{ {', '.join(map(str, ports))} }}'"
        return f"{protocol} dport {numbers}"
    return f"-p {protocol} --dport {listed}" if len(ports) == 1 else f"-p {protocol} -m multiport --dports {listed}"


def _replies_of_iptables(hindered: Hindered) -> str:
    return "" if hindered.enters else " -m conntrack --ctstate RELATED,ESTABLISHED"


def _replies_of_nft(hindered: Hindered) -> str:
    return "" if hindered.enters else " ct state established,related"


def _to_zone(share: NetworkPlan) -> Iterator[str]:
    """libvirt's zone for the network, now and after firewalld is loaded anew."""
    joins = None if share.bridge is None else zone_of(share.network, share.bridge, routed_zone=True)
    if joins is None:
        yield "# firewalld refuses it by the zone that the bridge is in:"
        yield f"firewall-cmd --get-zone-of-interface={_word(share.bridge or '')}"
        return
    move = f"--zone={_word(joins.zone)} --change-interface={_word(joins.bridge)}"
    yield f"# the zone {joins.zone!r} lets guests reach DHCP and DNS of the host, and go out:"
    yield f"firewall-cmd {move}"
    yield f"firewall-cmd --permanent {move}"


def _is_of_iptables(culprit: Culprit) -> bool:
    """Whether iptables can put a rule before it: what refuses is in a chain that iptables knows."""
    base = culprit.base
    return (
        base is not None
        and base.family in {"ip", "ip6"}
        and base.table in {"filter", "nat", "mangle", "raw", "security"}
        and base.chain == _BUILT_IN.get(culprit.hook)
    )


def _tool(ruleset: Ruleset, place: Place | None) -> str:
    """The program of iptables for a chain."""
    tool = "iptables" if place is None else _TOOLS.get(place.family, "iptables")
    table = None if place is None else table_of(ruleset, place)
    return f"{tool}-legacy" if table is not None and table.program == "iptables-legacy" else tool


def _of_table(place: Place) -> str:
    return "" if place.table == "filter" else f" -t {place.table}"


def _words(place: Place) -> str:
    return shlex.join([place.family, place.table, place.chain])


def _word(text: str) -> str:
    return shlex.quote(text)


def _nft_interface(name: str) -> str:
    """The name as a pattern of nft that the shell hands over as it is; as it comes where nft cannot express it."""
    try:
        return _word(interface_word(pattern(name)))
    except NotExpressibleError:
        return _word(name)
