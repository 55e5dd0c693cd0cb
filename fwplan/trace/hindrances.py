"""What keeps a packet from its way besides rules: settings of the kernel, and interfaces that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.simulate.course import Bridged, Out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.simulate.flow import Flow
    from fwplan.simulate.world import World

FORWARDING = {"ip": "net.ipv4.ip_forward", "ip6": "net.ipv6.conf.all.forwarding"}
"""The setting that lets the host forward, by family."""
_STRICT = 1


def hindrances(flow: Flow, world: World, settings: Mapping[str, str]) -> tuple[str, ...]:
    """Why a packet that rules let pass does not, each as a sentence without a full stop.

    Args:
        flow: its way.
        world: the host.
        settings: of the kernel, by name, as far as they are known.
    """
    return tuple(_hindrances(flow, world, settings))


def _hindrances(flow: Flow, world: World, settings: Mapping[str, str]) -> Iterator[str]:
    arrived = flow.sent.in_interface
    if arrived is None or not arrived.name or isinstance(flow.course, Bridged):
        return
    setting = FORWARDING[flow.sent.family]
    version = "IPv4" if flow.sent.family == "ip" else "IPv6"
    if isinstance(flow.course, Out) and settings.get(setting) == "0":
        yield f"the host does not forward {version}: {setting} is 0 (sysctl -w {setting}=1)"
    by = arrived.bridge or arrived.name
    source = flow.sent.source
    if source is None or source.version != 4 or world.routes is None or world.addresses is None:
        return
    names = (f"net.ipv4.conf.{name}.rp_filter" for name in ("all", by.replace(".", "/")))
    strictest = max((name for name in names if settings.get(name, "").isdigit()), key=settings.__getitem__, default="")
    if strictest and int(settings[strictest]) == _STRICT:
        route = world.route_to(source)
        back = "" if route is None else route.interface
        if back != by:
            where = f"the way back is by {back}" if back else "there is no way back"
            yield f"the host drops what comes by {by} from {source}, since {where}: {strictest} is 1"
