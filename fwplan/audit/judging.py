"""What packets tell that are walked through all rules of a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.audit.court import Court
from fwplan.audit.deciding import Deciders
from fwplan.audit.interests import Interests
from fwplan.audit.open_networks import open_findings
from fwplan.audit.places import FAMILIES, FWPLAN_TABLE, LIBVIRT_TABLE
from fwplan.audit.promises import Promises
from fwplan.audit.strangers import Strangers
from fwplan.audit.surroundings import Surroundings
from fwplan.iptables import objects as iptables
from fwplan.nft import objects as nft
from fwplan.plan.expectations import Expectations
from fwplan.plan.promises import promises
from fwplan.simulate.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fwplan.audit.commands import Commands
    from fwplan.audit.finding import Finding
    from fwplan.audit.observation import Observation
    from fwplan.nft.ruleset import Rule
    from fwplan.plan.plan import Plan


def judged(
    observation: Observation,
    plan: Plan,
    commands: Commands,
    claimed: Collection[tuple[str, int]],
    blind: Collection[int],
) -> Iterator[Finding]:
    """What breaks the promises of networks, who filters those without rules, and what stands among libvirt's rules.

    Args:
        observation: the host.
        plan: of its networks.
        commands: of fwplan, for remedies.
        claimed: place and position of rules of which drift is told already.
        blind: versions of IP of which the plan's own rules were not seen.

    Raises:
        UnreadableError: what was listed of the host is no ruleset.
    """
    subnets = tuple(ip.subnet for share in plan.networks if share.bridge is not None for ip in share.network.ips)
    strangers = Strangers(observation, plan, claimed)
    promised = [
        intent
        for share in plan.networks
        if share.bridge is not None
        for intent in promises(share.network, share.bridge)
    ]

    def concerns(rule: Rule) -> bool:
        is_own = rule.place.table in {LIBVIRT_TABLE, FWPLAN_TABLE} or rule.place.chain.startswith("LIBVIRT_")
        return not is_own or strangers.includes(rule)

    court = Court(
        Simulator(observation.ruleset, observation.world),
        Surroundings(observation.world, subnets),
        Deciders(observation.ruleset, strangers, _tables(plan)),
        Expectations(promised),
        Interests(observation.ruleset, concerns),
    )
    yield from strangers.findings()
    yield from Promises(court, commands, blind).findings()
    yield from open_findings(observation, plan, court)


def _tables(plan: Plan) -> frozenset[tuple[str, str]]:
    """Family and name of the tables that the plan's own rules are in."""
    found = set()
    for operation in plan.operations:
        match operation.object:
            case nft.Rule(nft.Table(family, name)):
                found.add((str(family), name))
            case iptables.Rule(iptables.Chain(program, table)):
                found.add((FAMILIES[program], str(table)))
            case _:
                pass
    return frozenset(found)
