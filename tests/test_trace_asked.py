"""From a question to a packet: who the ends are, by which interfaces, and what is taken for granted."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import pytest
from listed import hook, listing, table

from fwplan.errors import UnanswerableError
from fwplan.network.read import read_network
from fwplan.nft.read_ruleset import read_ruleset
from fwplan.nft.ruleset import Ruleset
from fwplan.plan.plan import NetworkPlan, make_plan
from fwplan.simulate.course import Bridged, Out, ToHost
from fwplan.simulate.packet import Interface
from fwplan.simulate.world import UNKNOWN_WORLD, Route, World
from fwplan.trace.asked import Asked, ask
from fwplan.trace.question import Question, read_endpoint

DEFAULT = b"""<network><name>default</name><forward mode='nat'/><bridge name='virbr0'/>
  <ip address='192.168.122.1' prefix='24'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip>
  <ip family='ipv6' address='fd00:122::1' prefix='64'/></network>"""
LAB = b"""<network><name>lab</name><forward mode='route' dev='eth1'/><bridge name='virbr1'/>
  <ip address='10.9.0.1' prefix='30'/></network>"""
BRIDGED = b"<network><name>office</name><forward mode='bridge'/><bridge name='br0'/></network>"
MACVTAP = b"<network><name>direct</name><forward mode='bridge' dev='eth0'/></network>"

WORLD = World(
    (
        Interface("lo", 1, "", "loopback", 0),
        Interface("eth0", 2, "", "ether", 0),
        Interface("eth1", 3, "", "ether", 0),
        Interface("virbr0", 4, "bridge", "ether", 0),
        Interface("virbr1", 5, "bridge", "ether", 0),
        Interface("vnet5", 6, "tun", "ether", 0, "virbr0"),
        Interface("vnet6", 7, "tun", "ether", 0, "virbr0"),
        Interface("br0", 8, "bridge", "ether", 0),
        Interface("eth2", 9, "", "ether", 0, "br0"),
        Interface("vnet7", 10, "tun", "ether", 0, "br0"),
    ),
    {
        "lo": (ip_interface("127.0.0.1/8"),),
        "eth0": (ip_interface("203.0.113.5/24"),),
        "eth1": (ip_interface("198.51.100.2/24"),),
        "virbr0": (ip_interface("192.168.122.1/24"),),
        "virbr1": (ip_interface("10.9.0.1/30"),),
    },
    (Route(ip_network("0.0.0.0/0"), "eth0", source=ip_address("203.0.113.5")),),
    bridge_netfilter=False,
)
BRIDGE_RULES = read_ruleset(listing(None, table("bridge", "own", {"in": (hook("prerouting"), [])})))


def shares(*definitions: bytes) -> tuple[NetworkPlan, ...]:
    return make_plan([read_network(definition) for definition in definitions or (DEFAULT, LAB)]).networks


def asked(
    source: str,
    destination: str,
    world: World = UNKNOWN_WORLD,
    ruleset: Ruleset | None = None,
    networks: tuple[NetworkPlan, ...] | None = None,
    **options: str,
) -> Asked:
    question = Question(
        read_endpoint(source),
        read_endpoint(destination),
        in_interface=options.get("in_interface"),
        out_interface=options.get("out_interface"),
    )
    return ask(question, shares() if networks is None else networks, ruleset or Ruleset(), world)


def course_words(found: Asked) -> str:
    match found.course:
        case ToHost():
            return "host"
        case Out(interface, port):
            return interface.name if port is None or isinstance(port, str) else f"{interface.name} by {port.name}"
        case Bridged(port):
            return f"{port.bridge} by {port.name}"
        case None:
            return "by route"


@pytest.mark.parametrize(
    ("source", "destination", "by", "course", "ends"),
    [
        ("guest", "outside", "virbr0", "outside0", "192.168.122.2:50000 198.51.100.7:443"),
        ("guest", "guest", "vnet0", "virbr0 by vnet1", "192.168.122.2:50000 192.168.122.3:443"),
        ("guest", "host:53/udp", "virbr0", "host", "192.168.122.2:50000 192.168.122.1:53"),
        ("outside", "guest:22", "outside0", "virbr0", "198.51.100.7:50000 192.168.122.2:22"),
        ("host", "guest", "", "virbr0", "192.168.122.1:50000 192.168.122.2:443"),
        ("host", "outside", "", "outside0", "None:50000 198.51.100.7:443"),
        ("outside", "host", "outside0", "host", "198.51.100.7:50000 None:443"),
        ("host", "host", "", "host", "127.0.0.1:50000 127.0.0.1:443"),
        ("192.168.122.9", "10.9.0.2", "virbr0", "virbr1", "192.168.122.9:50000 10.9.0.2:443"),
        ("10.9.0.2", "outside", "virbr1", "eth1", "10.9.0.2:50000 198.51.100.7:443"),
        ("outside", "10.9.0.2", "eth1", "virbr1", "198.51.100.7:50000 10.9.0.2:443"),
        ("192.168.122.9", "192.168.122.1", "virbr0", "host", "192.168.122.9:50000 192.168.122.1:443"),
        ("192.168.122.9", "192.168.122.255/udp", "virbr0", "host", "192.168.122.9:50000 192.168.122.255:53"),
        ("guest", "255.255.255.255:67/udp", "virbr0", "host", "192.168.122.2:68 255.255.255.255:67"),
        ("0.0.0.0", "255.255.255.255:67/udp", "virbr0", "host", "0.0.0.0:68 255.255.255.255:67"),  # noqa: S104 - of a packet
        ("fe80::99", "[ff02::1:2]:547/udp", "virbr0", "host", "fe80::99:546 ff02::1:2:547"),
        ("guest", "224.0.0.251:5353/udp", "virbr0", "host", "192.168.122.2:50000 224.0.0.251:5353"),
        ("guest:1234", "[2001:db8::7]:53/udp", "virbr0", "outside0", "fd00:122::2:1234 2001:db8::7:53"),
        ("guest/icmpv6", "outside", "virbr0", "outside0", "fd00:122::2:None 2001:db8:ffff::7:None"),
    ],
)
def test_of_a_host_of_which_nothing_is_known_the_definitions_tell(
    source: str, destination: str, by: str, course: str, ends: str
) -> None:
    found = asked(source, destination)
    packet = found.packet
    assert packet.in_interface is not None
    assert (packet.in_interface.name, course_words(found)) == (by, course)
    written = f"{packet.source}:{packet.source_port} {packet.destination}:{packet.destination_port}"
    assert written == ends


@pytest.mark.parametrize(
    ("source", "destination", "by", "course", "ends"),
    [
        ("guest", "outside", "virbr0", "by route", "192.168.122.2 198.51.100.7"),
        ("guest", "guest", "vnet5", "virbr0 by vnet6", "192.168.122.2 192.168.122.3"),
        ("host", "192.0.2.1", "", "by route", "203.0.113.5 192.0.2.1"),
        ("192.0.2.1", "203.0.113.5", "eth0", "host", "192.0.2.1 203.0.113.5"),
        ("198.51.100.9", "guest", "eth1", "virbr0", "198.51.100.9 192.168.122.2"),
        ("192.0.2.1", "host", "eth0", "host", "192.0.2.1 203.0.113.5"),
    ],
)
def test_of_a_host_that_is_known_addresses_and_routes_tell(
    source: str, destination: str, by: str, course: str, ends: str
) -> None:
    found = asked(source, destination, WORLD)
    assert found.packet.in_interface is not None
    assert (found.packet.in_interface.name, course_words(found)) == (by, course)
    assert f"{found.packet.source} {found.packet.destination}" == ends
    assert found.taken == ()


def test_ports_are_told_where_rules_of_bridges_see_them() -> None:
    found = asked("guest", "10.9.0.2", WORLD, BRIDGE_RULES)
    assert found.packet.in_interface == WORLD.interface("vnet5")
    assert course_words(found) == "virbr1 by vnet1"
    assert found.taken == ("a port of virbr1 is called vnet1",)


def test_guests_of_a_bridge_that_was_there_before_leave_by_a_port_of_it() -> None:
    found = asked(
        "192.0.2.10", "192.0.2.20", WORLD, networks=shares(BRIDGED), in_interface="vnet7", out_interface="eth2"
    )
    assert course_words(found) == "br0 by eth2"


def test_the_interfaces_that_are_given_count() -> None:
    found = asked("10.1.1.1", "192.168.122.9", WORLD, in_interface="virbr1", out_interface="vnet6")
    assert found.packet.in_interface == WORLD.interface("virbr1")
    assert course_words(found) == "virbr0 by vnet6"


def test_what_is_not_known_is_told() -> None:
    assert asked("guest", "outside").taken == (
        "it leaves by outside0, which is not known (--out-interface says which)",
    )
    assert asked("host", "outside", out_interface="eth0").taken == ("the host's address there is not known",)


@pytest.mark.parametrize(
    ("source", "destination", "networks", "message"),
    [
        ("guest", "2001:db8::1", shares(LAB), "network 'lab' has no IPv6 address of its own"),
        ("192.0.2.1", "2001:db8::1", shares(), "one address is of IPv4 and the other of IPv6"),
        ("guest:1/tcp", "outside:53/udp", shares(), "a packet is of one protocol: tcp or udp?"),
        ("guest", "outside:7/icmp", shares(), "only TCP, UDP, SCTP, DCCP and UDP-Lite have ports"),
        (
            "guest",
            "outside",
            shares(MACVTAP),
            "there is no bridge by which a guest's packets come to the host: guests are",
        ),
        ("guest", "outside", shares(BRIDGED), "network 'office' has no IPv4 address of its own"),
        ("224.0.0.1", "host", shares(), "nobody sends from 224.0.0.1"),
        ("10.9.0.2", "guest", shares(LAB), "network 'lab' has no IPv4 address of its own"),
    ],
)
def test_a_question_that_has_no_answer_is_refused(
    source: str, destination: str, networks: tuple[NetworkPlan, ...], message: str
) -> None:
    with pytest.raises(UnanswerableError) as caught:
        asked(source, destination, networks=networks)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("source", "destination", "sender", "receiver"),
    [
        ("guest", "outside", "a guest of network default, by virbr0", "outside, by outside0"),
        ("outside", "host", "outside, by outside0", "the host itself"),
        (
            "guest",
            "224.0.0.1/udp",
            "a guest of network default, by virbr0",
            "everybody there, of whom the host is looked at",
        ),
    ],
)
def test_both_ends_are_told_in_words(source: str, destination: str, sender: str, receiver: str) -> None:
    found = asked(source, destination)
    assert (found.sender, found.receiver) == (sender, receiver)
