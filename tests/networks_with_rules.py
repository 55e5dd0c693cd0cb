"""Definitions that lead to rules: a strategy that draws all that a rule may depend on, and nothing else."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from fwplan import ForwardMode, Network, Severity
from fwplan.network.definition import AddressRange, Bridge, Dhcp, DhcpRange, Forward, Ip, Nat, PortRange, Tftp
from fwplan.network.interface_name import interface_name_fault
from fwplan.network.validate import validate

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_NAME = "abcxyz019.-_ $;|&<>(){}[]'`\\*+@!#~,=é漢"

interface_names = st.text(st.sampled_from(_NAME), min_size=1, max_size=15).filter(
    lambda name: interface_name_fault(name) is None
)


def networks_with_rules() -> SearchStrategy[Network]:
    """Isolated, routed and translated networks that libvirt would accept."""
    return _networks().filter(
        lambda network: not any(problem.severity is Severity.ERROR for problem in validate(network))
    )


@st.composite
def _networks(draw: DrawFn) -> Network:
    mode = draw(st.sampled_from([ForwardMode.ISOLATED, ForwardMode.NAT, ForwardMode.ROUTE]))
    device = draw(st.none() | interface_names) if mode is not ForwardMode.ISOLATED else None
    nat = draw(st.none() | _translations()) if mode is ForwardMode.NAT else None
    needed = mode is not ForwardMode.ISOLATED
    addresses = st.lists(_addresses(), min_size=int(needed), max_size=3, unique_by=lambda ip: ip.address)
    return Network(
        name=draw(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1)),
        ipv6=draw(st.none() | st.booleans()),
        forward=Forward(mode=mode, dev=device, nat=nat) if needed else None,
        bridge=draw(st.none() | st.builds(Bridge, name=interface_names)),
        ips=tuple(draw(addresses)),
    )


@st.composite
def _translations(draw: DrawFn) -> Nat:
    addresses = draw(st.none() | st.tuples(st.integers(1, 254), st.integers(1, 254)).map(sorted))
    ports = draw(st.none() | st.lists(st.integers(1, 65535), min_size=2, max_size=2, unique=True).map(sorted))
    return Nat(
        ipv6=draw(st.none() | st.booleans()),
        address=None
        if addresses is None
        else AddressRange(start=IPv4Address(f"192.0.2.{addresses[0]}"), end=IPv4Address(f"192.0.2.{addresses[1]}")),
        port=None if ports is None else PortRange(start=ports[0], end=ports[1]),
    )


@st.composite
def _addresses(draw: DrawFn) -> Ip:
    if draw(st.booleans()):
        address = IPv6Address((0x2001_0DB8 << 96) + draw(st.integers(1, 2**96 - 1)))
        return Ip(family="ipv6", address=address, prefix=draw(st.none() | st.integers(1, 128)))
    host = IPv4Address((10 << 24) + draw(st.integers(1, 2**24 - 2)))
    given = st.builds(Dhcp, ranges=st.just((DhcpRange(start=host, end=host),)))
    return Ip(
        address=host,
        prefix=draw(st.none() | st.integers(1, 32)),
        tftp=draw(st.none() | st.just(Tftp(root="/srv/tftp"))),
        dhcp=draw(st.none() | given),
    )
