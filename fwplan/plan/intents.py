"""What a network promises, apart from any backend: one small value a promise.

Every operation of a plan comes from one of these, and is explained by it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fwplan.network.addressing import Subnet
    from fwplan.network.forward import AddressRange, PortRange

Protocol = Literal["tcp", "udp"]


class Family(enum.Enum):
    """The two versions of IP."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"

    @classmethod
    def of(cls, subnet: Subnet) -> Family:
        """The family of a subnet."""
        return cls.IPV4 if subnet.version == 4 else cls.IPV6


class Service(enum.Enum):
    """A service that libvirt's dnsmasq offers to guests on the bridge."""

    DHCP = "DHCP"
    DHCPV6 = "DHCPv6"
    DNS = "DNS"
    TFTP = "TFTP"


@dataclass(frozen=True, slots=True)
class ServicePorts:
    """How a service is reached.

    Attributes:
        protocols: that libvirt opens for it.
        on_host: the destination port of what guests send.
        on_guest: the destination port of what the host sends.
    """

    protocols: tuple[Protocol, ...]
    on_host: int
    on_guest: int


SERVICE_PORTS = {
    Service.DHCP: ServicePorts(("tcp", "udp"), 67, 68),
    Service.DNS: ServicePorts(("tcp", "udp"), 53, 53),
    Service.TFTP: ServicePorts(("udp",), 69, 69),
    Service.DHCPV6: ServicePorts(("udp",), 547, 546),
}
"""The ports of each service, as libvirt opens them."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """Needed once on a host, whatever networks there are."""

    reason: str

    promise = "What every network builds on"


@dataclass(frozen=True, slots=True)
class JoinZone:
    """The bridge belongs to a zone of firewalld."""

    bridge: str
    zone: str

    promise = "firewalld treats the bridge by its zone"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return f"firewalld would treat {self.bridge} by its default zone otherwise"


@dataclass(frozen=True, slots=True)
class RepairChecksums:
    """DHCP replies get their checksums computed, which guests with vhost-net find missing."""

    bridge: str
    serves_dhcp: bool

    promise = "DHCP replies reach guests with the right checksums"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return "the host leaves checksums to a network card that is not there; strict DHCP clients drop such replies"


@dataclass(frozen=True, slots=True)
class ReachService:
    """Guests reach a service on the host, whatever the host refuses otherwise."""

    bridge: str
    family: Family
    service: Service

    promise = "Guests reach the host's services"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return f"{self.service.value} between guests and the host passes, whatever other rules of the host refuse"


@dataclass(frozen=True, slots=True)
class RefuseLeaving:
    """What guests send beyond the bridge is refused unless another promise allows it."""

    bridge: str
    family: Family

    promise = "Everything else is refused"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return f"{self.family.value} from {self.bridge} that no rule above it allows is refused"


@dataclass(frozen=True, slots=True)
class RefuseEntering:
    """What others send to guests is refused unless another promise allows it."""

    bridge: str
    family: Family

    promise = "Everything else is refused"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return f"{self.family.value} to {self.bridge} that no rule above it allows is refused"


@dataclass(frozen=True, slots=True)
class GuestsTalk:
    """Guests of one bridge reach each other."""

    bridge: str
    family: Family

    promise = "Guests reach each other"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return f"{self.family.value} from one guest on {self.bridge} to another passes"


@dataclass(frozen=True, slots=True)
class MayLeave:
    """A subnet may be forwarded out of the bridge, by one device or by any."""

    bridge: str
    subnet: Subnet
    device: str | None

    promise = "Guests reach the outside"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return f"guests with an address of {self.subnet} may send {_by(self.device)}"


@dataclass(frozen=True, slots=True)
class RepliesReturn:
    """Replies to what a subnet sent may be forwarded to the bridge."""

    bridge: str
    subnet: Subnet
    device: str | None

    promise = "Guests reach the outside"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return f"replies to {self.subnet} come back{_from(self.device)}; nobody outside begins a connection"


@dataclass(frozen=True, slots=True)
class MayEnter:
    """Others may begin connections to a subnet."""

    bridge: str
    subnet: Subnet
    device: str | None

    promise = "The outside reaches guests"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        return f"anybody may begin a connection to {self.subnet}{_from(self.device)}"


@dataclass(frozen=True, slots=True)
class TranslateSource:
    """A subnet appears outside under another address.

    Attributes:
        subnet: whose packets.
        device: by which device they leave; None for any.
        protocol: which of them; None for all that the promises for a protocol leave over.
        addresses: the addresses to appear under; None for that of the device that a packet leaves by.
        ports: the source ports to appear under; None to leave them to the kernel.
    """

    subnet: Subnet
    device: str | None
    protocol: Protocol | None
    addresses: AddressRange | None
    ports: PortRange | None

    promise = "Guests appear under an address of the host"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        what = "everything else" if self.protocol is None else self.protocol.upper()
        if self.addresses is None:
            under = f"the host's address{'' if self.device is None else f' on {self.device}'}"
        else:
            under = f"{self.addresses.start} to {self.addresses.end}"
        ports = "" if self.ports is None else f", source port {self.ports.start} to {self.ports.end}"
        return f"{what} from {self.subnet} to elsewhere goes under {under}{ports}"


@dataclass(frozen=True, slots=True)
class KeepSource:
    """What a subnet sends to a group of the local link keeps its source address."""

    subnet: Subnet
    device: str | None
    destination: Subnet

    promise = "Broadcast and multicast keep their source"

    @property
    def reason(self) -> str:
        """Why, in plain words."""
        what = "broadcast" if self.destination.prefixlen == 32 else "multicast on the link"
        return f"{what} ({self.destination}) never goes further: it keeps the guest's own address and port"


Intent = (
    SetUp
    | JoinZone
    | RepairChecksums
    | ReachService
    | RefuseLeaving
    | RefuseEntering
    | GuestsTalk
    | MayLeave
    | RepliesReturn
    | MayEnter
    | TranslateSource
    | KeepSource
)


def _by(device: str | None) -> str:
    return "to anywhere beyond the bridge" if device is None else f"beyond the bridge, by {device} only"


def _from(device: str | None) -> str:
    return "" if device is None else f" by {device}"
