"""Whether a network's bridge and devices are there, and as the network needs them, and packets find back to guests."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fwplan.audit.finding import Code, Finding, Level
from fwplan.audit.surroundings import corners
from fwplan.network.explanation import explain
from fwplan.network.modes import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.observation import Observation
    from fwplan.audit.routing import Routing
    from fwplan.network.addressing import Address, Subnet
    from fwplan.plan.plan import NetworkPlan
    from fwplan.simulate.packet import Interface

_BRIDGES = frozenset(("bridge", "openvswitch", "", None))
"""The kinds of interface that a bridge may be; a listing without details tells none."""
_STRICT = "1"
"""Of rp_filter: a packet is dropped unless its source is reached by the interface by which it came (RFC 3704)."""


def readiness_findings(observation: Observation, share: NetworkPlan, routing: Routing | None) -> Iterator[Finding]:
    """What is not there, or not as a network needs it.

    Args:
        observation: the host, whose interfaces were looked at.
        share: the network.
        routing: of the host; None where its routes were not looked at.
    """
    # what keeps no guest from anything yet is no more than good to know
    level = None if share.bridge is None or share.bridge in observation.bridges_in_use else Level.NOTE
    yield from _devices(observation, share, level)
    if share.bridge is None:
        return
    bridge = observation.world.by_name.get(share.bridge)
    if bridge is None or bridge.kind not in _BRIDGES:
        yield _missing(share, bridge)
        return
    lacking = list(_lacking(observation, share))
    if lacking:
        yield _not_ready(share, lacking, level)
    elif share.network.kind is Kind.MANAGED and routing is not None:
        yield from _other_routes(observation, share, routing)


def _devices(observation: Observation, share: NetworkPlan, level: Level | None) -> Iterator[Finding]:
    name = share.network.name
    (explained,) = explain([share.network])
    for device in explained.devices:
        # a PCI address names no interface
        if ":" in device or device in observation.world.by_name:
            continue
        does = "leaves by" if share.network.kind is Kind.MANAGED else "attaches guests to"
        yield Finding(
            Code.DEVICE_MISSING,
            name,
            device,
            f"network {name!r} {does} {device}, which is not there",
            remedy=(f"# bring {device} up, or correct the definition:", _command("virsh", "net-edit", name)),
            other_level=level,
        )


def _missing(share: NetworkPlan, there: Interface | None) -> Finding:
    name, bridge = share.network.name, share.bridge
    if there is not None:
        message = f"network {name!r} has {bridge} for its bridge, which is no bridge but of kind {there.kind}"
        remedy: tuple[str, ...] = ("# rename one of them",)
    elif share.network.kind is Kind.MANAGED:
        message = f"network {name!r} has no bridge {bridge}: it is not started, or its bridge was deleted"
        remedy = (
            _command("virsh", "net-start", name),
            "# where it counts as active, without its bridge, first: " + _command("virsh", "net-destroy", name),
        )
    else:
        message = f"network {name!r} uses the bridge {bridge} of the host, which does not exist"
        remedy = (
            "# make it where this host's network is configured, or correct the definition:",
            _command("virsh", "net-edit", name),
        )
    return Finding(Code.BRIDGE_MISSING, name, bridge or "", message, remedy=remedy)


def _lacking(observation: Observation, share: NetworkPlan) -> Iterator[str]:
    if share.bridge in observation.down:
        yield "it is switched off"
    addresses = observation.world.addresses
    if share.network.kind is not Kind.MANAGED or addresses is None:
        return
    there = {address.ip for address in addresses.get(share.bridge or "", ())}
    for ip in share.network.ips:
        if ip.address not in there:
            yield f"it has no address {ip.address}/{ip.subnet.prefixlen}"


def _not_ready(share: NetworkPlan, lacking: list[str], level: Level | None) -> Finding:
    name, bridge = share.network.name, share.bridge or ""
    network = share.network
    remedy = [_command("ip", "link", "set", bridge, "up")] if "it is switched off" in lacking else []
    if network.kind is Kind.MANAGED:
        remedy += [
            _command("ip", "address", "replace", f"{ip.address}/{ip.subnet.prefixlen}", "dev", bridge)
            for ip in network.ips
            if f"it has no address {ip.address}/{ip.subnet.prefixlen}" in lacking
        ]
        remedy.append("# libvirt does both when the network starts: " + _command("virsh", "net-start", name))
    return Finding(
        Code.BRIDGE_NOT_READY,
        name,
        bridge,
        f"the bridge {bridge} of network {name!r} is not as the network needs it: {'; '.join(lacking)}",
        remedy=tuple(remedy),
        other_level=level,
    )


def _other_routes(observation: Observation, share: NetworkPlan, routing: Routing) -> Iterator[Finding]:
    """What is for guests, or for what is behind them, has to go by the bridge; the network's own routes see to that."""
    bridge, name = share.bridge or "", share.network.name
    for subnet, guest, gateway in _reached(share):
        found = routing.interface(guest)
        if found == bridge or (gateway is not None and routing.leads(subnet, bridge)):
            continue
        goes = f"sends what is for it by {found}" if found else "has no route to it"
        via = () if gateway is None else ("via", str(gateway))
        yield Finding(
            Code.OTHER_ROUTE,
            name,
            bridge,
            f"network {name!r} has {subnet} {'on' if gateway is None else 'behind a guest on'} {bridge}, and the host"
            f" {goes}: guests there get no answer",
            remedy=(_command("ip", "route", "replace", str(subnet), *via, "dev", bridge),),
        )
        yield from _dropped(observation, share, subnet)


def _dropped(observation: Observation, share: NetworkPlan, subnet: Subnet) -> Iterator[Finding]:
    """Strict filtering drops what comes by one way and would be answered by another."""
    names = ("all", (share.bridge or "").replace(".", "/"))
    settings = [f"net.ipv4.conf.{name}.rp_filter" for name in names]
    # of both settings the kernel takes the higher one
    highest = max(settings, key=lambda setting: observation.settings.get(setting, "0"))
    if subnet.version == 4 and observation.settings.get(highest) == _STRICT:
        yield Finding(
            Code.REVERSE_PATH_FILTER,
            share.network.name,
            highest,
            f"network {share.network.name!r}: the host drops what comes by {share.bridge} from {subnet}, since its way"
            " back there is another one",
            remedy=(
                "# the right route helps; else, where packets take two ways on purpose:",
                _command("sysctl", "-w", f"{settings[1]}=2"),
            ),
        )


def _reached(share: NetworkPlan) -> Iterator[tuple[Subnet, Address, Address | None]]:
    """Each subnet on the bridge with an address in it, and those behind guests with the guest."""
    for ip in share.network.ips:
        yield ip.subnet, corners(ip.subnet, ip.address)[0], None
    for route in share.network.routes:
        if route.prefix_length:
            yield route.subnet, route.subnet[-1], route.gateway


def _command(*words: str) -> str:
    return shlex.join(words)
