"""What a host has to be like, besides its rules, for its networks to work as they promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding
from fwplan.network.modes import Kind
from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.observation import Observation
    from fwplan.plan.plan import NetworkPlan, Plan

_FORWARDING = {Family.IPV4: "net.ipv4.ip_forward", Family.IPV6: "net.ipv6.conf.all.forwarding"}
_BRIDGED = {4: "net.bridge.bridge-nf-call-iptables", 6: "net.bridge.bridge-nf-call-ip6tables"}
_STRICT = "1"
"""Of rp_filter: a packet is dropped unless its source is reached by the interface by which it came (RFC 3704)."""


def prerequisite_findings(observation: Observation, plan: Plan) -> Iterator[Finding]:
    """What a host lacks for its networks."""
    yield from _forwarding(observation, plan)
    for share in plan.networks:
        yield from _bridge(observation, share)
    yield from _bridged_frames(observation, plan)
    yield from _reverse_paths(observation, plan)


def _forwarding(observation: Observation, plan: Plan) -> Iterator[Finding]:
    for family, setting in _FORWARDING.items():
        concerned = [
            share.network.name
            for share in plan.networks
            if share.network.meaning.forwards and any(Family.of(ip.subnet) is family for ip in share.network.ips)
        ]
        if concerned and observation.is_on(setting) is False:
            yield Finding(
                Code.FORWARDING_OFF,
                None,
                setting,
                f"the host does not forward {family.value}: guests reach nothing beyond it",
                tuple(f"network {name}" for name in concerned),
                remedy=(f"sysctl -w {setting}=1", "# or with the rules: fwplan apply --enable-forwarding DEFINITION…"),
            )


def _bridge(observation: Observation, share: NetworkPlan) -> Iterator[Finding]:
    interfaces = observation.world.by_name
    bridge, network = share.bridge, share.network
    if bridge is None or "addresses" not in observation.seen or bridge in interfaces:
        return
    if network.kind is Kind.MANAGED:
        remedy = f"virsh net-start {network.name}"
        message = f"network {network.name!r} has no bridge {bridge}: it is not started, or its bridge was deleted"
    else:
        remedy = f"# make the bridge, or correct the definition: ip link add {bridge} type bridge"
        message = f"network {network.name!r} uses the bridge {bridge}, which does not exist"
    yield Finding(Code.BRIDGE_MISSING, network.name, bridge, message, remedy=(remedy,))


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
                *(f"sysctl -w {setting}=0" for setting in on),
                "# unless something on this host needs it: Docker, Kubernetes",
            ),
        )


def _reverse_paths(observation: Observation, plan: Plan) -> Iterator[Finding]:
    """Strict filtering drops what comes by one way and would be answered by another."""
    everywhere = observation.settings.get("net.ipv4.conf.all.rp_filter", "0")
    for share in plan.networks:
        bridge, routes = share.bridge, share.network.routes
        if bridge is None or not any(route.gateway.version == 4 for route in routes):
            continue
        setting = f"net.ipv4.conf.{bridge.replace('.', '/')}.rp_filter"
        value = max(everywhere, observation.settings.get(setting, "0"))
        if value == _STRICT and not _has_routes(observation, share):
            yield Finding(
                Code.REVERSE_PATH_FILTER,
                share.network.name,
                setting,
                f"network {share.network.name!r}: packets from behind a guest are dropped, as the host has no route"
                " to them by this bridge",
                tuple(f"route {route.address or 'default'} by {route.gateway}" for route in routes),
                remedy=(f"virsh net-start {share.network.name}  # sets its routes", f"sysctl -w {setting}=2"),
            )


def _has_routes(observation: Observation, share: NetworkPlan) -> bool:
    known = observation.world.routes
    if known is None:
        return True
    there = {route.destination.network_address for route in known if route.interface == share.bridge}
    return all(route.address in there for route in share.network.routes if route.address is not None)
