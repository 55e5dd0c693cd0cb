"""`<forward>` of a definition as values: the mode, devices, and the range that sources are translated to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fwplan.network.element import Element

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from fwplan.network.modes import ForwardMode

DriverName = Literal["kvm", "vfio"]


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
