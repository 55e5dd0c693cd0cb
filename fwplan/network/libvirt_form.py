"""A definition as libvirt itself would write it back: defaults filled in, what has no effect left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.network.definition import Bridge
from fwplan.network.element import NOTHING
from fwplan.network.forward import Forward, Interface
from fwplan.network.ip import Lease
from fwplan.network.modes import ForwardMode, Kind

if TYPE_CHECKING:
    from fwplan.network.definition import Domain, Network
    from fwplan.network.dns import Dns
    from fwplan.network.forward import Nat
    from fwplan.network.ip import Dhcp, Ip
    from fwplan.network.port import Bandwidth, PortGroup, Rate, Vlan


def libvirt_form(network: Network) -> Network:
    """The definition as `virsh net-dumpxml` would show it, but for a generated UUID, MAC address or bridge name."""
    return replace(
        network,
        ipv6=network.ipv6 or None,
        forward=_forward(network.forward),
        bridge=_bridge(network),
        mtu=network.mtu if network.mtu is not None and network.mtu.size else None,
        mac=network.mac if network.mac is not None and network.mac.address is not None else None,
        domain=_domain(network.domain),
        dns=_dns(network.dns),
        vlan=_vlan(network.vlan),
        bandwidth=_bandwidth(network.bandwidth),
        port=network.port if network.port is not None and network.port.isolated is not None else None,
        ips=tuple(map(_ip, network.ips)),
        portgroups=tuple(map(_portgroup, network.portgroups)),
        others=network.others,
    )


def _forward(forward: Forward | None) -> Forward | None:
    if forward is None or forward.mode is ForwardMode.ISOLATED:
        return None
    interfaces = forward.interfaces
    if forward.dev is not None and not interfaces:
        interfaces = (Interface(dev=forward.dev),)
    return replace(
        forward,
        dev=forward.dev or (interfaces[0].dev if interfaces and not forward.physical_functions else None),
        managed=bool(forward.managed) if forward.mode is ForwardMode.HOSTDEV else None,
        nat=_nat(forward.nat),
        interfaces=interfaces,
    )


def _nat(nat: Nat | None) -> Nat | None:
    if nat is None:
        return None
    port = nat.port if nat.port is not None and (nat.port.start or nat.port.end) else None
    if nat.ipv6 is None and nat.address is None and port is None:
        return None
    return replace(nat, port=port)


def _bridge(network: Network) -> Bridge | None:
    bridge = network.bridge or Bridge()
    if network.kind is Kind.MANAGED:
        return replace(bridge, stp=bridge.stp is not False, delay=bridge.delay or 0)
    if bridge.name is None and bridge.mac_table_manager is None:
        return None
    return replace(bridge, stp=None, delay=None)


def _domain(domain: Domain | None) -> Domain | None:
    return domain if domain is not None and domain.name is not None else None


def _dns(dns: Dns | None) -> Dns | None:
    if dns is None:
        return None
    says = (dns.enable, dns.forward_plain_names)
    if says == (None, None) and not (dns.forwarders or dns.hosts or dns.srvs or dns.txts):
        return None
    return dns


def _vlan(vlan: Vlan | None) -> Vlan | None:
    if vlan is None:
        return None
    trunk = True if vlan.trunk is None and len(vlan.tags) > 1 else vlan.trunk
    return replace(vlan, trunk=trunk or None)


def _bandwidth(bandwidth: Bandwidth | None) -> Bandwidth | None:
    if bandwidth is None:
        return None
    inbound, outbound = _rate(bandwidth.inbound), _rate(bandwidth.outbound)
    return replace(bandwidth, inbound=inbound, outbound=outbound) if inbound or outbound else None


def _rate(rate: Rate | None) -> Rate | None:
    if rate is None or not (rate.average or rate.floor):
        return None
    return replace(
        rate, average=rate.average or None, peak=rate.peak or None, burst=rate.burst or None, floor=rate.floor or None
    )


def _portgroup(group: PortGroup) -> PortGroup:
    return replace(group, default=group.default or None, vlan=_vlan(group.vlan), bandwidth=_bandwidth(group.bandwidth))


def _ip(ip: Ip) -> Ip:
    return replace(
        ip,
        prefix=ip.prefix or None,
        tftp=ip.tftp if ip.tftp is not None and ip.tftp.root is not None else None,
        dhcp=_dhcp(ip.dhcp) if ip.gives_addresses else None,
    )


def _dhcp(dhcp: Dhcp | None) -> Dhcp | None:
    if dhcp is None:
        return None
    return replace(
        dhcp,
        ranges=tuple(replace(given, lease=_lease(given.lease)) for given in dhcp.ranges),
        hosts=tuple(replace(host, lease=_lease(host.lease)) for host in dhcp.hosts),
    )


def _lease(lease: Lease | None) -> Lease | None:
    if lease is None:
        return None
    unit = (lease.unit or "minutes") if lease.expiry else None
    return Lease(expiry=lease.expiry, unit=unit, others=NOTHING)
