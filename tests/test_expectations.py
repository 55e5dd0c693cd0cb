"""What promises make of a flow: by example, and as libvirt's rules have it when one walks through them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from strategies import FILTERED, hosts, networks

from fwplan import Network, make_plan, read_network
from fwplan.network.problems import Severity
from fwplan.network.together import bridge_names, conflicts
from fwplan.nft import objects as nft
from fwplan.plan.expectations import Appearance, Expectations, Flow
from fwplan.plan.intents import (
    GuestsTalk,
    KeepSource,
    MayEnter,
    MayLeave,
    ReachService,
    RefuseEntering,
    RefuseLeaving,
    RepliesReturn,
    Service,
    TranslateSource,
)
from fwplan.plan.promises import promises

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.network.addressing import Address
    from fwplan.plan.expectations import Expectation, Transport

OUTSIDE = "198.51.100.7"
TRANSPORTS: tuple[Transport, ...] = ("tcp", "udp", "icmp")


def network(name: str, forward: str, subnet: str, *, more: str = "") -> Network:
    return read_network(
        f"<network><name>{name}</name>{forward}<bridge name='{name}'/>"
        f"<ip address='{subnet}.1' prefix='24'/>{more}</network>".encode()
    )


NAT = network("nat", "<forward mode='nat'/>", "10.1.0")
ROUTE = network("route", "<forward mode='route'/>", "10.2.0", more="<ip family='ipv6' address='fd20:2::1'/>")
ISOLATED = network("isolated", "", "10.3.0")
OPEN = network("open", "<forward mode='open'/>", "10.4.0")


def expected(flow: Flow, *started: Network) -> Expectation:
    return Expectations([intent for each in started for intent in promises(each, each.name)]).of(flow)


def flow(
    source: str,
    destination: str,
    entered_by: str | None,
    leaves_by: str | None,
    transport: Transport = "tcp",
    ports: tuple[int, int] = (40000, 443),
    *,
    answer: bool = False,
) -> Flow:
    own_port, other_port = (None, None) if transport == "icmp" else ports
    return Flow(
        ip_address(source), ip_address(destination), transport, entered_by, leaves_by, own_port, other_port, answer
    )


# What passes


def test_a_guest_of_a_nat_network_goes_out_under_an_address_of_the_device() -> None:
    found = expected(flow("10.1.0.2", OUTSIDE, "nat", "eth0"), NAT)
    assert (found.passes, type(found.because)) == (True, MayLeave)
    assert found.appearance == Appearance("eth0", None, (1024, 65535))


def test_replies_to_it_come_back_and_nothing_else() -> None:
    inward = flow(OUTSIDE, "10.1.0.2", "eth0", "nat")
    assert not expected(inward, NAT).passes
    assert isinstance(expected(inward, NAT).because, RefuseEntering)
    assert isinstance(expected(replace(inward, belongs_to_connection=True), NAT).because, RepliesReturn)


def test_anybody_enters_a_routed_network_and_its_guests_keep_their_source() -> None:
    assert isinstance(expected(flow(OUTSIDE, "10.2.0.2", "eth0", "route"), ROUTE).because, MayEnter)
    outward = expected(flow("10.2.0.2", OUTSIDE, "route", "eth0"), ROUTE)
    own = IPv4Address("10.2.0.2")
    assert outward.appearance == Appearance(None, (own, own), (40000, 40000))


def test_a_guest_that_claims_another_source_is_refused() -> None:
    assert isinstance(expected(flow("10.9.0.9", OUTSIDE, "route", "eth0"), ROUTE).because, RefuseLeaving)


def test_guests_of_one_bridge_pass_whatever_their_addresses() -> None:
    assert isinstance(expected(flow("10.9.0.9", "10.8.0.8", "isolated", "isolated"), ISOLATED).because, GuestsTalk)


def test_what_may_enter_one_network_may_leave_another_even_an_isolated_one() -> None:
    first = flow("10.3.0.2", "10.2.0.2", "isolated", "route")
    answer = flow("10.2.0.2", "10.3.0.2", "route", "isolated", answer=True)
    for started in ((ISOLATED, ROUTE), (ROUTE, ISOLATED)):
        assert isinstance(expected(first, *started).because, MayEnter)
        assert isinstance(expected(answer, *started).because, RefuseEntering)


def test_ipv6_of_a_network_without_it_is_about_no_promise() -> None:
    found = expected(flow("fd20:9::2", "fd20:8::2", "nat", "eth0"), NAT)
    assert (found.passes, found.because) == (True, None)


def test_an_open_network_promises_nothing() -> None:
    found = expected(flow("10.4.0.2", OUTSIDE, "open", "eth0"), OPEN)
    assert (found.passes, found.because, found.appearance_because) == (True, None, None)


def test_a_device_limits_both_ways() -> None:
    limited = network("limited", "<forward mode='route' dev='eth1'/>", "10.5.0")
    for device, passes in (("eth1", True), ("eth0", False)):
        assert expected(flow("10.5.0.2", OUTSIDE, "limited", device), limited).passes is passes
        assert expected(flow(OUTSIDE, "10.5.0.2", device, "limited"), limited).passes is passes


def test_guests_reach_the_services_of_the_host() -> None:
    for port, service in ((53, Service.DNS), (67, Service.DHCP)):
        reach = expected(flow("10.1.0.2", "10.1.0.1", "nat", None, "udp", (40000, port)), NAT).because
        assert isinstance(reach, ReachService)
        assert reach.service is service
    dhcp = expected(flow("10.1.0.1", "10.1.0.2", None, "nat", "udp", (67, 68)), NAT).because
    assert isinstance(dhcp, ReachService)
    other = expected(flow("10.1.0.2", "10.1.0.1", "nat", None, "tcp", (40000, 22)), NAT)
    assert (other.passes, other.because) == (True, None)


# Under which source


def test_icmp_has_no_port() -> None:
    assert expected(flow("10.1.0.2", OUTSIDE, "nat", "eth0", "icmp"), NAT).appearance == Appearance("eth0", None, None)


def test_ranges_are_those_of_the_definition() -> None:
    ranges = (
        "<forward mode='nat'><nat><address start='203.0.113.4' end='203.0.113.7'/><port start='500' end='1000'/></nat>"
        "</forward>"
    )
    found = expected(flow("10.6.0.2", OUTSIDE, "ranges", "eth0"), network("ranges", ranges, "10.6.0"))
    assert found.appearance is not None
    assert found.appearance.allows(IPv4Address("203.0.113.4"), 500, ())
    assert found.appearance.allows(IPv4Address("203.0.113.7"), 1000, ())
    assert not found.appearance.allows(IPv4Address("203.0.113.8"), 500, ())
    assert not found.appearance.allows(IPv4Address("203.0.113.4"), 1001, ())
    assert not found.appearance.allows(IPv6Address(int(IPv4Address("203.0.113.4"))), 500, ())


def test_groups_of_the_link_keep_their_source() -> None:
    for group in ("224.0.0.251", "255.255.255.255"):
        found = expected(flow("10.1.0.1", group, None, "nat", "udp", (67, 68)), NAT)
        assert isinstance(found.appearance_because, KeepSource)
        assert found.appearance is not None
        assert found.appearance.ports == (67, 67)
    wider = expected(flow("10.1.0.1", "239.1.1.1", None, "nat", "udp", (67, 68)), NAT)
    assert isinstance(wider.appearance_because, TranslateSource)


def test_of_two_networks_that_translate_one_subnet_the_later_one_decides() -> None:
    ports = "<forward mode='nat'><nat><port start='{}' end='{}'/></nat></forward>"
    first = network("first", ports.format(2000, 2999), "10.7.0")
    second = network("second", ports.format(3000, 3999), "10.7.0")
    out = flow("10.7.0.2", OUTSIDE, "first", "eth0")
    for started, lowest in (((first, second), 3000), ((second, first), 2000)):
        appearance = expected(out, *started).appearance
        assert appearance is not None
        assert appearance.ports == (lowest, lowest + 999)


def test_what_belongs_to_a_connection_has_its_source_already() -> None:
    assert expected(flow("10.1.0.2", OUTSIDE, "nat", "eth0", answer=True), NAT).appearance is None


# The same as libvirt's rules, whatever the networks


class Rules:
    """libvirt's tables as a plan makes them, walked through for one flow: no more than these rules need."""

    def __init__(self, started: Sequence[Network]) -> None:
        operations = make_plan(started, checked=True).operations
        rules = [operation.object for operation in operations if isinstance(operation.object, nft.Rule)]
        self._rules = list(reversed(rules))  # each goes to the head of its chain

    def passes(self, flow: Flow) -> bool:
        """Through the chains in the order in which `forward` asks them."""
        if flow.entered_by is None or flow.leaves_by is None:
            return True
        for chain in ("guest_cross", "guest_input", "guest_output"):
            verdict = self._first(chain, flow)
            if verdict is not None:
                return verdict is nft.Verdict.ACCEPT
        return True

    def source(self, flow: Flow) -> nft.Statement | None:
        """What `guest_nat` does with the source; None when it stays as it is."""
        found = None if flow.leaves_by is None else self._first("guest_nat", flow)
        return None if found is nft.Verdict.RETURN else found

    def _first(self, chain: str, flow: Flow) -> nft.Statement | None:
        family = "ip" if flow.destination.version == 4 else "ip6"
        for rule in self._rules:
            matches, last = rule.statements[:-1], rule.statements[-1]
            if (rule.table.family, rule.chain) == (family, chain) and all(_matches(match, flow) for match in matches):
                return last
        return None


