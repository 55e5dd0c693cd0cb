"""The audit: all that is to be said of a host and the networks on it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from fwplan.audit.commands import Commands
from fwplan.audit.drift import drift
from fwplan.audit.finding import Code, Finding, Level
from fwplan.audit.places import FWPLAN_TABLE, LIBVIRT_TABLE
from fwplan.audit.prerequisites import prerequisite_findings
from fwplan.audit.sight import blind_versions, sight_findings
from fwplan.network.modes import Kind
from fwplan.nft.objects import Rule
from fwplan.plan.maps_names import ENTERING, TABLES
from fwplan.plan.plan import Backend, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fwplan.audit.observation import Observation
    from fwplan.network.definition import Network
    from fwplan.plan.plan import NetworkPlan, Plan

_ORDER = {Level.ERROR: 0, Level.WARNING: 1, Level.NOTE: 2}
_NO_FILES: Mapping[str, str] = MappingProxyType({})


def audit(observation: Observation, plan: Plan, files: Mapping[str, str] = _NO_FILES) -> tuple[Finding, ...]:
    """Hold a host against the plan of its networks.

    Args:
        observation: the host.
        plan: of all its networks, set-up included.
        files: the file of each network's definition, by its name, for the commands that help.

    Returns:
        The findings, errors first; of equals those of the host before those of networks.

    Raises:
        UnreadableError: what was listed of the host is no ruleset.
    """
    findings = [*_unnamed(plan)]
    plan = replace(plan, networks=tuple(share for share in plan.networks if not _bridge_is_chosen(share)))
    commands = Commands(plan, files)
    drifted = drift(observation, plan, commands)
    findings += [
        *sight_findings(observation, plan),
        *prerequisite_findings(observation, plan, commands),
        *drifted.findings,
    ]
    if any(finding.code.is_drift for finding in findings) or not _has_only(observation, plan):
        from fwplan.audit.judging import judged  # noqa: PLC0415 - a host as planned walks no packets

        findings += judged(observation, plan, commands, drifted.claimed, blind_versions(observation, plan))
    return tuple(sorted(findings, key=lambda finding: (_ORDER[finding.level], finding.network is not None)))


audit_host = audit
"""Its name in the API: `fwplan.audit` is the room."""


def likely_backend(observation: Observation) -> Backend:
    """What carries libvirt's rules on a host: iptables where there are chains of it and no table of nftables."""
    of_nftables = any(table.name == LIBVIRT_TABLE for table in observation.listing.tables)
    of_iptables = any(chain.name.startswith("LIBVIRT_") for chain in observation.saved.chains)
    return Backend.IPTABLES if of_iptables and not of_nftables else Backend.NFTABLES


def likely_layout(observation: Observation, networks: Sequence[Network]) -> Layout:
    """How promises became rules on a host: by maps where a network's bridge is in one, or only fwplan has a table."""
    listing = observation.listing
    bridges = {network.bridge_name for network in networks}
    if any(key in bridges for table in TABLES.values() for key in listing.elements.get((table, ENTERING), ())):
        return Layout.MAPS
    names = {table.name for table in listing.tables}
    return Layout.MAPS if FWPLAN_TABLE in names and LIBVIRT_TABLE not in names else Layout.LIBVIRT


def _bridge_is_chosen(share: NetworkPlan) -> bool:
    """Whether a network leaves the name of its bridge to libvirt."""
    return share.network.kind is Kind.MANAGED and share.bridge != share.network.bridge_name


def _unnamed(plan: Plan) -> Iterator[Finding]:
    for share in plan.networks:
        if _bridge_is_chosen(share):
            name = share.network.name
            dump = shlex.join(["virsh", "net-dumpxml", name])
            yield Finding(
                Code.BRIDGE_NOT_NAMED,
                name,
                "",
                f"network {name!r} does not name its bridge, which libvirt chooses: it is left out of the audit",
                remedy=(
                    "# the definition that libvirt has names it:",
                    f"{dump} | fwplan audit -",
                ),
            )


def _has_only(observation: Observation, plan: Plan) -> bool:
    """Whether a host without drift has no rules but those of a plan, which keep the promises that they are made of."""
    if plan.backend is not Backend.NFTABLES or observation.saved.chains or "nftables" not in observation.seen:
        return False
    listing = observation.listing
    planned = [operation.object for operation in plan.operations if isinstance(operation.object, Rule)]
    tables = {rule.table for rule in planned}
    return (
        sum(listing.rule_counts.values()) == len(planned)
        and listing.tables <= tables
        and all(share.network.meaning.filtered for share in plan.networks)
    )
