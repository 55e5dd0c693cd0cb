"""Packets walked through all rules of a host, and held against what networks promise of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from fwplan.audit.deciding import Culprit, in_doubt
from fwplan.audit.finding import Code
from fwplan.audit.interests import MOST_ADDRESSES
from fwplan.audit.probes import Place, probes
from fwplan.audit.surroundings import corners, is_routed
from fwplan.simulate.course import Bridged
from fwplan.simulate.flow import flow
from fwplan.simulate.outcome import BEFORE, Accept, Refuse, Undecided
from fwplan.simulate.packet import NO_INTERFACE
from fwplan.simulate.reply import reply, way_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.deciding import Deciders
    from fwplan.audit.interests import Interests
    from fwplan.audit.probes import Probe
    from fwplan.audit.surroundings import Surroundings
    from fwplan.network.addressing import Address
    from fwplan.nft.ruleset import Rule
    from fwplan.plan.expectations import Expectation, Expectations
    from fwplan.plan.expectations import Flow as Sent
    from fwplan.plan.plan import NetworkPlan
    from fwplan.simulate.course import Course
    from fwplan.simulate.flow import Flow
    from fwplan.simulate.simulator import Simulator


@dataclass(frozen=True, slots=True)
class Broken:
    """A packet that fares otherwise than it is to.

    Attributes:
        code: how.
        probe: the packet.
        what: the packet, or the answer to it, and how it fares, in words.
        culprit: what does it; None where it is that nothing does.
        is_reply: whether it is the answer to the packet.
    """

    code: Code
    probe: Probe
    what: str
    culprit: Culprit | None
    is_reply: bool = False


@dataclass(frozen=True)
class Court:
    """A host, and what is expected of it.

    Attributes:
        simulator: the host's rules.
        around: the surroundings of its networks.
        deciders: the host's rules, as those who may have decided.
        expectations: what its networks promise.
        interests: addresses and ports that others' rules name.
    """

    simulator: Simulator
    around: Surroundings
    deciders: Deciders
    expectations: Expectations
    interests: Interests

    def walk(self, probe: Probe) -> tuple[Flow, Flow | None]:
        """The way of a packet, and of the answer to it; None where there is none, or it takes no way of its own."""
        found = flow(self.simulator, probe.packet, probe.course)
        return found, self._reply(probe, found)

    def judge(self, probe: Probe) -> Broken | None:
        """What is wrong with a packet, or else with the answer to it."""
        expected = self.expectations.of(probe.flow)
        found, of_reply = self.walk(probe)
        broken = self._compare(probe, probe.what, expected, found)
        if broken is not None or of_reply is None or not expected.passes:
            return broken
        # what is promised of a packet is of no use without the answer
        answered = self.expectations.of(_back(probe.flow))
        answered = replace(answered, because=answered.because or expected.because)
        broken = self._compare(probe, f"the reply to {probe.what}", answered, of_reply)
        return None if broken is None else replace(broken, is_reply=True)

    def special(self, share: NetworkPlan) -> Iterator[Probe]:
        """Packets of a network at ports and addresses that others' rules name."""
        if share.bridge is None:
            return
        for probe in probes(share, self.around):
            yield from self._at_other_ports(probe)
        place = Place(self.around, self.around.bridge(share.bridge), self.around.port(share.bridge))
        for ip in share.network.ips:
            if not is_routed(ip.subnet):
                continue
            usual = {ip.address, *corners(ip.subnet, ip.address)}
            found = (address for address in self.interests.addresses(ip.subnet) if address not in usual)
            for guest in islice(found, MOST_ADDRESSES):
                for probe in place.of_guest(share.network, guest):
                    yield probe
                    yield from self._at_other_ports(probe)

    def _at_other_ports(self, probe: Probe) -> Iterator[Probe]:
        """The packet is walked without any port: the rules that its fate depends on then name the ports to look at."""
        if not probe.stands_for_ports or not self.interests.look_at_ports:
            return
        found, of_reply = self.walk(probe.with_ports(None, None))
        rules = [*_in_doubt(found), *_in_doubt(of_reply)]
        for port in self.interests.ports(rules) if rules else ():
            yield probe.with_ports(probe.packet.source_port, port)

    def _reply(self, probe: Probe, found: Flow) -> Flow | None:
        if not isinstance(found.verdict, Accept) or probe.packet.type in {"broadcast", "multicast"}:
            return None
        answer = reply(found)
        if answer is None or answer.source is None:
            return None
        back = self._way_back(probe)
        if isinstance(back, Bridged):
            answer = replace(answer, type="other")
        # an answer to an address of the host's goes back only once it is translated
        is_direct = answer.destination == probe.packet.source
        return flow(self.simulator, answer, back if is_direct else None, back)

    def _way_back(self, probe: Probe) -> Course:
        came = probe.packet.in_interface or NO_INTERFACE
        return way_back(came, probe.course, self.around.bridge(came.bridge) if came.bridge else None)

    def _compare(self, probe: Probe, what: str, expected: Expectation, found: Flow) -> Broken | None:
        match found.verdict:
            case Undecided(because) if expected.passes and all(doubt.why == BEFORE for doubt in because):
                # it passes within the limits of rules, which are left aside
                return None
            case Undecided(because) if expected.because is not None:
                return Broken(Code.UNDECIDED, probe, what, in_doubt(because[0]))
            case Refuse() if expected.passes and expected.because is not None:
                code = Code.SERVICE_REFUSED if probe.service else Code.REFUSED
                culprit = self.deciders.refuser(found.outcomes[-1]) if found.outcomes else None
                return Broken(code, probe, what, culprit)
            case Accept() if not expected.passes:
                return Broken(Code.PASSES, probe, what, self.deciders.accepter(found.outcomes))
            case Accept():
                return self._other_source(probe, what, expected, found)
            case _:
                return None

    def _other_source(self, probe: Probe, what: str, expected: Expectation, found: Flow) -> Broken | None:
        appearance, source = expected.appearance, found.packet.source
        if appearance is None or source is None:
            return None
        of_device: tuple[Address, ...] = ()
        if appearance.addresses is None and source != found.sent.source:
            world, version = self.simulator.world, source.version
            if appearance.device not in (world.addresses or {}):
                return None
            # one without an address borrows another's
            lent = world.sources(version, appearance.device) or world.sources(version)
            of_device = tuple(own.ip for own in lent)
        port = found.packet.source_port
        ports = appearance.ports if port is not None else None
        if replace(appearance, ports=ports).allows(source, port, of_device):
            return None
        culprit = self.deciders.translator(found.outcomes)
        return Broken(Code.OTHER_SOURCE, probe, f"{what} leaves under {source}{_of_port(port)}", culprit)


def _back(sent: Sent) -> Sent:
    """The answer to a flow, as promises see it."""
    return replace(
        sent,
        source=sent.destination,
        destination=sent.source,
        entered_by=sent.leaves_by,
        leaves_by=sent.entered_by,
        source_port=sent.destination_port,
        destination_port=sent.source_port,
        belongs_to_connection=True,
    )


def _in_doubt(found: Flow | None) -> list[Rule]:
    """The rules that would decide."""
    if found is None or not isinstance(found.verdict, Undecided):
        return []
    return [doubt.rule for doubt in found.verdict.because if doubt.rule is not None]


def _of_port(port: int | None) -> str:
    return "" if port is None else f", port {port}"