def _matches(match: nft.Statement, flow: Flow) -> bool:
    match match:
        case nft.InterfaceMatch(nft.Meta.IIF | nft.Meta.IIFNAME, interface):
            return interface == flow.entered_by
        case nft.InterfaceMatch(_, interface):
            return interface == flow.leaves_by
        case nft.AddressMatch(field, subnet, negated):
            address = flow.source if field is nft.Field.SADDR else flow.destination
            return (address in subnet) is not negated
        case nft.ProtocolMatch(protocol):
            return protocol == flow.transport
        case nft.StateMatch():
            return flow.belongs_to_connection
        case _:
            return isinstance(match, nft.Counter)


@st.composite
def flows(draw: st.DrawFn, started: Sequence[Network]) -> Flow:
    """Flows at the corners: addresses at both ends of every subnet and just outside, interfaces of all networks."""
    subnets = [ip.subnet for each in started for ip in each.ips]
    version = draw(st.sampled_from([4, 6]))
    highest = 2 ** (32 if version == 4 else 128) - 1
    make = IPv4Address if version == 4 else IPv6Address
    corners = [
        number
        for subnet in subnets
        if subnet.version == version
        for first, last in [(int(subnet.network_address), int(subnet.broadcast_address))]
        for number in (first - 1, first, last, last + 1)
        if 0 <= number <= highest
    ]
    groups = ["224.0.0.1", "255.255.255.255"] if version == 4 else ["ff02::1"]
    addresses: st.SearchStrategy[Address] = st.sampled_from([*map(make, corners), *map(make, groups), make(1 << 31)])
    devices = [device for each in started if (device := each.forward_device) is not None]
    interfaces = st.sampled_from([*(name for name in bridge_names(started) if name is not None), *devices, "else"])
    entered_by, leaves_by = draw(
        st.tuples(interfaces, interfaces) | st.tuples(st.none(), interfaces) | st.tuples(interfaces, st.none())
    )
    transport = draw(st.sampled_from(TRANSPORTS))
    source_port = None if transport == "icmp" else 700
    return Flow(
        draw(addresses),
        draw(addresses),
        transport,
        entered_by,
        leaves_by,
        source_port,
        source_port,
        draw(st.booleans()),
    )


