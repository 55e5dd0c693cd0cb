"""What helps against what breaks a promise: commands, by whose rule it is that breaks it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fwplan.audit.finding import Code
from fwplan.audit.strangers import STRANGER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.deciding import Culprit
    from fwplan.plan.plan import NetworkPlan


def remedies(code: Code, share: NetworkPlan, culprit: Culprit | None) -> tuple[str, ...]:
    """Commands that make a promise hold again; a comment begins with `#`.

    Args:
        code: how it is broken.
        share: the network.
        culprit: what breaks it; None where it is that no rule keeps it.
    """
    bridge = shlex.quote(share.bridge or "")
    owner = None if culprit is None else culprit.owner
    place = "" if culprit is None else culprit.place
    name = "" if owner is None else owner.name
    if owner is STRANGER and culprit is not None and culprit.handle is not None:
        return (f"nft delete rule {place} handle {culprit.handle}",)
    match code:
        case Code.REFUSED:
            return tuple(_let_pass(name, bridge, place, share))
        case Code.SERVICE_REFUSED:
            return tuple(_let_reach(name, bridge, place))
        case Code.PASSES | Code.OTHER_SOURCE if name in {"", "libvirt", "fwplan"}:
            return _PUT_BACK
        case Code.PASSES:
            return (
                f"# narrow the rule of {name}, or take it out: packets pass it before those of the network are asked",
            )
        case Code.OTHER_SOURCE:
            return (
                f"# the rule of {name} translates before that of the network: exclude the network's subnets from it",
            )
        case _:
            return ()


_PUT_BACK = ("# puts back what is missing:", "fwplan apply DEFINITION…")


def _let_pass(name: str, bridge: str, place: str, share: NetworkPlan) -> Iterator[str]:
    family, _, rest = place.partition(" ")
    tool = "ip6tables" if family == "ip6" else "iptables"
    enters = share.network.meaning.forwards and not share.network.meaning.source_nat
    state = "" if enters else " -m conntrack --ctstate RELATED,ESTABLISHED"
    match name:
        case "libvirt" | "fwplan":
            yield from _PUT_BACK
        case "Docker" if rest.startswith("docker-bridges"):
            yield "# Docker's nftables backend drops what it does not know; let it leave forwarding alone:"
            yield """# in /etc/docker/daemon.json: "ip-forward-no-drop": true, then: systemctl restart docker"""
        case "Docker":
            yield "# Docker leaves the chain DOCKER-USER to the administrator:"
            yield f"{tool} -I DOCKER-USER -i {bridge} -j ACCEPT"
            yield f"{tool} -I DOCKER-USER -o {bridge}{state} -j ACCEPT"
        case "firewalld":
            yield from _to_zone(bridge)
        case "ufw":
            yield f"ufw route allow in on {bridge}"
            if enters:
                yield f"ufw route allow out on {bridge}"
        case _ if rest.split(" ")[0] in {"filter", "mangle", "raw", "security"} and family in {"ip", "ip6"}:
            yield f"{tool} -I FORWARD -i {bridge} -j ACCEPT"
            yield f"{tool} -I FORWARD -o {bridge}{state} -j ACCEPT"
            yield "# and keep them: iptables-save, or where the rules of this host are written"
        case _:
            yield f"nft insert rule {place} iifname {bridge} accept"
            of_state = "" if enters else " ct state established,related"
            yield f"nft insert rule {place} oifname {bridge}{of_state} accept"
            yield "# and keep them where the rules of this host are written, such as /etc/nftables.conf"


def _let_reach(name: str, bridge: str, place: str) -> Iterator[str]:
    family, _, rest = place.partition(" ")
    tool = "ip6tables" if family == "ip6" else "iptables"
    match name:
        case "libvirt" | "fwplan":
            yield from _PUT_BACK
        case "firewalld":
            yield from _to_zone(bridge)
        case "ufw":
            yield f"ufw allow in on {bridge} to any port 67 proto udp"
            yield f"ufw allow in on {bridge} to any port 53"
        case _ if rest.split(" ")[0] == "filter" and family in {"ip", "ip6"}:
            yield f"{tool} -I INPUT -i {bridge} -p udp -m multiport --dports 53,67,547 -j ACCEPT"
            yield f"{tool} -I INPUT -i {bridge} -p tcp --dport 53 -j ACCEPT"
        case _:
            ports = "meta l4proto { tcp, udp } th dport { 53, 67, 547 }"
            yield f"nft insert rule {place} iifname {bridge} {ports} accept"
            yield "# and keep it where the rules of this host are written, such as /etc/nftables.conf"


def _to_zone(bridge: str) -> Iterator[str]:
    yield "# libvirt's zone lets guests reach DHCP and DNS, and go out:"
    yield f"firewall-cmd --permanent --zone=libvirt --change-interface={bridge}"
    yield "firewall-cmd --reload"
