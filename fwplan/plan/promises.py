"""From a definition to what it promises."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from fwplan.network.forward import PortRange
from fwplan.network.modes import ForwardMode
from fwplan.plan.intents import (
    Family,
    GuestsTalk,
    Intent,
    JoinZone,
    KeepSource,
    MayEnter,
    MayLeave,
    ReachService,
    RefuseEntering,
    RefuseLeaving,
    RepairChecksums,
    RepliesReturn,
    Service,
    TranslateSource,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.network.addressing import Subnet
    from fwplan.network.definition import Network
    from fwplan.network.ip import Ip

UNPRIVILEGED_PORTS = PortRange(start=1024, end=65535)
"""Without a range of its own a guest must not appear under a privileged port, which NFS servers trust."""

LINK_GROUPS: dict[Family, tuple[Subnet, ...]] = {
    Family.IPV4: (IPv4Network("255.255.255.255/32"), IPv4Network("224.0.0.0/24")),
    Family.IPV6: (IPv6Network("ff02::/16"),),
}
"""Broadcast and multicast that no router passes on."""

_DEFAULT_ZONE = "libvirt"
_ROUTED_ZONE = "libvirt-routed"


def promises(network: Network, bridge: str) -> tuple[Intent, ...]:
    """What the network promises, in the order in which libvirt sees to it; nothing for `open` and bridge modes."""
    return tuple(_promises(network, bridge)) if network.meaning.filtered else ()


def _promises(network: Network, bridge: str) -> Iterator[Intent]:
    yield RepairChecksums(bridge, serves_dhcp=any(ip.gives_addresses for ip in _of_ipv4(network)))
    yield from _for_all_ipv4(network, bridge)
    yield from _for_all_ipv6(network, bridge)
    if network.meaning.forwards:
        for ip in network.ips:
            yield from _for_address(network, bridge, ip)


def _of_ipv4(network: Network) -> list[Ip]:
    return [ip for ip in network.ips if ip.address.version == 4]


def _for_all_ipv4(network: Network, bridge: str) -> Iterator[Intent]:
    yield ReachService(bridge, Family.IPV4, Service.DHCP)
    yield ReachService(bridge, Family.IPV4, Service.DNS)
    if _serves_tftp(network):
        yield ReachService(bridge, Family.IPV4, Service.TFTP)
    yield from _between_and_beyond(bridge, Family.IPV4)


def _serves_tftp(network: Network) -> bool:
    """Whether the first IPv4 address with DHCP or TFTP has TFTP: dnsmasq serves no other."""
    for ip in _of_ipv4(network):
        has_tftp = ip.tftp is not None and ip.tftp.root is not None
        if has_tftp or ip.gives_addresses:
            return has_tftp
    return False


def _for_all_ipv6(network: Network, bridge: str) -> Iterator[Intent]:
    has_address = any(ip.address.version == 6 for ip in network.ips)
    if has_address or network.ipv6:
        yield from _between_and_beyond(bridge, Family.IPV6)
    if has_address:
        yield ReachService(bridge, Family.IPV6, Service.DNS)
        yield ReachService(bridge, Family.IPV6, Service.DHCPV6)


def _between_and_beyond(bridge: str, family: Family) -> Iterator[Intent]:
    yield RefuseLeaving(bridge, family)
    yield RefuseEntering(bridge, family)
    yield GuestsTalk(bridge, family)


def _for_address(network: Network, bridge: str, ip: Ip) -> Iterator[Intent]:
    subnet = ip.subnet
    device = network.forward_device
    nat = None if network.forward is None else network.forward.nat
    family = Family.of(subnet)
    yield MayLeave(bridge, subnet, device)
    # Without <nat ipv6='yes'>, mode nat routes IPv6.
    if not network.meaning.source_nat or (family is Family.IPV6 and not (nat is not None and nat.ipv6)):
        yield MayEnter(bridge, subnet, device)
        return
    yield RepliesReturn(bridge, subnet, device)
    addresses = None if nat is None or family is Family.IPV6 else nat.address
    ports = UNPRIVILEGED_PORTS if nat is None or nat.port is None or not nat.port.end else nat.port
    yield TranslateSource(subnet, device, None, addresses, None)
    yield TranslateSource(subnet, device, "udp", addresses, ports)
    yield TranslateSource(subnet, device, "tcp", addresses, ports)
    for group in LINK_GROUPS[family]:
        yield KeepSource(subnet, device, group)


def zone_of(network: Network, bridge: str, *, routed_zone: bool) -> JoinZone | None:
    """The zone that the bridge is put in where firewalld runs: the one asked for, or libvirt's own for the mode.

    Args:
        network: the definition.
        bridge: its bridge.
        routed_zone: whether there is a zone for routed networks; without it they go where all others do.
    """
    zone = None if network.bridge is None else network.bridge.zone
    if zone is not None:
        return JoinZone(bridge, zone)
    if not network.meaning.filtered:
        return None
    routed = routed_zone and network.mode is ForwardMode.ROUTE
    return JoinZone(bridge, _ROUTED_ZONE if routed else _DEFAULT_ZONE)
