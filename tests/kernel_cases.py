"""A packet foretold by the simulator, sent in the small world, and compared with what the kernel says that it met.

A case agrees if the simulator names the same rules in the same order, with the same verdicts, and if what arrives is
what it foretold: addresses, ports, TTL. What the simulator leaves undecided is counted.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from frames import ICMP, ICMPV6, TCP, UDP, Datagram
from small_world import HOST_MAC, PEER
from strategies_packets import Sending

from fwplan.nft.read_ruleset import read_ruleset
from fwplan.simulate.course import Bridged, Course, Out, ToHost
from fwplan.simulate.flow import Flow, flow
from fwplan.simulate.outcome import Accept, ChainEnded, Refuse, RuleInDoubt, RuleMet, Undecided
from fwplan.simulate.packet import NO_INTERFACE, Connection, Interface, Packet
from fwplan.simulate.reply import reply
from fwplan.simulate.simulator import Simulator
from fwplan.simulate.ways import UNSURE

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from small_world import SmallWorld
    from tracing_socket import TraceEvent

TRACER = """
table inet tracer {
  chain prerouting { type filter hook prerouting priority -450
    meta nftrace set 1
  }
  chain output { type filter hook output priority -450
    meta nftrace set 1
  }
}
table bridge tracer {
  chain prerouting { type filter hook prerouting priority -450
    meta nftrace set 1
  }
}
"""

Step = tuple[str, str, str, int | None, str]
"""Family, table, chain, handle of the rule or none for the policy, and what became of the packet."""

_marks = itertools.count(1)
_TOLD = {
    "icmp port-unreachable": (ICMP, 3, 3),
    "icmp host-unreachable": (ICMP, 3, 1),
    "icmp net-prohibited": (ICMP, 3, 9),
    "icmp host-prohibited": (ICMP, 3, 10),
    "icmp admin-prohibited": (ICMP, 3, 13),
    "icmpv6 port-unreachable": (ICMPV6, 1, 4),
    "icmpv6 admin-prohibited": (ICMPV6, 1, 1),
    "icmpv6 addr-unreachable": (ICMPV6, 1, 3),
}


class Host:
    """The host of the small world with a ruleset, and its simulation."""

    def __init__(self, world: SmallWorld, script: str) -> None:
        self.world = world
        self.script = script
        world.host.run("nft", "-f", "-", given=f"flush ruleset\n{TRACER}\n{script}\n")
        self.listing = world.host.run("nft", "-j", "-a", "list", "ruleset")
        self.simulator = Simulator(
            read_ruleset(self.listing), replace(world.world, bridge_netfilter=world.bridge_netfilter)
        )

    def expect(self, sending: Sending, connection: Connection) -> Flow:
        """What the simulator foretells."""
        return flow(self.simulator, self.packet(sending, connection), self.course(sending))

    def course(self, sending: Sending) -> Course | None:
        """What is known beforehand of where it goes: a frame to another station stays on the bridge."""
        if sending.to_mac is None or sending.type != "other":
            return None
        return Bridged(self.interface(_port_of(sending.to_mac)))

    def packet(self, sending: Sending, connection: Connection) -> Packet:
        datagram = sending.datagram
        of_icmp = datagram.protocol in {ICMP, ICMPV6}
        has_ports = datagram.protocol in {TCP, UDP}
        by_host = sending.sender == "host"
        sender = NO_INTERFACE if by_host else self.interface(PEER[sending.sender].port)
        to_mac = sending.to_mac
        if not by_host and to_mac is None:
            to_mac = HOST_MAC[PEER[sending.sender].interface]
        return Packet(
            "ip" if datagram.version == 4 else "ip6",
            sender,
            None,
            datagram.source,
            datagram.destination,
            datagram.protocol,
            datagram.ports[0] if has_ports else None,
            datagram.ports[1] if has_ports else None,
            datagram.flags if datagram.protocol == TCP else None,
            datagram.ports[0] if of_icmp else None,
            datagram.ports[1] if of_icmp else None,
            datagram.icmp_id if of_icmp else None,
            connection,
            0,
            sending.type,
            None if by_host else PEER[sending.sender].mac,
            to_mac,
            length=datagram.length,
            ttl=datagram.ttl,
            dscp=datagram.dscp,
            uid=0,
            gid=0,
        )

    def interface(self, name: str) -> Interface:
        found = self.world.world.interface(name)
        assert found is not None
        return found


def _port_of(mac: str) -> str:
    return next(peer.port for peer in PEER.values() if peer.mac == mac)


def tracked_as(datagram: Datagram) -> Connection:
    """What connection tracking makes of a packet that belongs to nothing it knows."""
    new = Connection("new", "original")
    if datagram.protocol == TCP:
        return new if datagram.flags in ({"syn"}, {"ack"}) else Connection("invalid")
    if datagram.protocol in {ICMP, ICMPV6}:
        return new if datagram.ports[0] in {8, 128} else Connection("invalid")
    return new


def foretold(expected: Flow) -> tuple[list[Step], bool]:
    """What the simulator says that the packet meets, up to the first rule of which it leaves open whether it holds."""
    steps: list[Step] = []
    for outcome in expected.outcomes:
        for met in outcome.trace:
            match met:
                case RuleInDoubt() | RuleMet(assumed=(_, *_)):
                    return steps, True
                case RuleMet(rule, _, verdict) if rule.place.table != "tracer":
                    place = rule.place
                    steps.append((outcome.family, place.table, place.chain, rule.handle, kernel_word(verdict)))
                case ChainEnded(chain, str() as policy) if chain.place.table != "tracer":
                    steps.append((outcome.family, chain.place.table, chain.place.chain, None, policy))
                case _:
                    pass
    return steps, False


def kernel_word(verdict: str) -> str:
    """What the kernel calls what became of a packet."""
    first = verdict.partition(" ")[0]
    return {"reject": "drop", "snat": "accept", "dnat": "accept", "masquerade": "accept", "redirect": "accept"}.get(
        first, first
    )


def happened(events: list[TraceEvent]) -> list[Step]:
    """What the kernel says that the packet met."""
    steps: list[Step] = []
    for event in events:
        if event.table == "tracer" or (event.type == "rule" and event.handle is None) or event.type == "return":
            continue
        steps.append((event.family, event.table, event.chain, event.handle, event.verdict))
    return steps


@dataclass
class Tally:
    """How many cases there were, and of what kind."""

    cases: Counter[str]

    def figure(self, what: str) -> str:
        total = self.cases["all"]
        undecided = self.cases["undecided"]
        kinds = ", ".join(
            f"{count:,} {kind}" for kind, count in sorted(self.cases.items()) if kind not in {"all", "undecided"}
        )
        return f"kernel agrees, {what}: {total:,} packets ({kinds}), {undecided} undecided ({undecided / total:.1%})"


class Case:
    """One packet, foretold and sent."""

    def __init__(self, host: Host, tally: Tally, sending: Sending, connection: Connection, kind: str) -> None:
        mark = next(_marks) % 0xFFFF + 1
        self.host = host
        self.tally = tally
        self.sending = replace(sending, datagram=replace(sending.datagram, mark=mark))
        self.expected = host.expect(self.sending, connection)
        host.world.arrived()
        self.events = host.world.send(self.sending.sender, self.sending.datagram, self.sending.to_mac)
        self.arrived = host.world.arrived()
        tally.cases["all"] += 1
        tally.cases[kind] += 1
        self.decided = not isinstance(self.expected.verdict, Undecided)
        if not self.decided:
            tally.cases["undecided"] += 1

    def check(self) -> None:
        if not self.decided:
            return
        self.check_way()
        if isinstance(self.expected.verdict, Accept):
            self._check_arrival()
        elif isinstance(self.expected.verdict, Refuse):
            assert self.arrival() is None, self.explain([], ["nothing arrives"])
            self._check_told(self.expected.verdict.told)

    def check_way(self) -> None:
        """The rules that were met."""
        steps, is_open = foretold(self.expected)
        met = happened(self.events)
        if is_open:
            self.tally.cases["with a rule left open"] += 1
            met = met[: len(steps)]
        assert met == steps, self.explain(met, steps)

    def _check_arrival(self) -> None:
        foreseen = self.expected.packet
        if not isinstance(self.expected.course, Out | Bridged) or foreseen.destination is None:
            return
        found = self.arrival()
        assert found is not None, self.explain([], ["it arrives"])
        datagram = found[1]
        seen: list[object] = [datagram.source, datagram.destination, datagram.ttl, datagram.dscp]
        told: list[object] = [foreseen.source, foreseen.destination, foreseen.ttl, foreseen.dscp]
        if datagram.protocol in {TCP, UDP}:
            seen += datagram.ports
            told += (foreseen.source_port, foreseen.destination_port)
        known = [one for one, other in zip(seen, told, strict=True) if other is not None]
        assert known == [other for other in told if other is not None], self.explain(seen, told)

    def _check_told(self, told: str) -> None:
        if told == UNSURE or not _is_own(self.sending):
            return
        sent = self.sending.datagram
        to_sender = [each for name, each in self.arrived if name == self.sending.sender]
        # machines say things of their own accord too, such as which multicast groups they are in
        answers = [each for each in to_sender if each.mark != sent.mark and each.destination == sent.source]
        found = [("tcp reset",) if "rst" in each.flags else (each.protocol, *each.ports) for each in answers]
        # rules may refuse the answer too
        if found:
            assert found == [("tcp reset",) if told == "tcp reset" else _TOLD[told]], self.explain(found, [told])

    def arrival(self) -> tuple[str, Datagram] | None:
        return next((each for each in self.arrived if each[1].mark == self.sending.datagram.mark), None)

    def explain(self, met: Sequence[object], steps: Sequence[object]) -> str:
        lines = [
            self.host.script,
            f"{self.sending}",
            f"{self.expected.sent}",
            "verdict: " + str(self.expected.verdict),
            "kernel:",
            *(f"  {step}" for step in met),
            "simulator:",
            *(f"  {step}" for step in steps),
            "arrived: " + str(self.arrived),
            self.host.world.host.run("nft", "-a", "list", "ruleset"),
        ]
        return "\n".join(lines)


def _is_own(sending: Sending) -> bool:
    """Whether the sender uses its own address, so that answers come to it."""
    peer = PEER.get(sending.sender)
    return peer is not None and str(sending.datagram.source) in peer.addresses[:2]


def try_packet(host: Host, tally: Tally, sending: Sending, case: type[Case] = Case) -> None:
    """One packet, and what follows it."""
    host.world.forget()
    first = case(host, tally, sending, tracked_as(sending.datagram), "first")
    first.check()
    if not first.decided or not isinstance(first.expected.verdict, Accept) or isinstance(first.expected.course, ToHost):
        return
    connection = first.expected.packet.connection
    if connection is None or connection.state != "new" or connection.reply is None:
        return
    arrival = first.arrival()
    if sending.then == "again":
        again = replace(connection, status=None if connection.status is None else connection.status | {"confirmed"})
        case(host, tally, sending, again, "again").check()
    elif sending.then == "reply" and arrival is not None:
        answer = reply(first.expected)
        assert answer is not None
        assert answer.connection is not None
        back = answering(*arrival, sending)
        if back is not None:
            case(host, tally, back, answer.connection, "replies").check()
    elif sending.then == "error" and arrival is not None and sending.type == "host":
        name, datagram = arrival
        related = replace(
            connection,
            state="related",
            direction="reply",
            status=None if connection.status is None else connection.status | {"confirmed"},
        )
        case(host, tally, Sending(name, error_about(datagram)), related, "errors").check()


def answering(name: str, datagram: Datagram, first: Sending) -> Sending | None:
    """The answer of who has received a packet."""
    if datagram.protocol in {ICMP, ICMPV6}:
        ports = ({8: 0, 128: 129}[datagram.ports[0]], 0)
    elif datagram.protocol in {TCP, UDP}:
        ports = (datagram.ports[1], datagram.ports[0])
    else:
        return None
    flags = (
        frozenset({"syn", "ack"} if datagram.flags == {"syn"} else {"ack"}) if datagram.protocol == TCP else frozenset()
    )
    back = Datagram(datagram.destination, datagram.source, datagram.protocol, ports, flags, icmp_id=datagram.icmp_id)
    if first.type != "other" or PEER[name].bridge != PEER[first.sender].bridge:
        return Sending(name, back)
    return Sending(name, back, PEER[first.sender].mac)


def error_about(datagram: Datagram) -> Datagram:
    """The message that there is nothing at the port."""
    protocol, ports = (ICMP, (3, 3)) if datagram.version == 4 else (ICMPV6, (1, 4))
    return Datagram(datagram.destination, datagram.source, protocol, ports, payload=datagram.packet())
