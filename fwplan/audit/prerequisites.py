"""What a host has to be like, besides its rules, for its networks to work as they promise."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding
from fwplan.audit.readiness import readiness_findings
from fwplan.audit.routing import Routing
from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.observation import Observation
    from fwplan.audit.remedies import Commands
    from fwplan.plan.plan import NetworkPlan, Plan

_FORWARDING = {Family.IPV4: "net.ipv4.ip_forward", Family.IPV6: "net.ipv6.conf.all.forwarding"}
_OF_INTERFACE = "net.ipv4.conf.{}.forwarding"
"""IPv4 is forwarded only of what comes in by an interface for which this is on; IPv6 asks the host alone."""
_BRIDGED = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}
_ACCEPT_ADVERTISEMENTS = "net.ipv6.conf.{}.accept_ra"
_UNLESS_FORWARDING = "1"
"""Of accept_ra: what routers announce counts unless the host forwards; 2 would be also then."""


def prerequisite_findings(observation: Observation, plan: Plan, commands: Commands) -> Iterator[Finding]:
    """What a host lacks for its networks.

    Args:
        observation: the host.
        plan: of its networks.
        commands: of fwplan, for remedies.
    """
    yield from _forwarding(observation, plan, commands)
    yield from _advertised_routes(observation, plan)
    if "addresses" in observation.seen:
        routing = Routing(observation.world) if "routes" in observation.seen else None
        for share in plan.networks:
            yield from readiness_findings(observation, share, routing)
    yield from _bridged_frames(observation, plan)


def interface_setting(form: str, interface: str) -> str:
    """A setting of one interface, as sysctl(8) names it: with `/` for a dot in the interface's name."""
    return form.format(interface.replace(".", "/"))


def _forwarded(plan: Plan, family: Family) -> list[NetworkPlan]:
    return [
        share
        for share in plan.networks
        if share.network.meaning.forwards and any(Family.of(ip.subnet) is family for ip in share.network.ips)
    ]


def _forwarding(observation: Observation, plan: Plan, commands: Commands) -> Iterator[Finding]:
    for family, setting in _FORWARDING.items():
        concerned = _forwarded(plan, family)
        names = [share.network.name for share in concerned]
        if concerned and observation.is_on(setting) is False:
            yield Finding(
                Code.FORWARDING_OFF,
                None,
                setting,
                f"the host does not forward {family.value}: guests reach nothing beyond it",
                tuple(f"network {name!r}" for name in names),
                remedy=(
                    f"sysctl -w {setting}=1",
                    "# and keep it, in /etc/sysctl.d; or, together with the rules:",
                    commands.apply(names, "--enable-forwarding"),
                ),
            )
        elif family is Family.IPV4:
            for share in concerned:
                yield from _forwarding_of_bridge(observation, share)


def _forwarding_of_bridge(observation: Observation, share: NetworkPlan) -> Iterator[Finding]:
    if share.bridge is None:
        return
    setting = interface_setting(_OF_INTERFACE, share.bridge)
    if observation.is_on(setting) is False:
        yield Finding(
            Code.FORWARDING_OFF,
            share.network.name,
            setting,
            f"the host forwards no IPv4 that comes in by {share.bridge}:"
            f" guests of network {share.network.name!r} reach nothing beyond it",
            remedy=(shlex.join(["sysctl", "-w", f"{setting}=1"]),),
        )


def _advertised_routes(observation: Observation, plan: Plan) -> Iterator[Finding]:
    """libvirt starts no network that forwards IPv6 on such a host."""
    concerned = _forwarded(plan, Family.IPV6)
    for name in sorted(observation.world.by_name) if concerned else ():
        setting = interface_setting(_ACCEPT_ADVERTISEMENTS, name)
        if observation.settings.get(setting) == _UNLESS_FORWARDING:
            yield Finding(
                Code.ROUTES_EXPIRE,
                None,
                setting,
                f"the host has IPv6 routes from routers behind {name}, which it forgets as soon as it forwards IPv6",
                tuple(f"network {share.network.name!r}" for share in concerned),
                remedy=(shlex.join(["sysctl", "-w", f"{setting}=2"]), "# and keep it, in /etc/sysctl.d"),
            )


def _bridged_frames(observation: Observation, plan: Plan) -> Iterator[Finding]:
    versions = {ip.address.version for share in plan.networks for ip in share.network.ips}
    on = [setting for version, setting in _BRIDGED.items() if version in versions and observation.is_on(setting)]
    if on:
        yield Finding(
            Code.BRIDGED_FRAMES_FILTERED,
            None,
            ", ".join(on),
            "what guests of one bridge send to each other goes through the rules of IP as well (br_netfilter)",
            remedy=(
                "# unless something on this host needs it, as Docker and Kubernetes may:",
                *(f"sysctl -w {setting}=0" for setting in on),
            ),
        )
