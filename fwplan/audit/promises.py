"""Promises held against all rules of a host, whoever made them.

Packets are walked through the rules; what fares otherwise than promised is told with the rule, or policy, that does it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fwplan.audit.deciding import Culprit, Deciders
from fwplan.audit.finding import Code, Finding
from fwplan.audit.owners import UNKNOWN
from fwplan.audit.probes import Surroundings, probes
from fwplan.audit.remedies import remedies
from fwplan.plan.expectations import Expectations
from fwplan.plan.promises import promises
from fwplan.simulate.course import Out
from fwplan.simulate.flow import flow
from fwplan.simulate.outcome import Accept, Refuse, Undecided
from fwplan.simulate.packet import NO_INTERFACE
from fwplan.simulate.reply import reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.probes import Probe
    from fwplan.plan.expectations import Expectation
    from fwplan.plan.plan import NetworkPlan, Plan
    from fwplan.simulate.flow import Flow
    from fwplan.simulate.packet import Interface
    from fwplan.simulate.simulator import Simulator


@dataclass(frozen=True, slots=True)
class Broken:
    """A packet that fares otherwise than it is to.

    Attributes:
        code: how.
        what: the packet, and how it fares.
        culprit: what does it; None where it is that nothing does.
    """

    code: Code
    what: str
    culprit: Culprit | None


def promise_findings(
    plan: Plan, simulator: Simulator, surroundings: Surroundings, deciders: Deciders
) -> Iterator[Finding]:
    """Which promises of a plan's networks are broken on a host.

    Args:
        plan: of the networks.
        simulator: the host's rules.
        surroundings: of the networks.
        deciders: the host's rules, as those who may have decided.
    """
    promised = [
        intent
        for share in plan.networks
        if share.bridge is not None
        for intent in promises(share.network, share.bridge)
    ]
    court = _Court(simulator, surroundings, deciders, Expectations(promised))
    for share in plan.networks:
        if share.network.meaning.filtered:
            yield from court.findings(share)


@dataclass(frozen=True)
class _Court:
    """A host, and what is expected of it."""

    simulator: Simulator
    surroundings: Surroundings
    deciders: Deciders
    expectations: Expectations

    def findings(self, share: NetworkPlan) -> Iterator[Finding]:
        """One for each way in which something breaks promises of a network."""
        grouped: dict[tuple[Code, Culprit | None], list[Broken]] = {}
        for probe in probes(share, self.surroundings):
            for broken in self._judged(probe):
                grouped.setdefault((broken.code, broken.culprit), []).append(broken)
        for (code, culprit), all_broken in grouped.items():
            yield _finding(share, code, culprit, tuple(dict.fromkeys(broken.what for broken in all_broken)))

    def _judged(self, probe: Probe) -> Iterator[Broken]:
        """What is wrong with the packet, or else with the answer to it."""
        expected = self.expectations.of(probe.flow)
        found = flow(self.simulator, probe.packet, probe.course)
        broken = self._compare(probe.what, expected, found, is_service=probe.is_service)
        if broken is not None:
            yield broken
            return
        if not isinstance(found.verdict, Accept) or not expected.passes or probe.packet.destination is None:
            return
        if probe.packet.destination.is_multicast or str(probe.packet.destination) == "255.255.255.255":
            return
        answer = reply(found)
        if answer is None or answer.source is None or answer.destination is None:
            return
        way_back = Out(*self._way_back(probe))
        back = replace(
            probe.flow,
            source=probe.flow.destination,
            destination=probe.flow.source,
            entered_by=probe.flow.leaves_by,
            leaves_by=probe.flow.entered_by,
            source_port=probe.flow.destination_port,
            destination_port=probe.flow.source_port,
            belongs_to_connection=True,
        )
        of_reply = flow(self.simulator, answer, way_back)
        broken = self._compare(
            f"the reply to {probe.what}", self.expectations.of(back), of_reply, is_service=probe.is_service
        )
        if broken is not None:
            yield broken

    def _way_back(self, probe: Probe) -> tuple[Interface, Interface | None]:
        came = probe.packet.in_interface
        if came is not None and came.bridge:
            return self.surroundings.bridge(came.bridge), came
        return came or NO_INTERFACE, None

    def _compare(self, what: str, expected: Expectation, found: Flow, *, is_service: bool) -> Broken | None:
        match found.verdict:
            case Undecided(because):
                doubt = because[0]
                place = "" if doubt.place is None else str(doubt.place)
                culprit = Culprit(place, f"{doubt.statement} ({doubt.why})", None)
                return Broken(Code.UNDECIDED, what, culprit)
            case Refuse() if expected.passes:
                code = Code.SERVICE_REFUSED if is_service else Code.REFUSED
                return Broken(code, what, self.deciders.of(found.outcomes[-1]))
            case Accept() if not expected.passes:
                return Broken(Code.PASSES, what, self.deciders.accepter(found.outcomes))
            case _:
                return self._other_source(what, expected, found)

    def _other_source(self, what: str, expected: Expectation, found: Flow) -> Broken | None:
        appearance, source = expected.appearance, found.packet.source
        if appearance is None or source is None or not expected.passes:
            return None
        if appearance.addresses is None:
            known = (self.simulator.world.addresses or {}).get(appearance.device or "")
            if known is None:
                if source != found.sent.source:
                    return None
                known = ()
            of_device = [address.ip for address in known]
        else:
            of_device = []
        port = found.packet.source_port
        ports = appearance.ports if port is not None else None
        if replace(appearance, ports=ports).allows(source, port, of_device):
            return None
        return Broken(Code.OTHER_SOURCE, f"{what} leaves under {source}", self.deciders.translator(found.outcomes))


def _finding(share: NetworkPlan, code: Code, culprit: Culprit | None, packets: tuple[str, ...]) -> Finding:
    network = share.network.name
    known = culprit is not None and culprit.owner is not None and culprit.owner.name != UNKNOWN
    who = f" by {culprit.owner}" if culprit is not None and known else ""
    does = "" if culprit is None else f": {culprit.says}"
    message = {
        Code.REFUSED: f"network {network!r}: what is to pass is refused{who}{does}",
        Code.SERVICE_REFUSED: f"network {network!r}: guests do not reach services of the host, refused{who}{does}",
        Code.PASSES: f"network {network!r}: what is to be refused passes"
        + (", since no rule refuses it" if culprit is None else f", let through{who}{does}"),
        Code.OTHER_SOURCE: f"network {network!r}: packets leave under another source than they are to"
        + (", since no rule translates it" if culprit is None else f", translated{who}{does}"),
        Code.UNDECIDED: f"network {network!r}: it cannot be told what becomes of packets{does}",
    }[code]
    return Finding(
        code,
        network,
        "" if culprit is None else culprit.place,
        message,
        packets,
        None if culprit is None else culprit.owner,
        remedies(code, share, culprit),
    )
