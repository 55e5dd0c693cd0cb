"""What a diagram says of a packet is what the simulator says: for rulesets of everybody's, and packets of all kinds.

The simulator is held against the kernel elsewhere (`test_kernel_simulation.py`). Rulesets are listed by nft, so that
they are what hosts have.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from namespaces import Namespace, needs
from strategies_iptables import SETS, Restored
from strategies_iptables import rulesets as restored
from strategies_rulesets import rulesets

from fwplan.iptables.read_ruleset import read_ruleset as read_saved
from fwplan.iptables.sets import read_sets
from fwplan.nft.read_ruleset import read_ruleset
from fwplan.prove.confirmation import endings
from fwplan.prove.diagram import Diagrams, Leaf
from fwplan.prove.dimensions import FAMILIES, STATES, Dimension
from fwplan.prove.doubts import Doubts
from fwplan.prove.interfaces import HOST, Interfaces
from fwplan.prove.meaning import Meaning
from fwplan.prove.points import Points
from fwplan.prove.readings import Readings
from fwplan.simulate.packet import ICMP, ICMPV6, NO_INTERFACE, TCP, UDP, Connection, Interface, Packet
from fwplan.simulate.simulator import Simulator
from fwplan.simulate.state import TCP_FLAGS
from fwplan.simulate.xtables.host import host_ruleset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fwplan.nft.ruleset import Ruleset
    from fwplan.prove.diagram import Diagram
    from fwplan.prove.dimensions import Family

pytestmark = needs("nft")

_ADDRESSES: dict[Family, tuple[str, ...]] = {
    "ip": (
        *("10.0.0.1", "10.0.0.8", "10.0.0.11", "10.0.0.12", "10.0.0.255", "10.0.1.1", "10.0.1.11", "10.1.0.0"),
        *("198.51.100.1", "198.51.100.2", "203.0.113.7", "203.0.113.10", "192.0.2.9", "224.0.0.1", "255.255.255.255"),
    ),
    "ip6": (
        *("fd00::1", "fd00::2", "fd00::11", "fd00::12", "fd00::ff", "fd00:0:0:1::1", "fd00:0:0:1::11", "fd01::"),
        *("2001:db8::", "2001:db8:1::1", "2001:db8:7::", "2001:db8:7::7", "2001:db8:9::9", "ff02::1"),
    ),
}
_PROTOCOLS: dict[Family, tuple[int, ...]] = {"ip": (TCP, TCP, UDP, ICMP, 99, 132), "ip6": (TCP, TCP, UDP, ICMPV6, 99)}
_PORTS = (1, 21, 22, 23, 53, 79, 80, 85, 90, 91, 443, 1023, 1024, 2000, 8080, 50000, 65535)
_FLAGS = ("syn", "ack", "fin", "rst")


@st.composite
def packets(draw: st.DrawFn, family: Family) -> Packet:
    protocol = draw(st.sampled_from(_PROTOCOLS[family]))
    has_ports, is_icmp = protocol in {TCP, UDP, 132}, protocol in {ICMP, ICMPV6}
    port = st.sampled_from(_PORTS)
    came = draw(st.sampled_from(["br0", "br0", "br1", "ext0", "other0", ""]))
    state = draw(st.sampled_from([*STATES, "new", "new"]))
    return Packet(
        family,
        Interface(came) if came else NO_INTERFACE,
        Interface(draw(st.sampled_from(["br0", "br1", "ext0", "ext0", "other0"]))),
        ip_address(draw(st.sampled_from(_ADDRESSES[family]))),
        ip_address(draw(st.sampled_from(_ADDRESSES[family]))),
        protocol,
        draw(port) if has_ports else None,
        draw(port) if has_ports else None,
        tcp_flags=draw(st.sets(st.sampled_from(_FLAGS)).map(frozenset)) if protocol == TCP else None,
        icmp_type=draw(st.sampled_from([0, 3, 8, 128, 129, 135])) if is_icmp else None,
        icmp_code=draw(st.sampled_from([0, 1, 3])) if is_icmp else None,
        icmp_id=1 if is_icmp else None,
        mark=draw(st.sampled_from([0, 0, 1, 2, 0x10, 0x4000])),
        type=draw(st.sampled_from(["host", "host", "broadcast", "multicast"])),
        connection=Connection(
            state,
            draw(st.sampled_from(["original", "reply"])) if state != "new" else "original",
            frozenset(draw(st.sampled_from([(), (), ("dnat",)]))),
            draw(st.sampled_from([0, 1, 0x10])),
            helper="",
        ),
        length=100,
        ttl=64,
    )


_NUMBERS = {"host": 0, "broadcast": 1, "multicast": 2, "other": 3}


def point(packet: Packet, interfaces: Interfaces) -> dict[Dimension, int]:
    """Where a packet is in the space of a proof; what it has not is 0."""
    connection = packet.connection
    assert connection is not None
    assert connection.state is not None
    came = packet.in_interface
    return {
        Dimension.TRANSLATED: 0,
        Dimension.IN: HOST if came is None or came == NO_INTERFACE else _class(interfaces, came.name),
        Dimension.OUT: _class(interfaces, "" if packet.out_interface is None else packet.out_interface.name),
        Dimension.STATE: STATES.index(connection.state),
        Dimension.SOURCE: int(packet.source or 0),
        Dimension.DESTINATION: int(packet.destination or 0),
        Dimension.PROTOCOL: packet.protocol or 0,
        Dimension.SOURCE_PORT: packet.source_port or 0,
        Dimension.DESTINATION_PORT: packet.destination_port or 0,
        Dimension.TCP_FLAGS: sum(TCP_FLAGS[flag] for flag in packet.tcp_flags or ()),
        Dimension.ICMP_TYPE: packet.icmp_type or 0,
        Dimension.ICMP_CODE: packet.icmp_code or 0,
        Dimension.MARK: packet.mark or 0,
        Dimension.PACKET_TYPE: _NUMBERS[packet.type or "host"],
        Dimension.DIRECTION: int(connection.direction == "reply"),
        Dimension.REDIRECTED: int("dnat" in (connection.status or ())),
    }


def _class(interfaces: Interfaces, name: str) -> int:
    return interfaces.number(name)


def leaf_at(diagram: Diagram, values: dict[Dimension, int]) -> Leaf:
    """What a diagram says of one packet."""
    while not isinstance(diagram, Leaf):
        diagram = diagram.at(values[Dimension(diagram.dimension)])
    return diagram


class Read:
    """A ruleset, as a diagram and as the simulator has it."""

    def __init__(self, ruleset: Ruleset, family: Family) -> None:
        readings = Readings(ruleset, family)
        self.interfaces = Interfaces(readings.interface_cuts())
        points = Points(family, self.interfaces)
        self.doubts = Doubts()
        self.diagram = Meaning(ruleset, readings, Diagrams(), points, self.doubts).of_all_packets()
        self.simulator = Simulator(ruleset)


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with Namespace() as made:
        made.bridges(["br0", "br1", "ext0", "p1", "p2", "p3"])
        yield made


class Tally:
    """How many packets there were, and of how many it is not known what becomes of them."""

    def __init__(self) -> None:
        self._cases: Counter[str] = Counter()

    def check(self, ruleset: Ruleset, family: Family, drawn: list[Packet], script: str) -> None:
        """Hold what a diagram says of packets against what the simulator says."""
        read = Read(ruleset, family)
        for packet in drawn:
            leaf = leaf_at(read.diagram, point(packet, read.interfaces))
            found = endings(read.simulator, packet)
            self._cases["packets"] += 1
            self._cases["undecided"] += leaf.ending is None
            assert found <= leaf.endings, f"{script}\n{packet}\n{leaf.endings}\n{found}"

    def figure(self, what: str) -> str:
        return f"diagrams against the simulator, {what}: " + ", ".join(
            f"{count:,} {name}" for name, count in self._cases.items()
        )


few = settings(max_examples=max(settings().max_examples // 5, 1), suppress_health_check=list(HealthCheck))
some_of_each = st.tuples(*(st.lists(packets(family), min_size=12, max_size=12) for family in FAMILIES))


def test_a_diagram_says_of_each_packet_what_the_simulator_says(
    namespace: Namespace, record_property: Callable[[str, object], None]
) -> None:
    tally = Tally()

    @few
    @given(rulesets, some_of_each)
    def says(script: str, drawn: tuple[list[Packet], ...]) -> None:
        namespace.run("nft", "-f", "-", given=f"flush ruleset\n{script}\n")
        ruleset = read_ruleset(namespace.run("nft", "-j", "-a", "list", "ruleset"))
        for family, of_family in zip(FAMILIES, drawn, strict=True):
            tally.check(ruleset, family, of_family, script)

    says()
    record_property("figure", tally.figure("nftables"))


def test_so_it_does_for_rulesets_of_iptables(record_property: Callable[[str, object], None]) -> None:
    tally = Tally()

    @few
    @given(restored(), some_of_each)
    def says(script: Restored, drawn: tuple[list[Packet], ...]) -> None:
        saved = [read_saved(script.iptables, "iptables"), read_saved(script.ip6tables, "ip6tables")]
        ruleset = host_ruleset(None, saved, read_sets(SETS))
        for family, of_family in zip(FAMILIES, drawn, strict=True):
            tally.check(ruleset, family, of_family, script.iptables if family == "ip" else script.ip6tables)

    says()
    record_property("figure", tally.figure("iptables"))
