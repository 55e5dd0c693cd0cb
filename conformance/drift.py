"""Whether an audit finds every single change of rules on the real kernel, and nothing where nothing was changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from conformance.mutations import iptables_mutations, nftables_mutations
from fwplan.audit.audit import audit
from fwplan.audit.drift import drift
from fwplan.audit.finding import Code, Level
from fwplan.audit.read_observation import observation_of
from fwplan.audit.remedies import Commands
from fwplan.host.collect import collect
from fwplan.plan.plan import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.host.system import System
    from fwplan.plan.plan import Plan


def without_change(system: System, plan: Plan) -> str | None:
    """What an audit finds on a host that is as planned; None for nothing."""
    findings = audit(observation_of(collect(system)), plan)
    wrong = [f"{finding.code.value} {finding.message}" for finding in findings if finding.level is not Level.NOTE]
    return "; ".join(wrong) or None


def with_changes(system: System, plan: Plan) -> Iterator[tuple[str, str | None]]:
    """(what was changed, how it was not found) for every single change of the rules of a host that is as planned."""
    parts = collect(system)
    match plan.backend:
        case Backend.NFTABLES:
            for mutation in nftables_mutations(json.loads(parts["nftables"])):
                codes = _codes(parts | {"nftables": mutation.ruleset}, plan)
                yield mutation.kind, None if mutation.code in codes else f"not {mutation.code.value}: {codes}"
        case Backend.IPTABLES:
            for name in [name for name in parts if name.endswith("-save")]:
                for mutation in iptables_mutations(parts[name]):
                    codes = _codes(parts | {name: mutation.ruleset}, plan)
                    yield mutation.kind, None if mutation.code in codes else f"not {mutation.code.value}: {codes}"


def _codes(parts: Mapping[str, Any], plan: Plan) -> set[Code]:
    """Of the drift that is found."""
    found = drift(observation_of(parts), plan, Commands(plan, {}))
    return {finding.code for finding in found.findings}
