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
from fwplan.audit.strangers import Strangers
from fwplan.plan.plan import Backend
from fwplan.simulate.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.audit.observation import Observation
    from fwplan.plan.plan import Plan

_ORDER = {Level.ERROR: 0, Level.WARNING: 1, Level.NOTE: 2}


def audit(observation: Observation, plan: Plan) -> tuple[Finding, ...]:
    """Hold a host against the plan of its networks.

    Args:
        observation: the host.
        plan: of all its networks, set-up included.

    Returns:
        The findings, errors first; of equals those of the host before those of networks.
    """
    simulator = Simulator(observation.ruleset, observation.world)
    subnets = tuple(ip.subnet for share in plan.networks if share.bridge is not None for ip in share.network.ips)
    surroundings = Surroundings(observation.world, subnets)
    strangers = Strangers(observation)
    deciders = Deciders(observation.ruleset, strangers)
    findings = [
        *_unseen(observation, plan),
        *prerequisite_findings(observation, plan),
        *drift(observation, plan),
        *strangers.unreachable(),
        *promise_findings(plan, simulator, surroundings, deciders),
        *open_findings(observation, plan, simulator, surroundings, deciders),
    ]
    return tuple(sorted(findings, key=lambda finding: (_ORDER[finding.level], finding.network is not None)))


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
