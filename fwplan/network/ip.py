"""`<ip>` and `<route>` of a definition as values; the addressing that follows is offered as properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fwplan.network.addressing import Address, Subnet, mask_length, natural_prefix_length, subnet_of
from fwplan.network.element import Element

if TYPE_CHECKING:
    from ipaddress import IPv4Address

LeaseUnit = Literal["seconds", "minutes", "hours"]


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
