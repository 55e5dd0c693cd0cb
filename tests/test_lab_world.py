"""The world of a rehearsal, and its probes, as values: no kernel is asked."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from strategies import ROWS, hosts, networks

from fwplan import MEANINGS, Network, make_plan, read_network
from fwplan.errors import HostError
from fwplan.lab.addresses import first_and_last, outside, outsider, private
from fwplan.lab.make_world import make_world
from fwplan.lab.networks import neighbour_of, with_named_bridges
from fwplan.lab.probes import Kind, make_probes
from fwplan.lab.promised import promised
from fwplan.lab.world import HOST
from fwplan.network.problems import Severity
from fwplan.network.together import conflicts
from fwplan.network.validate import validate
from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from fwplan.lab.world import World

SERVED = [row for row in ROWS if MEANINGS[row].services]


def lab(body: str) -> Network:
    return read_network(f"<network><name>lab</name>{body}</network>".encode())


def world_of(*given_networks: Network) -> World:
    """As the command makes it."""
    neighbour = neighbour_of(given_networks)
    together = with_named_bridges([*given_networks, *([] if neighbour is None else [neighbour])])
    return make_world(make_plan(together, checked=True), None if neighbour is None else neighbour.name)


# Addresses


@pytest.mark.parametrize(
    ("subnet", "addresses"),
    [
        ("192.0.2.0/24", ("192.0.2.1", "192.0.2.254")),
        ("192.0.2.0/30", ("192.0.2.1", "192.0.2.2")),
        ("192.0.2.0/31", ("192.0.2.0", "192.0.2.1")),
        ("192.0.2.0/32", ("192.0.2.0",)),
        ("2001:db8::/64", ("2001:db8::1", "2001:db8::ffff:ffff:ffff:fffe")),
        ("2001:db8::/127", ("2001:db8::", "2001:db8::1")),
    ],
)
def test_guests_have_the_addresses_at_both_ends_of_a_subnet(subnet: str, addresses: tuple[str, ...]) -> None:
    network = ip_network(subnet)
    assert first_and_last(network, set(), network.network_address) == tuple(map(ip_address, addresses))


def test_addresses_that_are_taken_are_passed_over_and_taken_afterwards() -> None:
    subnet = ip_network("192.0.2.0/29")
    taken = {ip_address("192.0.2.1"), ip_address("192.0.2.6")}
    assert first_and_last(subnet, taken, subnet[1]) == (ip_address("192.0.2.2"), ip_address("192.0.2.5"))
    assert first_and_last(subnet, taken, subnet[1]) == (ip_address("192.0.2.3"), ip_address("192.0.2.4"))
    assert first_and_last(subnet, taken, subnet[1]) == ()


def test_where_the_ends_of_a_subnet_are_no_ordinary_addresses_others_stand_for_them() -> None:
    everything = ip_network("0.0.0.0/0")
    near = ip_address("10.1.2.3")
    assert first_and_last(everything, {near}, near) == (ip_address("10.1.2.4"), ip_address("10.1.2.2"))


@pytest.mark.parametrize("choose", [outside, private])
@pytest.mark.parametrize("family", Family)
def test_subnets_of_the_labs_own_keep_away_from_those_that_are_taken(choose: object, family: Family) -> None:
    taken = [
        ip_network("192.0.2.128/25"),
        ip_network("172.16.0.0/12"),
        ip_network("2001:db8::/33"),
        ip_network("fd00::/9"),
    ]
    chosen = choose(family, taken)  # type: ignore[operator]
    for _ in range(5):
        subnet = next(chosen)
        assert Family.of(subnet) is family
        assert not any(other.version == subnet.version and other.overlaps(subnet) for other in taken)
        taken.append(subnet)


def test_networks_that_take_all_addresses_leave_none_for_a_lab() -> None:
    with pytest.raises(HostError, match="leave no IPv4 addresses"):
        next(outside(Family.IPV4, [ip_network("0.0.0.0/0")]))


def test_a_false_source_is_in_no_subnet() -> None:
    own, beside = ip_network("192.0.2.0/25"), ip_network("192.0.2.128/25")
    assert outsider(own, [own]) == ip_address("192.0.2.129")
    assert outsider(own, [own, beside]) == ip_address("192.0.1.254")
    assert outsider(ip_network("224.0.0.0/4"), []) == ip_address("223.255.255.254")


# The world


def test_one_network_gets_a_neighbour_and_several_do_not() -> None:
    one = lab("<ip address='172.16.0.1' prefix='24'/>")
    assert [segment.is_the_labs_own for segment in world_of(one).segments] == [False, True, False]
    other = read_network(b"<network><name>other</name></network>")
    assert [segment.is_the_labs_own for segment in world_of(one, other).segments] == [False, False, False]


def test_ipv6_is_spoken_only_where_a_network_does() -> None:
    v4, v6 = "<ip address='10.0.0.1' prefix='24'/>", "<ip family='ipv6' address='fd00::1'/>"
    assert world_of(lab(v4)).families == (Family.IPV4,)
    assert world_of(lab(v6)).families == (Family.IPV4, Family.IPV6)


def test_a_device_leads_outside_and_another_one_does_too() -> None:
    limited = lab("<forward mode='nat' dev='eth0'/><ip address='10.0.0.1' prefix='24'/>")
    assert [segment.interface for segment in world_of(limited).segments if segment.share is None] == ["eth0", "eth1"]
    free = lab("<forward mode='nat'/><ip address='10.0.0.1' prefix='24'/>")
    assert [segment.interface for segment in world_of(free).segments if segment.share is None] == ["eth0"]


def test_machines_outside_have_no_address_that_guests_appear_under() -> None:
    ranges = "<nat><address start='192.0.2.0' end='192.0.2.9'/></nat>"
    world = world_of(lab(f"<forward mode='nat'>{ranges}</forward><ip address='10.0.0.1' prefix='24'/>"))
    assert world.segments[-1].addresses == (ip_interface("198.51.100.1/24"),)


def test_each_subnet_of_a_network_has_guests_of_its_own() -> None:
    world = world_of(lab("<ip address='10.0.0.1' prefix='24'/><ip address='10.0.1.1' prefix='24'/>"))
    assert [place.label for place in world.places] == ["lab", "lab (2)", "neighbour", "host", "outside"]
    assert [str(world.machines[number].gateways[Family.IPV4]) for number in world.places[1].machines] == [
        "10.0.1.1"
    ] * 2


def test_the_host_sends_by_the_longest_prefix_and_of_two_by_the_first() -> None:
    world = world_of(
        *(
            read_network(f"<network><name>{name}</name><ip address='{address}' prefix='{prefix}'/></network>".encode())
            for name, address, prefix in (("wide", "10.0.0.1", 8), ("narrow", "10.1.0.1", 24), ("late", "10.2.0.1", 8))
        )
    )
    ways = {address: world.route(ip_address(address)) for address in ("10.1.0.9", "10.2.0.9", "192.168.0.1")}
    assert {address: way and way.number for address, way in ways.items()} == {
        "10.1.0.9": 1,
        "10.2.0.9": 0,
        "192.168.0.1": None,
    }


@given(hosts(networks(rows=SERVED)))
def test_every_host_has_a_world(drawn: list[Network]) -> None:
    problems = [problem for network in drawn for problem in validate(network)]
    assume(all(each.severity is not Severity.ERROR for each in (*problems, *(each for _, each in conflicts(drawn)))))
    try:
        world = world_of(*drawn)
    except HostError:
        assume(False)  # noqa: FBT003 - the networks take all addresses that there are
        raise
    assert world_of(*drawn) == world
    # Everything has a name, an address and a place of its own.
    interfaces = [segment.interface for segment in world.segments]
    ports = [machine.port for machine in world.machines if machine.number != HOST]
    assert len({*interfaces, *ports}) == len(interfaces) + len(ports) - sum(s.share is None for s in world.segments)
    assert all(1 <= len(name.encode()) <= 15 for name in (*interfaces, *ports))
    addresses = [address.ip for machine in world.machines for address in machine.addresses.values()]
    assert len(set(addresses)) == len(addresses)
    macs = [segment.mac for segment in world.segments]
    macs += [machine.mac for machine in world.machines if machine.number != HOST]
    assert len(set(macs)) == len(macs)
    assert [machine.number for machine in world.machines] == list(range(len(world.machines)))
    for place in world.places:
        assert {world.machines[number].place for number in place.machines} == {place.number}
    # Who sends has the source, but for false ones, and something is promised of every probe.
    probes = make_probes(world)
    for probe, promise in zip(probes, promised(world, probes), strict=True):
        sender = world.machines[probe.sender]
        own = {address.ip for address in sender.addresses.values()}
        if sender.number == HOST:
            own = {address.ip for segment in world.segments for address in segment.addresses}
        assert (probe.source in own) is (probe.kind is not Kind.SPOOFED)
        assert probe.ports is None or all(0 < port < 65536 for port in probe.ports)
        assert (promise.appearance is None) is not bool(promise.hearers) or probe.receiver is None
        assert promise.hearers or not promise.answered
