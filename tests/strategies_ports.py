"""Parts of a definition that bear on no rule: the DNS service, and what concerns the ports of guests."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from strategies_addresses import addresses, no, yes_or_no
from strategies_words import maybe, others, record_names, uuids, words

from fwplan.network.dns import Dns, DnsForwarder, DnsHost, DnsSrv, DnsTxt
from fwplan.network.modes import ForwardMode
from fwplan.network.port import Bandwidth, PortGroup, Rate, VirtualPort, VirtualPortParameters, Vlan, VlanTag

if TYPE_CHECKING:
    from fwplan.network.port import NativeMode

unsigned_longs = st.integers(0, 10_000) | st.integers(0, 2**64 - 1)

# DNS

_words_or_none = maybe(words())
_lines = words(exclude="\n\r")
_lines_or_none = maybe(_lines)
_addresses_or_none = maybe(addresses)


@st.composite
def _forwarders(draw: st.DrawFn) -> DnsForwarder:
    address = draw(_addresses_or_none)
    domain = draw(words() if address is None else _words_or_none)
    return DnsForwarder(address=address, domain=domain, others=draw(others))


_services = st.text("abzAZ09_+/*-", max_size=8) | st.just("a" * 482)
_protocols = st.sampled_from(["tcp", "udp", "", "A+/-9"])
_ports = maybe(st.integers(1, 65535))
_numbers = maybe(st.integers(0, 65535))


@st.composite
def _srvs(draw: st.DrawFn) -> DnsSrv:
    target = draw(_lines_or_none)
    return DnsSrv(
        service=draw(_services),
        protocol=draw(_protocols),
        domain=draw(_lines_or_none),
        target=target,
        port=None if target is None else draw(_ports),
        priority=None if target is None else draw(_numbers),
        weight=None if target is None else draw(_numbers),
        others=draw(others),
    )


_some_forwarders = st.lists(_forwarders(), max_size=2).map(tuple)
_some_txts = st.lists(st.builds(DnsTxt, name=record_names, value=_lines, others=others), max_size=2).map(tuple)
_some_srvs = st.lists(_srvs(), max_size=2).map(tuple)
_some_hosts = st.lists(
    st.builds(
        DnsHost, ip=addresses, names=st.lists(words(min_size=1), min_size=1, max_size=2).map(tuple), others=others
    ),
    max_size=2,
).map(tuple)


@cache
@st.composite
def dns_services(draw: st.DrawFn, *, records: bool) -> Dns:
    """`<dns>`: off, or with something to answer with; records only where the mode has a bridge to answer on."""
    enable = draw(yes_or_no)
    is_on = enable is not False
    return Dns(
        enable=enable,
        forward_plain_names=draw(yes_or_no),
        forwarders=draw(_some_forwarders) if is_on else (),
        txts=draw(_some_txts) if is_on and records else (),
        srvs=draw(_some_srvs) if is_on and records else (),
        hosts=draw(_some_hosts) if is_on and records else (),
        others=draw(others),
    )


# Ports of guests


_tag_ids = st.lists(st.integers(0, 4095), min_size=1, max_size=3)
_places = maybe(st.integers(0, 2))
_native_modes: st.SearchStrategy[NativeMode] = st.sampled_from(["tagged", "untagged"])
_yes = st.sampled_from([None, True])


@st.composite
def _vlans(draw: st.DrawFn) -> Vlan:
    """One tag, or a trunk of several, of which one may be native."""
    ids = draw(_tag_ids)
    native = draw(_places)
    mode = draw(_native_modes)
    tags = tuple(
        VlanTag(id=id_, native_mode=mode if index == native else None, others=draw(others))
        for index, id_ in enumerate(ids)
    )
    is_trunk = len(ids) > 1 or native == 0
    return Vlan(tags=tags, trunk=draw(_yes if is_trunk else yes_or_no), others=draw(others))


vlans = _vlans()

_profiles = words(max_size=9) | st.just("é" * 19)
_octets = st.integers(0, 0xFF)
_three_octets = st.integers(0, 0xFFFFFF)
_PARAMETERS = {
    None: ("manager_id", "type_id", "type_id_version", "instance_id", "profile_id", "interface_id"),
    "802.1Qbg": ("manager_id", "type_id", "type_id_version", "instance_id"),
    "802.1Qbh": ("profile_id",),
    "openvswitch": ("interface_id", "profile_id"),
    "midonet": ("interface_id", "profile_id"),
}
"""The parameters that each type of virtual port takes; where it is left open, all."""


@cache
@st.composite
def _virtual_port_parameters(draw: st.DrawFn, kind: str | None) -> VirtualPortParameters:
    given = draw(st.sets(st.sampled_from(_PARAMETERS[kind])))
    return VirtualPortParameters(
        manager_id=draw(_octets) if "manager_id" in given else None,
        type_id=draw(_three_octets) if "type_id" in given else None,
        type_id_version=draw(_octets) if "type_id_version" in given else None,
        instance_id=draw(uuids) if "instance_id" in given else None,
        profile_id=draw(_profiles) if "profile_id" in given else None,
        interface_id=draw(uuids) if "interface_id" in given else None,
        others=draw(others),
    )


@cache
@st.composite
def virtual_ports(draw: st.DrawFn, kinds: tuple[str | None, ...]) -> VirtualPort:
    """`<virtualport>` of one of these types, with parameters that it takes."""
    kind = draw(st.sampled_from(kinds))
    parameters = draw(maybe(_virtual_port_parameters(kind)))
    return VirtualPort(type=kind, parameters=parameters, others=draw(others))


_speeds = st.integers(0, 10_000) | st.integers(0, 2**54)
_bursts = st.integers(0, 2**22 - 1)


@st.composite
def _rates(draw: st.DrawFn) -> Rate:
    return Rate(
        average=draw(_speeds),
        peak=draw(maybe(_speeds)),
        burst=draw(maybe(_bursts)),
        others=draw(others),
    )


_some_rates = maybe(_rates())


@cache
@st.composite
def bandwidths(draw: st.DrawFn, *, limits: bool) -> Bandwidth:
    """`<bandwidth>`; with limits only where the mode has a bridge to limit."""
    return Bandwidth(
        inbound=draw(_some_rates) if limits else None,
        outbound=draw(_some_rates) if limits else None,
        others=draw(others),
    )


NETWORK_KINDS: tuple[str | None, ...] = ("802.1Qbg", "802.1Qbh", "openvswitch", "midonet")
"""The types that the virtual port of a whole network can have: it must have one."""


def carries_vlan(mode: ForwardMode, port: VirtualPort | None) -> bool:
    """Whether guests can be given VLANs, where nothing else is said for their portgroup."""
    if mode is ForwardMode.BRIDGE:
        return port is None or port.type == "openvswitch"
    return mode in {ForwardMode.HOSTDEV, ForwardMode.PASSTHROUGH}


_groups = st.lists(words(min_size=1), max_size=2, unique=True)
_any_kind = maybe(virtual_ports((*NETWORK_KINDS, None)))
_open_vswitch = maybe(virtual_ports(("openvswitch",)))
_vlans_or_none = maybe(vlans)


def portgroups(
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
    names = draw(_groups)
    default = draw(_places) if names else None
    groups = []
    for index, name in enumerate(names):
        own = _own_port(draw, mode, has_vlan=has_vlan)
        carries = carries_vlan(mode, port) if own is None else mode is ForwardMode.BRIDGE and carries_vlan(mode, own)
        groups.append(
            PortGroup(
                name=name,
                default=True if index == default else draw(no),
                trust_guest_rx_filters=draw(yes_or_no),
                vlan=draw(_vlans_or_none) if carries else None,
                virtual_port=own,
                bandwidth=draw(maybe(bandwidths(limits=limits))),
                others=draw(others),
            )
        )
    return tuple(groups)


def _own_port(draw: st.DrawFn, mode: ForwardMode, *, has_vlan: bool) -> VirtualPort | None:
    if not has_vlan:
        return draw(_any_kind)
    return draw(_open_vswitch) if mode is ForwardMode.BRIDGE else None
