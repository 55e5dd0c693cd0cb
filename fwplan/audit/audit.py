"""The audit: all that is to be said of a host and the networks on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.audit.deciding import Deciders
from fwplan.audit.drift import drift
from fwplan.audit.finding import Code, Finding, Level
from fwplan.audit.open_networks import open_findings
from fwplan.audit.prerequisites import prerequisite_findings
from fwplan.audit.probes import Surroundings
from fwplan.audit.promises import promise_findings
from fwplan.audit.strangers import LIBVIRT_TABLE, Strangers
from fwplan.nft.objects import Rule
from fwplan.plan.plan import Backend
from fwplan.simulate.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.observation import Observation
    from fwplan.plan.plan import Plan

_OF_DRIFT = frozenset(code for code in Code if code.value.startswith("FW1"))
_ORDER = {Level.ERROR: 0, Level.WARNING: 1, Level.NOTE: 2}


def audit(observation: Observation, plan: Plan) -> tuple[Finding, ...]:
    """Hold a host against the plan of its networks.

    Args:
        observation: the host.
        plan: of all its networks, set-up included.

    Returns:
        The findings, errors first; of equals those of the host before those of networks.
    """
    findings = [*_unseen(observation, plan), *prerequisite_findings(observation, plan), *drift(observation, plan)]
    if any(finding.code in _OF_DRIFT for finding in findings) or not _has_only(observation, plan):
        findings += _judged(observation, plan)
    return tuple(sorted(findings, key=lambda finding: (_ORDER[finding.level], finding.network is not None)))


def _has_only(observation: Observation, plan: Plan) -> bool:
    """Whether a host without drift has no rules but those of a plan, which keep the promises that they are made of."""
    if plan.backend is not Backend.NFTABLES or observation.saved.chains:
        return False
    listing = observation.listing
    planned = sum(isinstance(operation.object, Rule) for operation in plan.operations)
    return (
        sum(listing.rule_counts.values()) == planned
        and all(table.name == LIBVIRT_TABLE for table in listing.tables)
        and all(share.network.meaning.filtered for share in plan.networks)
    )


def _judged(observation: Observation, plan: Plan) -> Iterator[Finding]:
    """What packets tell that are walked through all rules of the host."""
    simulator = Simulator(observation.ruleset, observation.world)
    subnets = tuple(ip.subnet for share in plan.networks if share.bridge is not None for ip in share.network.ips)
    surroundings = Surroundings(observation.world, subnets)
    strangers = Strangers(observation)
    deciders = Deciders(observation.ruleset, strangers)
    yield from strangers.unreachable()
    yield from promise_findings(plan, simulator, surroundings, deciders)
    yield from open_findings(observation, plan, simulator, surroundings, deciders)


def likely_backend(observation: Observation) -> Backend:
    """What carries libvirt's rules on a host: iptables where there are chains of it and no table of nftables."""
    of_nftables = any(table.name == "libvirt_network" for table in observation.listing.tables)
    of_iptables = any(chain.name.startswith("LIBVIRT_") for chain in observation.saved.chains)
    return Backend.IPTABLES if of_iptables and not of_nftables else Backend.NFTABLES


def _unseen(observation: Observation, plan: Plan) -> Iterator[Finding]:
    needed = {"nftables": "nft -j -a list ruleset"}
    if plan.backend is Backend.IPTABLES:
        needed = {"iptables": "iptables-save", "ip6tables": "ip6tables-save"}
    for part, command in needed.items():
        if part not in observation.seen:
            yield Finding(
                Code.NOT_SEEN,
                None,
                part,
                f"what was saved has nothing of {part}, as if the host had none",
                remedy=("# the whole of a host, in one file:", "fwplan collect", f"# or only this: {command}"),
            )
    for doubt in observation.doubts:
        yield Finding(Code.NOT_UNDERSTOOD, None, "", doubt)
