"""Hypothesis strategies: whole definitions that libvirt accepts, several for one host, and ways to plan them.

Every element and attribute that fwplan knows is drawn, in every combination that libvirt takes. Values are built to
be valid, not filtered until they are, so that hardly a draw is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from strategies_addresses import addresses, ip_lists, route_lists, yes_or_no
from strategies_ports import (
    NETWORK_KINDS,
    bandwidths,
    carries_vlan,
    dns_services,
    portgroup_lists,
    unsigned_longs,
    virtual_ports,
    vlans,
)
from strategies_words import interface_names, macs, metadata, network_names, others, uuids, words

from fwplan import Backend, ForwardMode, Kind, Layout, Network
from fwplan.network.definition import (
    AddressRange,
    Bridge,
    Domain,
    Driver,
    Forward,
    Interface,
    Mac,
    Mtu,
    Nat,
    PciAddress,
    Port,
    PortRange,
)
from fwplan.network.modes import MEANINGS, Devices, Presence

if TYPE_CHECKING:
    from collections.abc import Collection

    from fwplan.network.definition import Address, Ip
    from fwplan.network.modes import Meaning

Row = tuple[ForwardMode, Kind]

ROWS: tuple[Row, ...] = tuple(MEANINGS)
"""Every mode, and mode `bridge` twice, since it means two things."""
FILTERED = tuple(row for row, meaning in MEANINGS.items() if meaning.filtered)
"""Those for which libvirt adds rules."""
UNFILTERED = tuple(row for row, meaning in MEANINGS.items() if not meaning.filtered)
"""`open` and the bridge modes."""

Names = st.SearchStrategy[str]


@dataclass(frozen=True, slots=True)
class Way:
    """How definitions are planned: the arguments of `make_plan`."""

    backend: Backend
    layout: Layout
    firewalld: bool
    set_up: bool


ways = st.builds(
    Way,
    backend=st.sampled_from(Backend),
    layout=st.sampled_from(Layout),
    firewalld=st.booleans(),
    set_up=st.booleans(),
)

# Forwarding


@st.composite
def _nats(draw: st.DrawFn) -> Nat:
    address, port = None, None
    if draw(st.booleans()):
        start = draw(st.integers(0, 2**32 - 1))
        end = draw(st.integers(start, start | 0xFFFF))
        address = AddressRange(start=IPv4Address(start), end=IPv4Address(end), others=draw(others()))
    if draw(st.booleans()):
        first = draw(st.integers(0, 65534))
        last = draw(st.integers(first + 1, 65535))
        first, last = draw(st.sampled_from([(first, last), (first, last), (0, 0)]))
        port = PortRange(start=first, end=last, others=draw(others()))
    return Nat(ipv6=draw(yes_or_no), address=address, port=port, others=draw(others()))


_pci_addresses = st.builds(
    PciAddress,
    domain=st.integers(0, 0xFFFF),
    bus=st.integers(0, 0xFF),
    slot=st.integers(0, 0x1F),
    function=st.integers(0, 7),
    others=others(),
)
_MOST_INTERFACES = {Devices.NONE: 0, Devices.ONE: 1, Devices.IGNORED: 2, Devices.POOL: 3, Devices.FUNCTIONS: 0}


def _interfaces(draw: st.DrawFn, names: Names, most: int, *, least: int = 0) -> tuple[Interface, ...]:
    found = draw(st.lists(names, min_size=least, max_size=most, unique=True))
    return tuple(Interface(dev=name, others=draw(others())) for name in found)


@st.composite
def _forwards(draw: st.DrawFn, mode: ForwardMode, devices: Devices, names: Names) -> Forward:
    most = _MOST_INTERFACES[devices]
    interfaces = _interfaces(draw, names, most)
    first = interfaces[0].dev if interfaces else None
    dev = draw(st.none() | (names if first is None else st.just(first))) if most else None
    functions: tuple[Interface, ...] = ()
    pci: tuple[PciAddress, ...] = ()
    if dev is None and not interfaces and devices in {Devices.POOL, Devices.FUNCTIONS}:
        functions = _interfaces(draw, names, 1)
        if devices is Devices.FUNCTIONS and not functions:
            pci = tuple(draw(st.lists(_pci_addresses, max_size=3, unique_by=str)))
    return Forward(
        mode=mode,
        dev=dev,
        managed=draw(yes_or_no),
        driver=draw(
            st.none()
            | st.builds(
                Driver,
                name=st.sampled_from([None, "kvm", "vfio"]),
                model=st.none() | words(min_size=1),
                others=others(),
            )
        ),
        nat=draw(st.none() | _nats()) if mode is ForwardMode.NAT else None,
        interfaces=interfaces,
        physical_functions=functions,
        addresses=pci,
        others=draw(others()),
    )


# The bridge


def _templates(names: Names) -> Names:
    """Names with a place for a number that libvirt chooses, which has two digits at most."""
    return names.map(lambda name: name.encode()[:13].decode(errors="ignore") + "%d")


@st.composite
def _bridges(draw: st.DrawFn, mode: ForwardMode, meaning: Meaning, names: Names) -> Bridge | None:
    managed = meaning.kind is Kind.MANAGED
    required = meaning.bridge_name is Presence.REQUIRED
    if not required and draw(st.booleans()):
        return None
    possible: st.SearchStrategy[str | None] = st.none()
    if required:
        possible = names
    elif managed:
        possible = st.none() | names | names | _templates(names)
    managers = st.sampled_from([None, "kernel", "libvirt"])
    return Bridge(
        name=draw(possible),
        zone=draw(st.none() | words(min_size=1)) if managed else None,
        stp=draw(yes_or_no) if managed else None,
        delay=draw(st.none() | unsigned_longs) if managed else draw(st.sampled_from([None, 0])),
        mac_table_manager=draw(managers) if managed or mode is ForwardMode.BRIDGE else None,
        others=draw(others()),
    )


@st.composite
def _domains(draw: st.DrawFn, *, named: bool) -> Domain:
    local_only = draw(yes_or_no)
    return Domain(
        name=draw(st.none() | words()) if named else None,
        local_only=local_only,
        register=draw(yes_or_no if local_only else st.none() | st.just(value=False)),
        others=draw(others()),
    )


# The whole


@st.composite
def networks(
    draw: st.DrawFn,
    *,
    rows: Collection[Row] = ROWS,
    names: Names | None = None,
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
    devices = names or interface_names()
    without_forward = mode is ForwardMode.ISOLATED and draw(st.booleans())
    chosen: tuple[Ip, ...] = ()
    if managed:
        chosen = draw(ip_lists(min_size=meaning.addresses is Presence.REQUIRED, of=of))
    port = draw(st.none() | virtual_ports(NETWORK_KINDS))
    vlan = draw(st.none() | vlans()) if carries_vlan(mode, port) else None
    sizes = st.sampled_from([None, 0, 68, 1500, 9000, 65535]) if managed else st.sampled_from([None, 0])
    return Network(
        name=draw(network_names),
        uuid=draw(st.none() | uuids),
        title=draw(st.none() | words(min_size=1, exclude="\n")),
        description=draw(st.none() | words(min_size=1)),
        metadata=draw(st.none() | metadata),
        ipv6=draw(yes_or_no),
        trust_guest_rx_filters=draw(yes_or_no),
        forward=None if without_forward else draw(_forwards(mode, meaning.devices, devices)),
        bridge=draw(_bridges(mode, meaning, devices)),
        mtu=draw(st.none() | st.builds(Mtu, size=sizes, others=others())),
        mac=draw(st.none() | st.builds(Mac, address=st.none() | macs if managed else st.none(), others=others())),
        domain=draw(st.none() | _domains(named=managed)),
        dns=draw(st.none() | dns_services(records=managed)),
        vlan=vlan,
        bandwidth=draw(st.none() | bandwidths(limits=limits)),
        port=draw(st.none() | st.builds(Port, isolated=yes_or_no, others=others())),
        ips=chosen,
        routes=draw(route_lists(chosen)),
        virtual_port=port,
        portgroups=draw(portgroup_lists(mode, port, has_vlan=vlan is not None, limits=limits)),
        others=draw(others()),
    )


def hosts(each: st.SearchStrategy[Network] | None = None, *, max_size: int = 3) -> st.SearchStrategy[list[Network]]:
    """Definitions that can be on one host together: names, UUIDs and bridges are different."""
    return st.lists(
        each or networks(),
        max_size=max_size,
        unique_by=(
            lambda network: network.name,
            lambda network: network.uuid or object(),
            lambda network: network.bridge_name or object(),
        ),
    )
