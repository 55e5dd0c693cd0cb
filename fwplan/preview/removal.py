"""How a removal is done by programs that know rules by their handles only.

nft deletes a rule by the handle that the kernel gave it. A plan that was held against the host's rules knows the
handles. One that was not can still take set-up away: a table goes with all that is in it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.errors import NotExpressibleError
from fwplan.nft import objects as nft
from fwplan.plan.operations import Verb
from fwplan.plan.plan import Layout

if TYPE_CHECKING:
    from fwplan.plan.operations import Operation
    from fwplan.plan.plan import NetworkPlan, Plan


def goes_with_its_table(plan: Plan) -> bool:
    """Whether rules of this removal go by way of their table, those of networks outside the plan included."""
    return (
        plan.removal
        and any(isinstance(operation.object, nft.Table) for operation in plan.set_up)
        and (plan.layout is Layout.MAPS or any(_lacks_handle(operation) for operation in plan.operations))
    )


def executable(plan: Plan) -> Plan:
    """The plan with only those operations that have to be said.

    Raises:
        NotExpressibleError: a rule is to go, its handle is unknown, and its table stays.
    """
    if not plan.removal:
        return plan
    if goes_with_its_table(plan):
        tables = tuple(operation for operation in plan.set_up if isinstance(operation.object, nft.Table))
        return replace(plan, set_up=tables, networks=_networks_without(plan, (nft.Rule, nft.Chain, nft.Element)))
    if plan.layout is Layout.MAPS:
        # Each chain is one network's, and its rules go with it.
        return replace(plan, networks=_networks_without(plan, (nft.Rule,)))
    if any(_lacks_handle(operation) for operation in plan.operations):
        message = (
            "nft deletes a rule by its handle, which only the host knows: "
            "give the host's rules with --ruleset (made by `nft -j -a list ruleset`)"
        )
        raise NotExpressibleError(message)
    return plan


def _networks_without(plan: Plan, kinds: tuple[type, ...]) -> tuple[NetworkPlan, ...]:
    return tuple(
        replace(
            network,
            operations=tuple(operation for operation in network.operations if not isinstance(operation.object, kinds)),
        )
        for network in plan.networks
    )


def _lacks_handle(operation: Operation) -> bool:
    return (
        operation.verb is Verb.TAKE_AWAY and isinstance(operation.object, nft.Rule) and operation.object.handle is None
    )
