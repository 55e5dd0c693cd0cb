"""The truth about a host: what becomes of each flow, and which rule is to blame."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import flows
import world
from tracing import Step, Tracer, first_packet

if TYPE_CHECKING:
    from listing import Root


def truth(root: Root, variant: str) -> dict[str, Any]:
    """Send every flow, and say what became of it, in the form of `truth.json`."""
    with Tracer(root.run) as tracer:
        return {
            "network": "default",
            "rules of libvirt": variant.removeprefix("libvirt-") if variant != "alone" else "none",
            "flows": [_true(root, flow, tracer, promised=variant != "alone") for flow in flows.flows()],
        }


def _true(root: Root, flow: flows.Flow, tracer: Tracer, *, promised: bool) -> dict[str, Any]:
    tracer.steps()
    before = _legacy_counters(root)
    result = flow.send()
    steps = tracer.steps()
    passes = result.answer == "answered"
    return {
        "flow": flow.name,
        "from": flow.source,
        "to": flow.destination,
        **({"promise": flow.promise} if promised and flow.promise else {}),
        **({"promised source": flow.promised_source} if promised and flow.promised_source else {}),
        "outcome": "passes" if passes else "refused",
        "answer": result.answer,
        **({"seen as": result.seen_as} if result.seen_as else {}),
        "culprit": None if passes else _culprit(root, flow, steps) or _legacy_culprit(root, before),
        **_cause(flow, steps, passes=passes, promised=promised),
        "met": [_met(step) for step in first_packet(steps, _address(flow.source))],
    }


def _met(step: Step) -> str:
    place = f"{step.family} {step.table} {step.chain}"
    return f"{place} policy: {step.verdict}" if step.handle is None else f"{place} {step.handle}: {step.verdict}"


def _culprit(root: Root, flow: flows.Flow, steps: tuple[Step, ...]) -> dict[str, Any] | None:
    # Whatever else the host says meanwhile, as IGMP, is not of the flow.
    ours = {_address(flow.source), _address(flow.destination), world.BRIDGE_ADDRESS, ""}
    step = next((step for step in steps if step.refuses and step.source in ours), None)
    if step is None:
        return None
    native, iptables = root.rule(step)
    return {
        "table": f"{step.family} {step.table}",
        "chain": step.chain,
        "handle": step.handle,
        "rule": native,
        **({"iptables": iptables} if iptables else {}),
        "packet": "request" if step.source == _address(flow.source) else f"answer, from {step.source}",
    }


def _address(place: str) -> str:
    return re.split("[:/]", place, maxsplit=1)[0]


def _legacy_counters(root: Root) -> list[str]:
    return root.save("ip").splitlines() if root.legacy else []


def _legacy_culprit(root: Root, before: list[str]) -> dict[str, Any] | None:
    """The rule, or policy, of iptables-legacy that refuses and whose counter has moved; nf_tables cannot trace it."""
    table = ""
    for old, new in zip(before, _legacy_counters(root), strict=True):
        table = new[1:] if new.startswith("*") else table
        if old == new or new.startswith("#"):
            continue
        refusing_rule = re.search(r"-j (?:DROP|REJECT)", new)
        if refusing_rule or re.match(r":\S+ DROP ", new):
            rule = re.sub(r"^\[\d+:\d+\] | \[\d+:\d+\]$", "", new)
            chain = rule.split()[1] if refusing_rule else rule.split()[0][1:]
            return {"table": f"ip {table}", "chain": chain, "handle": None, "iptables": rule, "packet": "request"}
    return None


def _cause(flow: flows.Flow, steps: tuple[Step, ...], *, passes: bool, promised: bool) -> dict[str, str]:
    """Why a flow does what was not promised, where no rule refuses it."""
    if passes:
        return {"cause": "no rule refuses it"} if promised and flow.promise == "refused" else {}
    if any(step.refuses for step in steps):
        return {}
    if "outside" in flow.name and world.get_system("net/ipv4/ip_forward") == "0":
        return {"cause": "the host does not forward: net.ipv4.ip_forward is 0"}
    return {}