@given(st.data(), hosts(networks(rows=FILTERED)))
def test_expectations_are_what_libvirts_rules_do(data: st.DataObject, started: list[Network]) -> None:
    if any(problem.severity is Severity.ERROR for _, problem in conflicts(started)):
        return  # two of them on one bridge, which libvirt chose for one
    rules = Rules(started)
    names = bridge_names(started)
    expectations = Expectations(
        [
            intent
            for each, bridge in zip(started, names, strict=True)
            if bridge is not None
            for intent in promises(each, bridge)
        ]
    )
    for drawn in data.draw(st.lists(flows(started), min_size=1, max_size=20)):
        found = expectations.of(drawn)
        assert found.passes == rules.passes(drawn)
        if found.appearance is None:
            continue
        match rules.source(drawn):
            case nft.Masquerade(ports):
                assert (found.appearance.device, found.appearance.addresses) == (drawn.leaves_by, None)
            case nft.Snat(start, end, ports):
                assert (found.appearance.device, found.appearance.addresses) == (None, (start, end))
            case _:
                ports = None if drawn.source_port is None else nft.Ports(drawn.source_port, drawn.source_port)
                assert found.appearance.addresses == (drawn.source, drawn.source)
        assert found.appearance.ports == (None if ports is None else (ports.start, ports.end))
