"""A packet's way through a host and the reply to it, with what decided."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from fwplan.audit.owners import owner_of_policy, owner_of_rule
from fwplan.simulate.course import Bridged
from fwplan.simulate.flow import flow
from fwplan.simulate.outcome import Accept, ChainEnded, Refuse, RuleMet
from fwplan.simulate.packet import Endpoints
from fwplan.simulate.reply import reply, way_back
from fwplan.simulate.simulator import Simulator
from fwplan.trace.asked import ask
from fwplan.trace.hindrances import hindrances
from fwplan.trace.reasons import Reasons

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fwplan.audit.owners import Owner
    from fwplan.nft.ruleset import Ruleset
    from fwplan.plan.plan import NetworkPlan, Plan
    from fwplan.simulate.course import Course
    from fwplan.simulate.flow import Flow
    from fwplan.simulate.packet import Packet
    from fwplan.simulate.world import World
    from fwplan.trace.asked import Asked
    from fwplan.trace.question import Question


@dataclass(frozen=True)
class Trace:
    """The answer to a question.

    Attributes:
        asked: the packet that it came to.
        flow: its way.
        hindrances: what keeps it from that way besides rules.
        answer: the way of the reply; None where there is none, or none that is known.
        ruleset: of the host.
        reasons: the promises that rules keep.
    """

    asked: Asked
    flow: Flow
    hindrances: tuple[str, ...]
    answer: Flow | None
    ruleset: Ruleset
    reasons: Reasons = field(repr=False)

    @property
    def passes(self) -> bool:
        """Whether the packet gets through."""
        return isinstance(self.flow.verdict, Accept) and not self.hindrances

    @cached_property
    def decided(self) -> Decided | None:
        """What ended the packet's way; None where it was no rule or policy."""
        return decided(self.flow, self.ruleset)

    @cached_property
    def decided_of_reply(self) -> Decided | None:
        """What ended the reply's way; None where it was no rule or policy, or there is no reply."""
        return None if self.answer is None else decided(self.answer, self.ruleset)


@dataclass(frozen=True, slots=True)
class Decided:
    """The rule or policy by which a packet was refused.

    Attributes:
        by: the rule that it met, or the end of the base chain.
        owner: whose it is.
    """

    by: RuleMet | ChainEnded
    owner: Owner


def trace(
    question: Question,
    shares: Sequence[NetworkPlan],
    ruleset: Ruleset,
    world: World,
    settings: Mapping[str, str],
    *plans: Plan,
) -> Trace:
    """Answer a question.

    Args:
        question: what is asked.
        shares: the networks that guests may be of, each with its bridge.
        ruleset: all that the host has.
        world: the host besides its rules.
        settings: of its kernel, as far as they are known.
        plans: whose rules, where they are met, are told with their promises.

    Raises:
        UnanswerableError: the question contradicts itself, or leaves out what nothing else tells.
    """
    asked = ask(question, shares, ruleset, world)
    simulator = Simulator(ruleset, asked.world)
    found = flow(simulator, asked.packet, asked.course)
    back = None if isinstance(found.verdict, Refuse) else _answer(found)
    return Trace(
        asked,
        found,
        hindrances(found, asked.world, settings),
        None if back is None else flow(simulator, back, *_ways_back(asked)),
        ruleset,
        Reasons(*plans),
    )


def _answer(found: Flow) -> Packet | None:
    """The answer to a packet; to what only crossed a bridge, where no connection is tracked, too."""
    packet, course = found.packet, found.course
    if not isinstance(course, Bridged) or packet.connection is None or packet.connection.reply is not None:
        return reply(found)
    way = Endpoints(packet.source, packet.destination, packet.source_port, packet.destination_port)
    back = Endpoints(packet.destination, packet.source, packet.destination_port, packet.source_port)
    tracked = replace(packet.connection, original=way, reply=back)
    answer = reply(replace(found, packet=replace(packet, connection=tracked)))
    return None if answer is None else replace(answer, type="other")


def _ways_back(asked: Asked) -> tuple[Course | None, Course | None]:
    """Where the reply goes, the way that the packet came by: as it comes, and once it is translated."""
    came = asked.packet.in_interface
    if came is None or asked.course is None:
        return None, None
    bridge = asked.world.interface(came.bridge) if came.bridge else None
    return way_back(came, asked.course, bridge), way_back(came, None, bridge)


def decided(found: Flow, ruleset: Ruleset) -> Decided | None:
    """What ended a packet's way; None where it was no rule or policy."""
    if not isinstance(found.verdict, Refuse) or not found.outcomes:
        return None
    last = found.outcomes[-1]
    if not isinstance(last.verdict, Refuse):
        return None  # there was no way
    match last.trace[-1:]:
        case (RuleMet() as met,):
            return Decided(met, owner_of_rule(ruleset, met.rule))
        case (ChainEnded(chain) as ended,):
            return Decided(ended, owner_of_policy(ruleset, chain))
        case _:
            return None
