"""A trace as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fwplan.audit.owners import owner_of_chain, owner_of_policy, owner_of_rule
from fwplan.nft.rule_text import rule_text
from fwplan.simulate.course import Bridged, Out, ToHost
from fwplan.simulate.outcome import (
    Accept,
    ChainEnded,
    ChainEntered,
    Refuse,
    RuleBegun,
    RuleInDoubt,
    RuleMet,
    Translated,
    Undecided,
)
from fwplan.trace.words import protocol_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.owners import Owner
    from fwplan.nft.ruleset import Place, Rule
    from fwplan.simulate.flow import Flow
    from fwplan.simulate.outcome import Doubt, Met, Outcome, Verdict
    from fwplan.simulate.packet import Packet
    from fwplan.trace.trace import Decided, Trace

    Json = dict[str, Any]

SHAPE = 1
"""Version of the JSON; it grows when a field changes its meaning or goes."""


def trace_json(trace: Trace) -> Json:
    """All that a trace tells."""
    asked = trace.asked
    return {
        "fwplan": SHAPE,
        "passes": trace.passes,
        "from": asked.sender,
        "to": asked.receiver,
        "taken_for_granted": list(asked.taken),
        "hindrances": list(trace.hindrances),
        "packet": _flow(trace, trace.flow, trace.decided),
        "reply": None if trace.answer is None else _flow(trace, trace.answer, trace.decided_of_reply),
    }


def _flow(trace: Trace, flow: Flow, decided: Decided | None) -> Json:
    return {
        "sent": packet_json(flow.sent),
        "left": packet_json(flow.packet) if isinstance(flow.verdict, Accept) else None,
        "course": _course(flow),
        "verdict": _verdict(flow.verdict),
        "refused_by": None if decided is None else next(iter(_met(trace, decided.by))),
        "hooks": [_outcome(trace, outcome) for outcome in flow.outcomes],
    }


def packet_json(packet: Packet) -> Json:
    """A packet, as far as it is known."""
    connection = packet.connection
    return {
        "family": packet.family,
        "protocol": protocol_name(packet.protocol),
        "source": None if packet.source is None else str(packet.source),
        "source_port": packet.source_port,
        "destination": None if packet.destination is None else str(packet.destination),
        "destination_port": packet.destination_port,
        "icmp_type": packet.icmp_type,
        "state": None if connection is None else connection.state,
        "mark": packet.mark,
    }


def _course(flow: Flow) -> Json:
    came = flow.sent.in_interface
    by = None if came is None or not came.name else came.name
    match flow.course:
        case ToHost():
            return {"in_interface": by, "to": "host"}
        case Out(interface, port):
            return {
                "in_interface": by,
                "to": "interface",
                "interface": interface.name,
                "port": None if port is None else port.name,
            }
        case Bridged(port):
            return {"in_interface": by, "to": "port", "interface": port.bridge, "port": port.name}
        case None:
            return {"in_interface": by, "to": None}


def _verdict(verdict: Verdict) -> Json:
    match verdict:
        case Accept():
            return {"verdict": "passes"}
        case Refuse(told):
            return {"verdict": "refused", "told": None if told == "?" else told}
        case Undecided(because):
            return {"verdict": "unknown", "because": [doubt_json(doubt) for doubt in because]}


def doubt_json(doubt: Doubt) -> Json:
    """A statement that decides, and what is missing to know how."""
    place = {} if doubt.place is None else _place(doubt.place)
    number = {} if doubt.position is None else {"position": doubt.position}
    return {"statement": doubt.statement, "why": doubt.why, **place, **number}


def _outcome(trace: Trace, outcome: Outcome) -> Json:
    return {
        "family": outcome.family,
        "hook": outcome.hook,
        "verdict": _verdict(outcome.verdict),
        "met": [each for met in outcome.trace for each in _met(trace, met)],
    }


def _met(trace: Trace, met: Met) -> Iterator[Json]:
    match met:
        case ChainEntered(chain):
            hook = chain.hook
            of_hook = {} if hook is None else {"type": hook.type, "priority": hook.priority, "policy": hook.policy}
            whose = _owner(owner_of_chain(trace.ruleset, chain.place))
            yield {"met": "chain", **_place(chain.place), **of_hook, "owner": whose}
        case RuleMet(rule, position, verdict, changes, assumed):
            about = {"verdict": verdict, "changes": list(changes), "assumed": list(assumed)}
            yield {"met": "rule", **_rule(trace, rule, position), **about}
        case RuleBegun(rule, position, changes):
            yield {"met": "rule begun", **_rule(trace, rule, position), "changes": list(changes)}
        case RuleInDoubt(rule, position, doubt):
            yield {"met": "rule in doubt", **_rule(trace, rule, position), "doubt": doubt_json(doubt)}
        case ChainEnded(chain, policy):
            setter = None if policy is None else _owner(owner_of_policy(trace.ruleset, chain))
            yield {"met": "end", **_place(chain.place), "policy": policy, "owner": setter}
        case Translated(changes):
            yield {"met": "translation", "changes": list(changes)}


def _rule(trace: Trace, rule: Rule, position: int) -> Json:
    intent = trace.reasons.of(rule)
    return {
        **_place(rule.place),
        "position": position,
        "handle": rule.handle,
        "rule": rule_text(rule),
        "owner": _owner(owner_of_rule(trace.ruleset, rule)),
        "reason": None if intent is None else intent.reason,
    }


def _place(place: Place) -> Json:
    return {"family": place.family, "table": place.table, "chain": place.chain}


def _owner(owner: Owner) -> Json:
    return {"name": owner.name, "because": owner.because, "sure": owner.is_sure}
