"""A network definition as values: what stands in a libvirt `<network>`, nothing derived, nothing filled in.

What libvirt makes of an absent setting is in `fwplan.network.libvirt_form`; what follows from several settings at once
is offered as properties. The larger elements have rooms of their own: `element`, `forward`, `ip`, `dns`, `port`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fwplan.network.element import Element
from fwplan.network.modes import MEANINGS, ForwardMode, Kind, Meaning, kind_of

if TYPE_CHECKING:
    from fwplan.network.dns import Dns
    from fwplan.network.forward import Forward
    from fwplan.network.ip import Ip, Route
    from fwplan.network.port import Bandwidth, Port, PortGroup, VirtualPort, Vlan

MacTableManager = Literal["kernel", "libvirt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Element):
    """`<bridge>`: the host's bridge.

    Attributes:
        name: the interface; libvirt generates one for a managed network without it. `%d` in it is a template.
        zone: the firewalld zone to put it in.
        stp: whether the spanning tree protocol runs.
        delay: forward delay, in seconds.
        mac_table_manager: who fills the bridge's forwarding table.
    """

    name: str | None = None
    zone: str | None = None
    stp: bool | None = None
    delay: int | None = None
    mac_table_manager: MacTableManager | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain(Element):
    """`<domain>`: the DNS domain of the guests."""

    name: str | None = None
    local_only: bool | None = None
    register: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtu(Element):
    """`<mtu size>`: in bytes."""

    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mac(Element):
    """`<mac address>`: of the bridge, lower case, six octets with colons."""

    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(Element):
    """`<network>`: a whole definition.

    Attributes:
        name: unique on a host.
        uuid: lower case, with hyphens.
        ipv6: whether guests may talk IPv6 to each other although the bridge has no IPv6 address.
        metadata: the element as XML that stands alone.
    """

    name: str
    uuid: str | None = None
    title: str | None = None
    description: str | None = None
    metadata: str | None = None
    ipv6: bool | None = None
    trust_guest_rx_filters: bool | None = None
    forward: Forward | None = None
    bridge: Bridge | None = None
    mtu: Mtu | None = None
    mac: Mac | None = None
    domain: Domain | None = None
    dns: Dns | None = None
    vlan: Vlan | None = None
    bandwidth: Bandwidth | None = None
    port: Port | None = None
    ips: tuple[Ip, ...] = ()
    routes: tuple[Route, ...] = ()
    virtual_port: VirtualPort | None = None
    portgroups: tuple[PortGroup, ...] = ()

    @property
    def mode(self) -> ForwardMode:
        """The forward mode; isolated without `<forward>`."""
        return ForwardMode.ISOLATED if self.forward is None else self.forward.mode

    @property
    def bridge_name(self) -> str | None:
        """The bridge, if the definition names one."""
        return None if self.bridge is None else self.bridge.name

    @property
    def kind(self) -> Kind:
        """What the network is."""
        return kind_of(self.mode, names_bridge=self.bridge_name is not None)

    @property
    def meaning(self) -> Meaning:
        """What the mode means for this network."""
        return MEANINGS[self.mode, self.kind]

    @property
    def forward_device(self) -> str | None:
        """The device that traffic leaves by: `<forward dev>`, else the first `<interface dev>`."""
        if self.forward is None:
            return None
        if self.forward.dev is not None:
            return self.forward.dev
        return self.forward.interfaces[0].dev if self.forward.interfaces else None
