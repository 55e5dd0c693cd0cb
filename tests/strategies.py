"""Hypothesis strategies: whole definitions that libvirt accepts, and several for one host.

Every element and attribute that fwplan knows is drawn, in every combination that libvirt takes. Values are built to
be valid, not filtered until they are, so that hardly a draw is thrown away.
"""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address
from itertools import groupby
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from strategies_addresses import addresses, ip_lists, no, routes, yes_or_no
from strategies_ports import (
    NETWORK_KINDS,
    bandwidths,
    carries_vlan,
    dns_services,
    portgroups,
    unsigned_longs,
    virtual_ports,
    vlans,
)
from strategies_words import interface_names, macs, maybe, metadata, network_names, others, uuids, words

from fwplan import ForwardMode, Kind, Network
from fwplan.network.definition import Bridge, Domain, Mac, Mtu
from fwplan.network.forward import AddressRange, Driver, Forward, Interface, Nat, PciAddress, PortRange
from fwplan.network.modes import MEANINGS, Devices, Presence
from fwplan.network.port import Port

if TYPE_CHECKING:
    from collections.abc import Collection

    from fwplan.network.addressing import Address
    from fwplan.network.definition import MacTableManager
    from fwplan.network.modes import Meaning

Row = tuple[ForwardMode, Kind]

ROWS: tuple[Row, ...] = tuple(MEANINGS)
"""Every mode, and mode `bridge` twice, since it means two things."""
FILTERED = tuple(row for row, meaning in MEANINGS.items() if meaning.filtered)
"""Those for which libvirt adds rules."""
UNFILTERED = tuple(row for row, meaning in MEANINGS.items() if not meaning.filtered)
"""`open` and the bridge modes."""

Names = st.SearchStrategy[str]

_coins = st.booleans()


# Forwarding

_ipv4_numbers = st.integers(0, 2**32 - 1)
_sixteen_bits = st.integers(0, 0xFFFF)


@st.composite
def _nat_addresses(draw: st.DrawFn) -> AddressRange:
    """A range that differs in the last 16 bits only; libvirt takes no other."""
    start = draw(_ipv4_numbers)
    end = start | draw(_sixteen_bits)
    return AddressRange(start=IPv4Address(start), end=IPv4Address(end), others=draw(others))


@st.composite
def _nat_ports(draw: st.DrawFn) -> PortRange:
    """Two ports at least, or the two zeros that libvirt takes for none."""
    first, last = sorted((draw(_sixteen_bits), draw(_sixteen_bits)))
    if first == last:
        first = last = 0
    return PortRange(start=first, end=last, others=draw(others))


_nats = st.builds(Nat, ipv6=yes_or_no, address=maybe(_nat_addresses()), port=maybe(_nat_ports()), others=others)
_drivers = st.builds(Driver, name=st.sampled_from([None, "kvm", "vfio"]), model=maybe(words(min_size=1)), others=others)
_pci_lists = st.lists(
    st.builds(
        PciAddress,
        domain=_sixteen_bits,
        bus=st.integers(0, 0xFF),
        slot=st.integers(0, 0x1F),
        function=st.integers(0, 7),
        others=others,
    ),
    max_size=3,
    unique_by=str,
).map(tuple)
_MOST_INTERFACES = {Devices.NONE: 0, Devices.ONE: 1, Devices.IGNORED: 2, Devices.POOL: 3, Devices.FUNCTIONS: 0}


@cache
def _interface_lists(names: Names, most: int) -> st.SearchStrategy[tuple[Interface, ...]]:
    interfaces = st.builds(Interface, dev=names, others=others)
    return st.lists(interfaces, max_size=most, unique_by=lambda interface: interface.dev).map(tuple)


@cache
@st.composite
def _forwards(draw: st.DrawFn, mode: ForwardMode, devices: Devices, names: Names) -> Forward:
    interfaces = draw(_interface_lists(names, _MOST_INTERFACES[devices]))
    dev = draw(maybe(names)) if _MOST_INTERFACES[devices] else None
    if dev is not None and interfaces:
        dev = interfaces[0].dev
    functions: tuple[Interface, ...] = ()
    pci: tuple[PciAddress, ...] = ()
    if dev is None and not interfaces and devices in {Devices.POOL, Devices.FUNCTIONS}:
        functions = draw(_interface_lists(names, 1))
        if devices is Devices.FUNCTIONS and not functions:
            pci = draw(_pci_lists)
    return Forward(
        mode=mode,
        dev=dev,
        managed=draw(yes_or_no),
        driver=draw(maybe(_drivers)),
        nat=draw(maybe(_nats)) if mode is ForwardMode.NAT else None,
        interfaces=interfaces,
        physical_functions=functions,
        addresses=pci,
        others=draw(others),
    )


# The bridge


@cache
def _bridge_names(names: Names, presence: Presence) -> st.SearchStrategy[str | None]:
    """Where libvirt chooses the name, also one with a place for a number, which has two digits at most."""
    if presence is Presence.REQUIRED:
        return names
    templates = names.map(lambda name: name.encode()[:13].decode(errors="ignore") + "%d")
    return st.none() if presence is Presence.REFUSED else st.one_of(st.none(), names, names, templates)


_managers: st.SearchStrategy[MacTableManager | None] = st.sampled_from([None, "kernel", "libvirt"])


