"""Reads what concerns the ports of guests: `<portgroup>`, `<vlan>`, `<virtualport>` and `<bandwidth>`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.network.port import Bandwidth, PortGroup, Rate, VirtualPort, VirtualPortParameters, Vlan, VlanTag
from fwplan.network.station import check_uuid

if TYPE_CHECKING:
    from fwplan.network.node import Node
    from fwplan.network.port import NativeMode

_HIGHEST_VLAN = 4095
_LONGEST_PROFILE = 39
"""Bytes; libvirt's LIBVIRT_IFLA_VF_PORT_PROFILE_MAX (40) less the ending zero byte."""
_FASTEST = 2**54
"""KiB a second: libvirt counts in bytes, in 64 bits."""
_LARGEST_BURST = 2**22 - 1
"""KiB: tc counts in bytes, in 32 bits."""

_NATIVE_MODES: tuple[NativeMode, ...] = ("tagged", "untagged")

_PARAMETERS = {
    "802.1Qbg": frozenset({"managerid", "typeid", "typeidversion", "instanceid"}),
    "802.1Qbh": frozenset({"profileid"}),
    "openvswitch": frozenset({"interfaceid", "profileid"}),
    "midonet": frozenset({"interfaceid", "profileid"}),
}
"""The parameters that each type of virtual port takes."""


def read_portgroup(node: Node) -> PortGroup | None:
    """Read `<portgroup>`; None, and an error noted, when it has no name."""
    if not node.has("name"):
        node.error("the portgroup has no name", "guests ask for it by name: name='…'")
    name = node.string("name")
    default = node.string("default")
    vlan, virtual_port, bandwidth = (node.child(tag) for tag in ("vlan", "virtualport", "bandwidth"))
    group = PortGroup(
        name=name or "",
        # libvirt compares without regard to case and takes all else for no.
        default=None if default is None else default.lower() == "yes",
        trust_guest_rx_filters=node.yes_no("trustGuestRxFilters"),
        vlan=None if vlan is None else read_vlan(vlan),
        virtual_port=None if virtual_port is None else read_virtual_port(virtual_port),
        bandwidth=None if bandwidth is None else read_bandwidth(bandwidth),
        others=node.others(),
    )
    return None if name is None else group


def read_vlan(node: Node) -> Vlan | None:
    """Read `<vlan>`; None, and an error noted, when it has no usable tag."""
    nodes = node.children("tag")
    if not nodes:
        node.error("the VLAN has no tag", "give at least one: <tag id='…'/>")
    tags = tuple(tag for tag in map(_read_tag, nodes) if tag is not None)
    native = sum(tag.native_mode is not None for tag in tags)
    if native > 1:
        node.error("two tags are native", "keep one nativeMode")
    trunk = _read_trunk(node, tags=len(nodes), native=bool(native))
    others = node.others()
    return Vlan(tags=tags, trunk=trunk, others=others) if tags else None


def _read_trunk(node: Node, *, tags: int, native: bool) -> bool | None:
    written = node.string("trunk")
    if written is None:
        return None
    if written.lower() == "yes":
        return True
    if tags > 1:
        node.error(f"trunk='{written}' with more than one tag", "write trunk='yes', or keep one tag")
    elif native:
        node.error(f"trunk='{written}' with a native VLAN", "write trunk='yes', or take nativeMode out")
    elif written.lower() != "no":
        node.error(f"trunk='{written}' means nothing", "write yes or no")
    return False


def _read_tag(node: Node) -> VlanTag | None:
    if not node.has("id"):
        node.error("'id' is missing", f"give the number of the VLAN: id='…', 0 to {_HIGHEST_VLAN}")
        return None
    number = node.integer("id", maximum=_HIGHEST_VLAN)
    native_mode = node.choice("nativeMode", _NATIVE_MODES)
    others = node.others()
    return None if number is None else VlanTag(id=number, native_mode=native_mode, others=others)


def read_virtual_port(node: Node, *, needs_type: bool = False) -> VirtualPort:
    """Read `<virtualport>`; that of a whole network needs a type, that of a portgroup may leave it open."""
    if needs_type and node.element.get("type") is None:
        node.error("'type' is missing", f"use one of: {', '.join(_PARAMETERS)}")
    kind = node.choice("type", tuple(_PARAMETERS))
    child = node.child("parameters")
    parameters = None if child is None else _read_parameters(child, kind)
    return VirtualPort(type=kind, parameters=parameters, others=node.others())


def _read_parameters(node: Node, kind: str | None) -> VirtualPortParameters:
    if kind is not None:
        for name in ("managerid", "typeid", "typeidversion", "instanceid", "profileid", "interfaceid"):
            if node.has(name) and name not in _PARAMETERS[kind]:
                node.error(f"'{name}' is no parameter of type '{kind}'", "take it out, or correct the type")
    profile = node.raw("profileid")
    if profile is not None and len(profile.encode()) > _LONGEST_PROFILE:
        node.error(f"profileid='{profile[:20]}…' is too long", f"use at most {_LONGEST_PROFILE} bytes")
    instance, interface = node.raw("instanceid"), node.raw("interfaceid")
    return VirtualPortParameters(
        manager_id=node.integer("managerid", maximum=0xFF),
        type_id=node.integer("typeid", maximum=0xFFFFFF),
        type_id_version=node.integer("typeidversion", maximum=0xFF),
        instance_id=None if instance is None else check_uuid(node, instance),
        profile_id=profile,
        interface_id=None if interface is None else check_uuid(node, interface),
        others=node.others(),
    )


def read_bandwidth(node: Node) -> Bandwidth:
    """Read `<bandwidth>`."""
    if node.has("classID"):
        node.error("'classID' is not possible for a network", "take it out: libvirt numbers the classes")
    inbound, outbound = (_read_rate(node, tag) for tag in ("inbound", "outbound"))
    return Bandwidth(inbound=inbound, outbound=outbound, others=node.others())


def _read_rate(parent: Node, tag: str) -> Rate | None:
    node = parent.child(tag)
    if node is None:
        return None
    average, peak, burst, floor = (
        node.integer(name, maximum=_LARGEST_BURST if name == "burst" else _FASTEST)
        for name in ("average", "peak", "burst", "floor")
    )
    has_average = node.element.get("average") is not None
    if not has_average and floor is None:
        node.error("'average' is missing", "give the average rate, in KiB a second: average='…'")
    elif not has_average and (peak is not None or burst is not None):
        node.error("'peak' and 'burst' stand without an average", "give the average rate: average='…'")
    if floor is not None:
        node.error("'floor' is a promise to one guest, not to a network", "take it out")
    return Rate(average=average, peak=peak, burst=burst, floor=floor, others=node.others())
