"""The layout maps means what libvirt's layout means: the same verdict, the same answer, the same rewriting of sources.

Packets at the corners are walked through both by the simulator: addresses at both ends of every subnet and just
outside, every bridge and device and one that is neither, every protocol that rules tell apart. What the promises make
of a flow, which knows no rules, is the third witness.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import product
from random import Random
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies_crowded import crowded_hosts, names
from strategies_words import interface_names

from conformance.listing import listed_items
from fwplan import Layout, Network, make_plan, read_network
from fwplan.network.together import bridge_names, conflicts
from fwplan.nft.expressions import Number, Prefix, Range, Word
from fwplan.nft.objects import Element, Rule
from fwplan.nft.read_ruleset import read_items
from fwplan.nft.statements import Nat
from fwplan.plan.as_ruleset import ruleset_of
from fwplan.plan.expectations import Appearance, Expectations, Flow
from fwplan.plan.promises import promises
from fwplan.simulate.outcome import Accept, Refuse, RuleMet
from fwplan.simulate.packet import NO_INTERFACE, Connection, Interface, Packet
from fwplan.simulate.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fwplan.network.addressing import Address
    from fwplan.plan.expectations import Transport
    from fwplan.simulate.outcome import Verdict

_PACKETS = 200
"""Of the packets at the corners of a host so many are tried for each host: there are hundreds of thousands."""
_TRANSPORTS: dict[Transport, dict[int, int]] = {"tcp": {4: 6, 6: 6}, "udp": {4: 17, 6: 17}, "icmp": {4: 1, 6: 58}}
_PORTS = (700, 443)
_STATES: tuple[Literal["new", "established", "related", "invalid"], ...] = ("new", "established", "related", "invalid")


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of a packet that is forwarded, or sent by the host itself.

    Attributes:
        verdict: accepted, or refused with what the sender is told.
        translation: what rewrites its source; None where nothing does.
    """

    verdict: Verdict
    translation: Nat | None


def _fate(simulator: Simulator, packet: Packet) -> _Fate:
    if packet.in_interface is not NO_INTERFACE:
        passed = simulator.at("forward", packet).verdict
        if not isinstance(passed, Accept):
            return _Fate(passed, None)
    left = simulator.at("postrouting", packet)
    nats = [
        statement
        for met in left.trace
        if isinstance(met, RuleMet)
        for statement in met.rule.statements
        if isinstance(statement, Nat)
    ]
    assert len(nats) <= 1, "the first translation is the only one"
    return _Fate(left.verdict, nats[0] if nats else None)


# Packets at the corners


def _addresses(networks: Iterable[Network], version: int) -> list[Address]:
    """Both ends of every subnet and just outside, groups of the link and just outside, and far away."""
    highest = 2 ** (32 if version == 4 else 128) - 1
    make = IPv4Address if version == 4 else IPv6Address
    numbers = {
        number
        for network in networks
        for subnet in [ip.subnet for ip in network.ips]
        if subnet.version == version
        for first, last in [(int(subnet.network_address), int(subnet.broadcast_address))]
        for number in (first - 1, first, last, last + 1)
        if 0 <= number <= highest
    }
    written = (
        (
            "224.0.0.0",
            "224.0.0.255",
            "224.0.1.0",
            "223.255.255.255",
            "255.255.255.254",
            "255.255.255.255",
            "198.51.100.7",
        )
        if version == 4
        else ("ff02::", "ff02:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ff03::", "ff01::1", "2001:db8::7")
    )
    return [*(make(number) for number in sorted(numbers)), *(ip_address(text) for text in written)]


def _interfaces(networks: Sequence[Network]) -> list[str]:
    devices = [network.forward_device for network in networks]
    names = [*bridge_names(networks), *devices, "else0"]
    return list(dict.fromkeys(name for name in names if name is not None))


@dataclass(frozen=True, slots=True)
class _Case:
    """A packet, and the flow that it is of."""

    packet: Packet
    flow: Flow


