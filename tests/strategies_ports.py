"""Parts of a definition that bear on no rule: the DNS service, and what concerns the ports of guests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from strategies_addresses import addresses, yes_or_no
from strategies_words import others, record_names, uuids, words

from fwplan.network.definition import (
    Bandwidth,
    Dns,
    DnsForwarder,
    DnsHost,
    DnsSrv,
    DnsTxt,
    PortGroup,
    Rate,
    VirtualPort,
    VirtualPortParameters,
    Vlan,
    VlanTag,
)
from fwplan.network.modes import ForwardMode

if TYPE_CHECKING:
    from fwplan.network.definition import NativeMode

unsigned_longs = st.integers(0, 10_000) | st.integers(0, 2**64 - 1)

# DNS


@st.composite
def _forwarders(draw: st.DrawFn) -> DnsForwarder:
    address = draw(st.none() | addresses)
    domain = draw(words() if address is None else st.none() | words())
    return DnsForwarder(address=address, domain=domain, others=draw(others()))


@st.composite
def _srvs(draw: st.DrawFn) -> DnsSrv:
    target = draw(st.none() | words())
    numbers = st.none() if target is None else st.none() | st.integers(0, 65535)
    return DnsSrv(
        service=draw(st.text("abzAZ09_+/*-", max_size=8) | st.just("a" * 482)),
        protocol=draw(st.sampled_from(["tcp", "udp", "", "A+/-9"])),
        domain=draw(st.none() | words()),
        target=target,
        port=draw(numbers.filter(lambda port: port != 0)),
        priority=draw(numbers),
        weight=draw(numbers),
        others=draw(others()),
    )


_txts = st.builds(DnsTxt, name=record_names, value=words(), others=others())
_hosts = st.builds(
    DnsHost, ip=addresses, names=st.lists(words(min_size=1), min_size=1, max_size=2).map(tuple), others=others()
)


@st.composite
def dns_services(draw: st.DrawFn, *, records: bool) -> Dns:
    """`<dns>`: off, or with something to answer with; records only where the mode has a bridge to answer on."""
    enable = draw(yes_or_no)
    most = 0 if enable is False else 2
    most_records = most if records else 0
    return Dns(
        enable=enable,
        forward_plain_names=draw(yes_or_no),
        forwarders=tuple(draw(st.lists(_forwarders(), max_size=most))),
        txts=tuple(draw(st.lists(_txts, max_size=most_records))),
        srvs=tuple(draw(st.lists(_srvs(), max_size=most_records))),
        hosts=tuple(draw(st.lists(_hosts, max_size=most_records))),
        others=draw(others()),
    )


# Ports of guests


@st.composite
def vlans(draw: st.DrawFn) -> Vlan:
    """One tag, or a trunk of several, of which one may be native."""
    ids = draw(st.lists(st.integers(0, 4095), min_size=1, max_size=3))
    native = draw(st.none() | st.integers(0, len(ids) - 1))
    mode: NativeMode = draw(st.sampled_from(["tagged", "untagged"]))
    tags = tuple(
        VlanTag(id=id_, native_mode=mode if index == native else None, others=draw(others()))
        for index, id_ in enumerate(ids)
    )
    trunks = yes_or_no if len(ids) == 1 and native is None else st.none() | st.just(value=True)
    return Vlan(tags=tags, trunk=draw(trunks), others=draw(others()))


_profiles = words(max_size=9) | st.just("é" * 19)
_octets = st.integers(0, 0xFF)
_PARAMETERS = {
    None: ("manager_id", "type_id", "type_id_version", "instance_id", "profile_id", "interface_id"),
    "802.1Qbg": ("manager_id", "type_id", "type_id_version", "instance_id"),
    "802.1Qbh": ("profile_id",),
    "openvswitch": ("interface_id", "profile_id"),
    "midonet": ("interface_id", "profile_id"),
}
"""The parameters that each type of virtual port takes; where it is left open, all."""


@st.composite
def _virtual_port_parameters(draw: st.DrawFn, kind: str | None) -> VirtualPortParameters:
    given = set(draw(st.lists(st.sampled_from(_PARAMETERS[kind]), unique=True)))
    return VirtualPortParameters(
        manager_id=draw(_octets) if "manager_id" in given else None,
        type_id=draw(st.integers(0, 0xFFFFFF)) if "type_id" in given else None,
        type_id_version=draw(_octets) if "type_id_version" in given else None,
        instance_id=draw(uuids) if "instance_id" in given else None,
        profile_id=draw(_profiles) if "profile_id" in given else None,
        interface_id=draw(uuids) if "interface_id" in given else None,
        others=draw(others()),
    )


@st.composite
def virtual_ports(draw: st.DrawFn, kinds: tuple[str | None, ...]) -> VirtualPort:
    """`<virtualport>` of one of these types, with parameters that it takes."""
    kind = draw(st.sampled_from(kinds))
    parameters = draw(st.none() | _virtual_port_parameters(kind))
    return VirtualPort(type=kind, parameters=parameters, others=draw(others()))


@st.composite
def _rates(draw: st.DrawFn) -> Rate:
    return Rate(
        average=draw(unsigned_longs),
        peak=draw(st.none() | unsigned_longs),
        burst=draw(st.none() | unsigned_longs),
        others=draw(others()),
    )


@st.composite
def bandwidths(draw: st.DrawFn, *, limits: bool) -> Bandwidth:
    """`<bandwidth>`; with limits only where the mode has a bridge to limit."""
    rates = st.none() | _rates() if limits else st.none()
    return Bandwidth(inbound=draw(rates), outbound=draw(rates), others=draw(others()))


NETWORK_KINDS: tuple[str | None, ...] = ("802.1Qbg", "802.1Qbh", "openvswitch", "midonet")
"""The types that the virtual port of a whole network can have: it must have one."""


def carries_vlan(mode: ForwardMode, port: VirtualPort | None) -> bool:
    """Whether guests can be given VLANs, where nothing else is said for their portgroup."""
    if mode is ForwardMode.BRIDGE:
        return port is None or port.type == "openvswitch"
    return mode in {ForwardMode.HOSTDEV, ForwardMode.PASSTHROUGH}


@st.composite
def _portgroups(
    draw: st.DrawFn, name: str, mode: ForwardMode, *, default: bool, vlan: bool, vlan_everywhere: bool, limits: bool
) -> PortGroup:
    ports = st.none() | virtual_ports((*NETWORK_KINDS, None))
    if vlan_everywhere:
        ports = st.none() | virtual_ports(("openvswitch",)) if mode is ForwardMode.BRIDGE else st.none()
    port = draw(ports)
    vlan_here = vlan if port is None else mode is ForwardMode.BRIDGE and port.type == "openvswitch"
    return PortGroup(
        name=name,
        default=True if default else draw(st.none() | st.just(value=False)),
        trust_guest_rx_filters=draw(yes_or_no),
        vlan=draw(st.none() | vlans()) if vlan_here else None,
        virtual_port=port,
        bandwidth=draw(st.none() | bandwidths(limits=limits)),
        others=draw(others()),
    )


@st.composite
def portgroup_lists(
    draw: st.DrawFn, mode: ForwardMode, port: VirtualPort | None, *, has_vlan: bool, limits: bool
) -> tuple[PortGroup, ...]:
    """Portgroups, one of which at most is the default, of a network with that mode and virtual port.

    Args:
        draw: Hypothesis's.
        mode: the forward mode.
        port: the network's own virtual port.
        has_vlan: whether the network has VLANs of its own, which each portgroup must then be able to carry.
        limits: whether bandwidth can be limited.
    """
    names = draw(st.lists(words(min_size=1), max_size=2, unique=True))
    default = draw(st.none() | st.integers(0, 1))
    return tuple(
        draw(
            _portgroups(
                name,
                mode,
                default=index == default,
                vlan=carries_vlan(mode, port),
                vlan_everywhere=has_vlan,
                limits=limits,
            )
        )
        for index, name in enumerate(names)
    )