@cache
@st.composite
def _bridges(draw: st.DrawFn, mode: ForwardMode, meaning: Meaning, names: Names) -> Bridge:
    managed = meaning.kind is Kind.MANAGED
    return Bridge(
        name=draw(_bridge_names(names, meaning.bridge_name)),
        zone=draw(maybe(words(min_size=1))) if managed else None,
        stp=draw(yes_or_no) if managed else None,
        delay=draw(maybe(unsigned_longs) if managed else _zero_or_none),
        mac_table_manager=draw(_managers) if managed or mode is ForwardMode.BRIDGE else None,
        others=draw(others),
    )


_zero_or_none = st.sampled_from([None, 0])


@cache
@st.composite
def _domains(draw: st.DrawFn, *, named: bool) -> Domain:
    local_only = draw(yes_or_no)
    return Domain(
        name=draw(maybe(words())) if named else None,
        local_only=local_only,
        register=draw(yes_or_no if local_only else no),
        others=draw(others),
    )


# The whole

_titles = words(min_size=1, exclude="\n")
_mtus = st.builds(Mtu, size=st.sampled_from([None, 0, 68, 1500, 9000, 65535]), others=others)
_no_mtus = st.builds(Mtu, size=_zero_or_none, others=others)
_macs = st.builds(Mac, address=maybe(macs), others=others)
_no_macs = st.builds(Mac, others=others)
_port_settings = st.builds(Port, isolated=yes_or_no, others=others)
_network_ports = maybe(virtual_ports(NETWORK_KINDS))


@st.composite
def networks(
    draw: st.DrawFn,
    *,
    rows: Collection[Row] = ROWS,
    names: Names = interface_names,
    of: st.SearchStrategy[Address] = addresses,
) -> Network:
    """Definitions that libvirt accepts.

    Args:
        draw: Hypothesis's.
        rows: the modes, each with its kind.
        names: of bridges and devices; by default all that the kernel takes.
        of: addresses of bridges.
    """
    mode, kind = draw(st.sampled_from(list(rows)))
    meaning = MEANINGS[mode, kind]
    managed = kind is Kind.MANAGED
    limits = managed or kind is Kind.EXISTING_BRIDGE
    has_forward = mode is not ForwardMode.ISOLATED or draw(_coins)
    has_bridge = meaning.bridge_name is Presence.REQUIRED or draw(_coins)
    least = 1 if meaning.addresses is Presence.REQUIRED else 0
    chosen = draw(ip_lists(of, min_size=least)) if managed else ()
    # What bears on no rule is left out mostly, so that definitions stay small.
    extras = draw(_extras)
    port = draw(_network_ports) if "virtual_port" in extras else None
    vlan = draw(vlans) if "vlan" in extras and carries_vlan(mode, port) else None
    with_portgroups = "portgroups" in extras
    return Network(
        name=draw(network_names),
        uuid=draw(uuids) if "uuid" in extras else None,
        title=draw(_titles) if "title" in extras else None,
        description=draw(words(min_size=1)) if "description" in extras else None,
        metadata=draw(metadata) if "metadata" in extras else None,
        ipv6=draw(yes_or_no),
        trust_guest_rx_filters=draw(yes_or_no) if "trust" in extras else None,
        forward=draw(_forwards(mode, meaning.devices, names)) if has_forward else None,
        bridge=draw(_bridges(mode, meaning, names)) if has_bridge else None,
        mtu=draw(_mtus if managed else _no_mtus) if "mtu" in extras else None,
        mac=draw(_macs if managed else _no_macs) if "mac" in extras else None,
        domain=draw(_domains(named=managed)) if "domain" in extras else None,
        dns=draw(dns_services(records=managed)) if "dns" in extras else None,
        vlan=vlan,
        bandwidth=draw(bandwidths(limits=limits)) if "bandwidth" in extras else None,
        port=draw(_port_settings) if "port" in extras else None,
        ips=chosen,
        routes=routes(draw, chosen) if "routes" in extras else (),
        virtual_port=port,
        portgroups=portgroups(draw, mode, port, has_vlan=vlan is not None, limits=limits) if with_portgroups else (),
        others=draw(others),
    )


_extras = st.sets(
    st.sampled_from(
        [
            *("uuid", "title", "description", "metadata", "trust", "mtu", "mac", "domain", "dns"),
            *("bandwidth", "port", "routes", "virtual_port", "vlan", "portgroups"),
        ]
    )
)
"""Which parts a definition has that bear on no rule."""


def hosts(each: st.SearchStrategy[Network] | None = None, *, max_size: int = 3) -> st.SearchStrategy[list[Network]]:
    """Definitions that can be on one host together: names, UUIDs and bridges are different."""
    return st.lists(
        networks() if each is None else each,
        max_size=max_size,
        unique_by=(
            lambda network: network.name,
            lambda network: network.uuid or object(),
            lambda network: network.bridge_name or object(),
        ),
    )


def subnets_return(definitions: list[Network]) -> bool:
    """Whether a subnet is given again after another one.

    All its rules for translation stand together then, where libvirt would leave the other's between them. No packet can
    tell: in one network all subnets are translated alike, and libvirt starts no network whose subnet the host has.
    """
    subnets = [ip.subnet for network in definitions for ip in network.ips]
    return len([subnet for subnet, _ in groupby(subnets)]) > len(set(subnets))