def _case(
    source: Address,
    destination: Address,
    entered_by: str | None,
    leaves_by: str,
    transport: Transport,
    state: Literal["new", "established", "related", "invalid"],
) -> _Case:
    ports = (None, None) if transport == "icmp" else _PORTS
    packet = Packet(
        "ip" if source.version == 4 else "ip6",
        in_interface=NO_INTERFACE if entered_by is None else Interface(entered_by),
        out_interface=Interface(leaves_by),
        source=source,
        destination=destination,
        protocol=_TRANSPORTS[transport][source.version],
        source_port=ports[0],
        destination_port=ports[1],
        connection=Connection(state=state, direction="original"),
        ttl=64,
    )
    related = state in {"established", "related"}
    flow = Flow(source, destination, transport, entered_by, leaves_by, ports[0], ports[1], related)
    return _Case(packet, flow)


def _some_cases(networks: Sequence[Network], seed: int, number: int) -> Iterator[_Case]:
    """Any of all packets."""
    random = Random(seed)  # noqa: S311 - nobody has to be kept from guessing
    interfaces = _interfaces(networks)
    for _ in range(number):
        version = random.choice((4, 6))
        addresses = _addresses(networks, version)
        yield _case(
            random.choice(addresses),
            random.choice(addresses),
            random.choice([None, *interfaces]),
            random.choice(interfaces),
            random.choice(list(_TRANSPORTS)),
            random.choice(_STATES),
        )


# The three witnesses


def _promised(networks: Sequence[Network]) -> Expectations:
    """The promises of networks that were started in this order."""
    return Expectations(
        [
            intent
            for network, bridge in zip(networks, bridge_names(networks), strict=True)
            if bridge is not None
            for intent in promises(network, bridge)
        ]
    )


