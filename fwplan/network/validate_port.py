"""What libvirt refuses in portgroups, VLANs and bandwidth limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.network.modes import ForwardMode, Kind
from fwplan.network.problems import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.network.definition import Network
    from fwplan.network.faults import Faults
    from fwplan.network.port import PortGroup, VirtualPort

    _Groups = tuple[tuple[str, PortGroup], ...]
    """The portgroups, each with its path."""


def port_problems(network: Network, faults: Faults) -> Iterator[Problem]:
    """All problems of `<portgroup>`, `<vlan>` and `<bandwidth>`."""
    places = faults.places("portgroup", len(network.portgroups))
    groups = tuple(zip(places, network.portgroups, strict=True))
    yield from _name_problems(groups)
    yield from _bandwidth_problems(network, groups)
    yield from _vlan_problems(network, groups, faults)


def _name_problems(groups: _Groups) -> Iterator[Problem]:
    seen: set[str] = set()
    default: str | None = None
    for path, group in groups:
        if group.name in seen:
            yield Problem(Severity.ERROR, path, f"there is a second portgroup '{group.name}'", "rename one of them")
        seen.add(group.name)
        if group.default:
            if default is not None:
                yield Problem(
                    Severity.ERROR,
                    path,
                    f"'{group.name}' is a second default portgroup, after '{default}'",
                    "keep default='yes' at one of them",
                )
            default = default or group.name


def _bandwidth_problems(network: Network, groups: _Groups) -> Iterator[Problem]:
    if network.kind in {Kind.MANAGED, Kind.EXISTING_BRIDGE}:
        return
    message = f"mode '{network.mode.value}' has no bridge to limit the bandwidth of"
    advice = "take it out, or limit each guest"
    if network.bandwidth is not None and (network.bandwidth.inbound or network.bandwidth.outbound):
        yield Problem(Severity.ERROR, "bandwidth", message, advice)
    for path, group in groups:
        if group.bandwidth is not None and (group.bandwidth.inbound or group.bandwidth.outbound):
            yield Problem(Severity.ERROR, f"{path}/bandwidth", message, advice)


def _is_open_vswitch(port: VirtualPort | None) -> bool:
    return port is not None and port.type == "openvswitch"


def _vlan_problems(network: Network, groups: _Groups, faults: Faults) -> Iterator[Problem]:
    """VLANs need a device for one guest alone, or a port of a bridge: Linux's own (libvirt 11.0) or Open vSwitch's."""
    mode = network.mode
    allowed = mode in {ForwardMode.HOSTDEV, ForwardMode.PASSTHROUGH} or (
        mode is ForwardMode.BRIDGE and (network.virtual_port is None or _is_open_vswitch(network.virtual_port))
    )
    message = f"mode '{mode.value}' cannot carry VLAN tags here"
    advice = (
        "tags need mode 'hostdev', 'passthrough' or 'bridge', the latter without <virtualport> or with 'openvswitch'"
    )
    for path, group in groups:
        if network.vlan is None and group.vlan is None:
            continue
        if group.virtual_port is None:
            possible = allowed
        else:
            possible = mode is ForwardMode.BRIDGE and _is_open_vswitch(group.virtual_port)
        if not possible:
            yield Problem(Severity.ERROR, path if group.vlan is None else f"{path}/vlan", message, advice)
    has_default = faults.are_missing("portgroup") or any(group.default for group in network.portgroups)
    if network.vlan is not None and not allowed and not has_default:
        yield Problem(Severity.ERROR, "vlan", message, advice)
