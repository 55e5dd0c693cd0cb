"""A network definition as values: what stands in a libvirt `<network>`, nothing derived, nothing filled in.

Each class is one element of the XML, each field one attribute or child; None or an empty tuple is "not there".
What libvirt makes of an absent setting is in `fwplan.network.libvirt_form`; the addressing that follows from
several settings at once is offered as properties.

Source of all meanings: libvirt's network XML format (https://libvirt.org/formatnetwork.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fwplan.network.addressing import Address, Subnet, mask_length, natural_prefix_length, subnet_of
from fwplan.network.modes import MEANINGS, ForwardMode, Kind, Meaning, kind_of

if TYPE_CHECKING:
    from ipaddress import IPv4Address

LeaseUnit = Literal["seconds", "minutes", "hours"]
MacTableManager = Literal["kernel", "libvirt"]
NativeMode = Literal["tagged", "untagged"]
DriverName = Literal["kvm", "vfio"]


@dataclass(frozen=True, slots=True)
class Others:
    """What an element carries that libvirt would ignore: kept, so that writing loses nothing.

    Attributes:
        attributes: (name, value) in the order of the source; a name in a namespace is written `{namespace}name`.
        elements: each child as XML that stands alone, complete with its namespaces.
    """

    attributes: tuple[tuple[str, str], ...] = ()
    elements: tuple[str, ...] = ()


NOTHING = Others()


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What all elements have in common."""

    others: Others = NOTHING


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
class AddressRange(Element):
    """`<address start end>` below `<nat>`: the source addresses that guests get."""

    start: IPv4Address
    end: IPv4Address


@dataclass(frozen=True, slots=True, kw_only=True)
class PortRange(Element):
    """`<port start end>` below `<nat>`: the source ports that guests get."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Nat(Element):
    """`<nat>`: how source addresses are translated. With `ipv6`, IPv6 subnets are translated as well."""

    ipv6: bool | None = None
    address: AddressRange | None = None
    port: PortRange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface(Element):
    """`<interface dev>` or `<pf dev>` below `<forward>`: a device of the host."""

    dev: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PciAddress(Element):
    """`<address type='pci'>` below `<forward>`: a virtual function."""

    domain: int
    bus: int
    slot: int
    function: int

    def __str__(self) -> str:
        """As the kernel and lspci write it, such as `0000:03:00.1`."""
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function:x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver(Element):
    """`<driver>` below `<forward>`: what drives a virtual function while a guest has it."""

    name: DriverName | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward(Element):
    """`<forward>`: how guests reach what lies beyond the bridge."""

    mode: ForwardMode
    dev: str | None = None
    managed: bool | None = None
    driver: Driver | None = None
    nat: Nat | None = None
    interfaces: tuple[Interface, ...] = ()
    physical_functions: tuple[Interface, ...] = ()
    addresses: tuple[PciAddress, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease(Element):
    """`<lease>`: how long an address is given for; `expiry` 0 is for ever, the unit is minutes unless given."""

    expiry: int
    unit: LeaseUnit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpRange(Element):
    """`<range>`: addresses that DHCP gives out."""

    start: Address
    end: Address
    lease: Lease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpHost(Element):
    """`<host>` below `<dhcp>`: the address of one guest, known by its MAC address, DHCPv6 unique id or name."""

    ip: Address
    mac: str | None = None
    id: str | None = None
    name: str | None = None
    lease: Lease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootp(Element):
    """`<bootp>`: the file that a guest boots from, and the server that has it."""

    file: str
    server: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dhcp(Element):
    """`<dhcp>`: the DHCP service on one address."""

    ranges: tuple[DhcpRange, ...] = ()
    hosts: tuple[DhcpHost, ...] = ()
    bootp: Bootp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tftp(Element):
    """`<tftp root>`: the TFTP service; without `root` there is none."""

    root: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip(Element):
    """`<ip>`: an address of the bridge, and with it a subnet of the guests."""

    address: Address
    family: Literal["ipv4", "ipv6"] | None = None
    netmask: IPv4Address | None = None
    prefix: int | None = None
    local_ptr: bool | None = None
    tftp: Tftp | None = None
    dhcp: Dhcp | None = None

    @property
    def prefix_length(self) -> int:
        """Bits of the network part: `prefix`, else `netmask`, else IPv4's class or IPv6's 64.

        Raises:
            ValueError: the address is of no class (224.0.0.0 and up) and nothing else tells.
        """
        if self.prefix:
            return self.prefix
        return natural_prefix_length(self.address) if self.netmask is None else mask_length(self.netmask)

    @property
    def subnet(self) -> Subnet:
        """The guests' subnet: the address less its host part."""
        return subnet_of(int(self.address), self.address.version, self.prefix_length)

    @property
    def gives_addresses(self) -> bool:
        """Whether DHCP gives addresses out on it."""
        return self.dhcp is not None and bool(self.dhcp.ranges or self.dhcp.hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Element):
    """`<route>`: a subnet that lies behind a guest; without an address, everything does."""

    gateway: Address
    address: Address | None = None
    family: Literal["ipv4", "ipv6"] | None = None
    netmask: IPv4Address | None = None
    prefix: int | None = None
    metric: int | None = None

    @property
    def prefix_length(self) -> int:
        """Bits of the network part: of `netmask`, else `prefix`, else none.

        Raises:
            ValueError: a one follows a zero in the netmask.
        """
        return (self.prefix or 0) if self.netmask is None else mask_length(self.netmask)

    @property
    def subnet(self) -> Subnet:
        """What lies behind the guest: the address less its host part."""
        address = 0 if self.address is None else int(self.address)
        return subnet_of(address, (self.gateway if self.address is None else self.address).version, self.prefix_length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain(Element):
    """`<domain>`: the DNS domain of the guests."""

    name: str | None = None
    local_only: bool | None = None
    register: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsForwarder(Element):
    """`<forwarder>`: the server that is asked, for one domain or for all."""

    address: Address | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTxt(Element):
    """`<txt>`: a TXT record."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsHost(Element):
    """`<host>` below `<dns>`: the names of one address."""

    ip: Address
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSrv(Element):
    """`<srv>`: an SRV record (RFC 2782)."""

    service: str
    protocol: str
    domain: str | None = None
    target: str | None = None
    port: int | None = None
    priority: int | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns(Element):
    """`<dns>`: the DNS service of the bridge."""

    enable: bool | None = None
    forward_plain_names: bool | None = None
    forwarders: tuple[DnsForwarder, ...] = ()
    txts: tuple[DnsTxt, ...] = ()
    srvs: tuple[DnsSrv, ...] = ()
    hosts: tuple[DnsHost, ...] = ()


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
