"""What a definition says of the ports of guests, as values: VLANs, virtual ports, bandwidth, port groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fwplan.network.element import Element

NativeMode = Literal["tagged", "untagged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VlanTag(Element):
    """`<tag>`: a VLAN that guests see."""

    id: int
    native_mode: NativeMode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan(Element):
    """`<vlan>`: the VLANs of a guest's port."""

    tags: tuple[VlanTag, ...]
    trunk: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPortParameters(Element):
    """`<parameters>` below `<virtualport>`."""

    manager_id: int | None = None
    type_id: int | None = None
    type_id_version: int | None = None
    instance_id: str | None = None
    profile_id: str | None = None
    interface_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPort(Element):
    """`<virtualport>`: what the switch or Open vSwitch is told of a guest's port."""

    type: str | None = None
    parameters: VirtualPortParameters | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Element):
    """`<inbound>` or `<outbound>`: rates in KiB a second, `burst` in KiB."""

    average: int | None = None
    peak: int | None = None
    burst: int | None = None
    floor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth(Element):
    """`<bandwidth>`: how fast traffic may be."""

    inbound: Rate | None = None
    outbound: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortGroup(Element):
    """`<portgroup>`: settings for those guests that ask for it by name."""

    name: str
    default: bool | None = None
    trust_guest_rx_filters: bool | None = None
    vlan: Vlan | None = None
    virtual_port: VirtualPort | None = None
    bandwidth: Bandwidth | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Port(Element):
    """`<port isolated>`: whether guests are kept from each other on the bridge."""

    isolated: bool | None = None
