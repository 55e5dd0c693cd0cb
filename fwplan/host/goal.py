"""From a plan, and what was applied before, to what a host is to come to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fwplan.errors import HostError
from fwplan.host.checksums import ChecksumsPart
from fwplan.host.executor import Goal
from fwplan.host.rule_parts import RulesChange, plan_of, rule_parts
from fwplan.host.state import Applied, Record
from fwplan.host.zones import ZonesPart, has_routed_zone
from fwplan.network.write import write_network
from fwplan.plan.checksums import REPAIRED, ChecksumPolicy, Repair, filtered_bridges
from fwplan.plan.operations import ZoneMember
from fwplan.plan.plan import Backend, Layout, make_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fwplan.host.firewalld import Firewalld
    from fwplan.host.part import Part
    from fwplan.network.definition import Network
    from fwplan.plan.plan import NetworkPlan, Plan


def goal_of_apply(
    plan: Plan,
    applied: Applied,
    interfaces: Mapping[str, int],
    *,
    firewalld: bool = False,
    checksum: ChecksumPolicy = ChecksumPolicy.AUTO,
) -> Goal:
    """What a host comes to when a plan is applied; what an earlier definition of a network had besides goes.

    Args:
        plan: what is to be applied, set-up included.
        applied: what was applied before.
        interfaces: the index of each interface of the host, by name.
        firewalld: whether the plan puts bridges in their zones; if not, zones stay as they are.
        checksum: whether the repair of checksums is applied; what the kernel cannot do is left out in any case.

    Raises:
        HostError: a bridge belongs to another network that was applied.
    """
    records = {
        share.network.name: _record(
            share, plan, interfaces, None if firewalld else applied.networks.get(share.network.name)
        )
        for share in plan.networks
    }
    others = {name: record for name, record in applied.networks.items() if name not in records}
    _check_bridges(plan, others)
    before = {name: record for name, record in applied.networks.items() if name in records}
    earlier = [plan_of(record) for name, record in before.items() if record != records[name]]
    after = replace(applied, networks={**applied.networks, **records})
    repaired = () if checksum is ChecksumPolicy.OFF else filtered_bridges(plan)
    rules = rule_parts(RulesChange(plan, earlier, others, applied, after, checksum is not ChecksumPolicy.OFF))
    checksums = _checksums(repaired, (*before.values(), *records.values()), applied)
    # Rules that refuse come before the zone that lets everything pass, and go after it.
    zones = _zones(records.values(), before.values()) if firewalld else ()
    return Goal(_what("apply", records), (*checksums, *rules, *zones), after)


def goal_of_removal(
    networks: Sequence[Network],
    names: Sequence[str],
    applied: Applied,
    backend: Backend = Backend.NFTABLES,
    *,
    layout: Layout = Layout.LIBVIRT,
    firewalld: Firewalld | None = None,
) -> Goal:
    """What a host comes to when networks are taken away.

    Args:
        networks: definitions of networks to take away. One that was applied goes as it was applied, even if its
            definition has changed since; one that was not goes as libvirt would have made it.
        names: of networks that were applied.
        applied: what was applied.
        backend: of networks that were not applied.
        layout: of networks that were not applied.
        firewalld: the one that runs; without it zones stay as they are.

    Raises:
        HostError: no network of such a name was applied.
    """
    unknown = [name for name in names if name not in applied.networks]
    if unknown:
        listed = ", ".join(repr(name) for name in unknown)
        raise HostError(f"no network {listed} was applied here: give the file of its definition instead")
    going = {name: plan_of(applied.networks[name]) for name in names}
    for network in networks:
        record = applied.networks.get(network.name)
        going[network.name] = (
            _plan_of_others(network, backend, layout, firewalld) if record is None else plan_of(record)
        )
    before = [
        applied.networks.get(name) or _record(share, plan, {}, None)
        for name, plan in going.items()
        for share in plan.networks
    ]
    others = {name: record for name, record in applied.networks.items() if name not in going}
    after = replace(applied, networks=others)
    zones = () if firewalld is None else _zones((), before)
    rules = rule_parts(RulesChange(None, list(going.values()), others, applied, after))
    checksums = _checksums((), before, applied)
    return Goal(_what("remove", going), (*zones, *rules, *checksums), after)


def _record(share: NetworkPlan, plan: Plan, interfaces: Mapping[str, int], zone_of: Record | None) -> Record:
    """A network as it is applied; its zone is that of an earlier record, where there is one that knows it better."""
    members = (operation.object for operation in share.operations if isinstance(operation.object, ZoneMember))
    zone = next(((member.zone, member.bridge) for member in members), None)
    bridge = share.bridge if share.network.meaning.filtered else None
    return Record(
        definition=write_network(share.network).decode(),
        backend=plan.backend.value,
        layout=plan.layout.value,
        bridge=bridge,
        index=None if bridge is None else interfaces.get(bridge),
        subnets=() if bridge is None else tuple(str(ip.subnet) for ip in share.network.ips),
        zone=zone if zone_of is None else zone_of.zone,
    )


def _plan_of_others(network: Network, backend: Backend, layout: Layout, firewalld: Firewalld | None) -> Plan:
    """What libvirt, or somebody with a preview, has made for a network on a host."""
    routed_zone = firewalld is None or has_routed_zone(firewalld)
    return make_plan(
        [network],
        backend=backend,
        layout=layout,
        firewalld=firewalld is not None,
        routed_zone=routed_zone,
        set_up=False,
    )


def _check_bridges(plan: Plan, others: Mapping[str, Record]) -> None:
    taken = {record.bridge: name for name, record in others.items() if record.bridge is not None}
    for share in plan.networks:
        if share.bridge in taken and share.operations:
            owner = taken[share.bridge]
            raise HostError(
                f"bridge {share.bridge} belongs to network {owner!r}, which was applied before: "
                f"take that away first (fwplan remove {owner})"
            )


def _checksums(repaired: Iterable[str], touched: Iterable[Record], applied: Applied) -> Iterator[Part]:
    """The repair of checksums on some bridges; of the other ones that are touched goes what fwplan has made."""
    wanted = {record.bridge: _unmade(record.bridge, applied) for record in touched if record.bridge is not None}
    wanted |= dict.fromkeys(repaired, REPAIRED)
    found = {bridge: repair for bridge, repair in wanted.items() if repair is not None}
    if found:
        yield ChecksumsPart(found)


def _unmade(bridge: str, applied: Applied) -> Repair | None:
    queue, filtered = applied.queues.get(bridge), applied.filters.get(bridge)
    if queue is None and filtered is None:
        return None
    return Repair(None if queue is None else False, None if filtered is None else False, filtered or queue)


def _zones(records: Iterable[Record], before: Iterable[Record]) -> Iterator[Part]:
    """The zones of networks that are applied; earlier ones are left."""
    joins = {bridge: zone for record in records if record.zone is not None for zone, bridge in [record.zone]}
    left = {bridge: zone for record in before if record.zone is not None for zone, bridge in [record.zone]}
    leaves = {bridge: zone for bridge, zone in left.items() if bridge not in joins}
    if joins or leaves:
        yield ZonesPart(joins, leaves)


def _what(verb: str, names: Iterable[str]) -> str:
    listed = list(names)
    return f"{verb} {listed[0]}" + ("" if len(listed) == 1 else f" and {len(listed) - 1} more")