class _Host:
    """What networks of a host come to in both layouts, and by their promises alone."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self.libvirts = Simulator(ruleset_of(make_plan(networks, checked=True)))
        self.maps = Simulator(ruleset_of(make_plan(networks, layout=Layout.MAPS, checked=True)))
        self.expectations = _promised(networks)

    def agrees(self, case: _Case) -> None:
        by_libvirt, by_maps = _fate(self.libvirts, case.packet), _fate(self.maps, case.packet)
        assert by_maps == by_libvirt, case.packet
        if case.packet.connection is None or case.packet.connection.state == "invalid":
            return
        expected = self.expectations.of(case.flow)
        assert isinstance(by_maps.verdict, Accept if expected.passes else Refuse), (case.packet, expected)
        if expected.appearance is not None:
            assert _appearance(by_maps.translation, case.flow) == expected.appearance, (case.packet, expected)


def _appearance(translation: Nat | None, flow: Flow) -> Appearance:
    """How a translation makes a source appear, in the words of promises."""
    if translation is None:
        ports = None if flow.source_port is None else (flow.source_port, flow.source_port)
        return Appearance(None, (flow.source, flow.source), ports)
    ports = None if flow.source_port is None else (0, 65535)
    match translation.port:
        case Range(Number(first), Number(last)) if ports is not None:
            ports = (first, last)
    if translation.kind == "masquerade":
        return Appearance(flow.leaves_by, None, ports)
    return Appearance(None, _range(translation.address), ports)


def _range(written: object) -> tuple[Address, Address]:
    match written:
        case Word(text):
            return ip_address(text), ip_address(text)
        case Prefix(Word(text), length):
            subnet = ip_network(f"{text}/{length}")
            return subnet[0], subnet[-1]
        case Range(Word(first), Word(last)):
            return ip_address(first), ip_address(last)
    raise AssertionError(written)


# In nft's JSON, out of which rulesets are read here, these are no names of interfaces.
_NAMES = names | interface_names.filter(lambda name: not name.startswith("@") and name != "*" and not name.isdigit())


@given(crowded_hosts(device_names=_NAMES, only_filtered=True), st.integers(0, 9999))
def test_both_layouts_and_the_promises_agree(networks: list[Network], seed: int) -> None:
    host = _Host(networks)
    for case in _some_cases(networks, seed, _PACKETS):
        host.agrees(case)


@given(crowded_hosts(only_filtered=True), st.integers(0, 9999), st.data())
def test_where_the_order_of_start_decides_check_says_so(
    networks: list[Network], seed: int, data: st.DataObject
) -> None:
    in_order, otherwise = _promised(networks), _promised(data.draw(st.permutations(networks)))
    told = any("translates otherwise" in problem.message for _, problem in conflicts(networks))
    for case in _some_cases(networks, seed, _PACKETS):
        one, other = in_order.of(case.flow), otherwise.of(case.flow)
        assert one.passes == other.passes
        assert told or one.appearance == other.appearance, case.flow


# By example


def _network(name: str, forward: str, *subnets: str, more: str = "") -> Network:
    ips = "".join(
        f"<ip family='{'ipv6' if ':' in subnet else 'ipv4'}' address='{subnet.split('/')[0]}' "
        f"prefix='{subnet.split('/')[1]}'/>"
        for subnet in subnets
    )
    return read_network(f"<network{more}><name>{name}</name>{forward}<bridge name='{name}'/>{ips}</network>".encode())


_NAT, _ROUTE = "<forward mode='nat'/>", "<forward mode='route'/>"
_RANGES = (
    "<forward mode='nat'{}><nat><address start='203.0.113.4' end='203.0.113.7'/><port start='500' end='1000'/></nat>"
    "</forward>"
)
_NAT6 = "<forward mode='nat'><nat ipv6='yes'/></forward>"

_HOSTS = {
    "nat": [_network("a", _NAT, "10.0.0.1/24")],
    "route, isolated and nat": [
        _network("a", _ROUTE, "10.0.0.1/24"),
        _network("b", "", "10.0.1.1/24"),
        _network("c", _NAT, "10.0.2.1/24"),
    ],
    "a device": [_network("a", "<forward mode='nat' dev='eth0'/>", "10.0.0.1/24")],
    "nested, the inner one later": [
        _network("a", _NAT, "10.0.0.1/16"),
        _network("b", _RANGES.format(""), "10.0.1.1/24"),
    ],
    "nested, the inner one earlier": [
        _network("b", _RANGES.format(""), "10.0.1.1/24"),
        _network("a", _NAT, "10.0.0.1/16"),
    ],
    "the same subnet twice, by a device first": [
        _network("a", _NAT, "10.0.0.1/24"),
        _network("b", _RANGES.format(" dev='eth0'"), "10.0.0.1/24"),
    ],
    "several subnets": [_network("a", _NAT, "10.0.0.1/24", "10.0.1.1/25", "10.0.0.129/25")],
    "IPv6 without NAT": [_network("a", _NAT, "10.0.0.1/24", "fd00::1/64")],
    "IPv6 with NAT": [_network("a", _NAT6, "10.0.0.1/24", "fd00::1/64", "fd00::1:0:0:1/96")],
    "IPv6 without addresses": [_network("a", _NAT, "10.0.0.1/24", more=" ipv6='yes'")],
    "all addresses": [_network("a", _NAT, "128.0.0.1/1", "10.0.0.1/1")],
}


def _every_case(networks: Sequence[Network]) -> Iterator[_Case]:
    interfaces = _interfaces(networks)
    for version in (4, 6):
        addresses = _addresses(networks, version)
        for each in product(addresses, addresses, [None, *interfaces], interfaces, _TRANSPORTS, _STATES[:2]):
            yield _case(*each)


@pytest.mark.parametrize("name", _HOSTS)
def test_they_agree_on_every_packet_at_a_corner(name: str, record_property: Callable[[str, object], None]) -> None:
    host = _Host(_HOSTS[name])
    number = 0
    for case in _some_or_all(_HOSTS[name]):
        host.agrees(case)
        number += 1
    record_property("figure", f"equivalence: {name}: {number} packets")


def _some_or_all(networks: Sequence[Network]) -> Iterable[_Case]:
    """All packets in the long form; else some thousands of them."""
    if settings.get_current_profile_name() == "long":
        return _every_case(networks)
    return _some_cases(networks, seed=1, number=3000)


# It would be noticed


_MUTATED = [_HOSTS["nat"][0], _network("b", _RANGES.format(" dev='eth0'"), "10.0.0.1/25")]
_MADE = [operation.object for operation in make_plan(_MUTATED, layout=Layout.MAPS).operations]
_DECISIVE = [made for made in _MADE if isinstance(made, Rule | Element) and made.table.family == "ip"]


@pytest.mark.parametrize("gone", _DECISIVE, ids=str)
def test_without_any_rule_or_element_they_would_not_agree(gone: object) -> None:
    host = _Host(_MUTATED)
    without = Simulator(read_items(listed_items(made for made in _MADE if made is not gone)))
    cases = _every_case(_MUTATED)
    assert any(_fate(without, case.packet) != _fate(host.libvirts, case.packet) for case in cases)
