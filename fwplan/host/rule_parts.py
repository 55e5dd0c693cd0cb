"""The rules of a change, as parts of a host: one for each backend and layout that has some to make or to take away."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

from fwplan.network.read import read_network
from fwplan.plan.plan import WAYS, Backend, Layout, make_plan, set_up_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fwplan.host.part import Part
    from fwplan.host.state import Applied, Record
    from fwplan.network.addressing import Subnet
    from fwplan.network.definition import Network
    from fwplan.plan.plan import Plan

    Way = tuple[Backend, Layout]


@dataclass(frozen=True, slots=True)
class RulesChange:
    """A change, as far as rules are concerned.

    Attributes:
        plan: what comes; None where all goes.
        earlier: what was applied for networks that change or go.
        others: networks that were applied and stay as they are, by name.
        applied: all that was applied before the change.
        after: all that is applied after it.
        checksum: whether rules that repair checksums come.
    """

    plan: Plan | None
    earlier: Sequence[Plan]
    others: Mapping[str, Record]
    applied: Applied
    after: Applied
    checksum: bool = True


def rule_parts(change: RulesChange) -> Iterator[Part]:
    """The parts, in the order in which they are changed."""
    plan = change.plan
    # What comes, comes before what goes: a network that changes its backend or layout is never without rules.
    for way in sorted(WAYS, key=lambda way: plan is None or way != _way(plan)):
        now = plan if plan is not None and way == _way(plan) else make_plan((), backend=way[0], layout=way[1])
        gone = [old for old in change.earlier if _way(old) == way]
        if not now.networks and not gone:
            continue
        set_up_gone = set_up_plan(*way) if _is_last(change, way) else None
        match way:
            case Backend.IPTABLES, _:
                yield _iptables(change, now, gone, set_up_gone)
            case _, Layout.LIBVIRT:
                yield _nftables(change, now, gone, set_up_gone)
            case _, Layout.MAPS:
                yield _maps(change, now, gone, set_up_gone)


def plan_of(record: Record) -> Plan:
    """What was applied for a network."""
    return make_plan(
        [read_network(record.definition.encode())],
        backend=Backend(record.backend),
        layout=Layout(record.layout),
        set_up=False,
        checked=True,
    )


def _way(plan: Plan) -> Way:
    return plan.backend, plan.layout


def _is_of(record: Record, way: Way) -> bool:
    return (record.backend, record.layout) == (way[0].value, way[1].value)


def _kind(way: Way) -> str:
    """The kind of part, which is also what names its set-up among what was applied."""
    backend, layout = way
    return layout.value if layout is Layout.MAPS else backend.value


def _is_last(change: RulesChange, way: Way) -> bool:
    """Whether fwplan made the set-up, and no network is left that needs it."""
    return _kind(way) in change.after.set_up and not any(
        _is_of(record, way) and record.bridge is not None for record in change.after.networks.values()
    )


# libvirt's layout


def _nftables(change: RulesChange, now: Plan, gone: Sequence[Plan], set_up_gone: Plan | None) -> Part:
    from fwplan.host.nftables import NftablesPart  # noqa: PLC0415 - of this backend and layout only
    from fwplan.plan.wanted import combined, nft_wanted  # noqa: PLC0415

    networks = change.applied.networks.values()
    wanted = combined(
        nft_wanted(now),
        gone=map(nft_wanted, gone),
        staying=map(nft_wanted, _beside(change, _way(now))),
        set_up_gone=None if set_up_gone is None else nft_wanted(set_up_gone),
    )
    return NftablesPart(wanted, {str(each.index): each.bridge for each in networks if each.bridge is not None})


def _iptables(change: RulesChange, now: Plan, gone: Sequence[Plan], set_up_gone: Plan | None) -> Part:
    from fwplan.host.iptables import IptablesPart  # noqa: PLC0415 - of this backend only
    from fwplan.plan.wanted import combined, iptables_wanted  # noqa: PLC0415

    return IptablesPart(
        combined(
            iptables_wanted(now, checksum=change.checksum),
            gone=map(iptables_wanted, gone),
            staying=map(iptables_wanted, _beside(change, _way(now))),
            set_up_gone=None if set_up_gone is None else iptables_wanted(set_up_gone),
        )
    )


def _beside(change: RulesChange, way: Way) -> list[Plan]:
    """The networks that stay and have a subnet that the change is about, which shares its rules with it."""
    plans = change.earlier if change.plan is None else (*change.earlier, change.plan)
    subnets = {str(ip.subnet) for plan in plans for share in plan.networks for ip in share.network.ips}
    return [
        plan_of(record)
        for record in change.others.values()
        if _is_of(record, way) and not subnets.isdisjoint(record.subnets)
    ]


# The layout maps


def _maps(change: RulesChange, now: Plan, gone: Sequence[Plan], set_up_gone: Plan | None) -> Part:
    """Networks whose addresses overlap are planned together: which of them a packet meets first matters.

    What they had together goes, as far as it is not what they have after the change.
    """
    from fwplan.host.maps import MapsPart  # noqa: PLC0415 - of this layout only
    from fwplan.plan.maps_wanted import MapsWanted, maps_change, maps_wanted  # noqa: PLC0415

    way = _way(now)
    coming = {share.network.name: share.network for share in now.networks}
    going = {share.network.name: share.network for plan in gone for share in plan.networks}
    for name, network in coming.items():
        record = change.applied.networks.get(name)
        if name not in going and record is not None and _is_of(record, way):
            going[name] = network
    beside = _overlapping(change, way, (*coming.values(), *going.values()))
    before = _in_order({**beside, **going}, change.applied)
    after = _in_order({**beside, **coming}, change.after)
    planned = [share.network for share in now.networks]
    wanted = maps_change(
        maps_wanted(now if after == planned else _maps_plan(after, set_up=bool(now.set_up))),
        gone=MapsWanted() if before == after else maps_wanted(_maps_plan(before, set_up=False)),
        set_up_gone=None if set_up_gone is None else maps_wanted(set_up_gone),
    )
    return MapsPart(wanted)


def _overlapping(change: RulesChange, way: Way, touched: Sequence[Network]) -> dict[str, Network]:
    """The networks that stay and share addresses with others, and these with others, up to one that is touched."""
    from fwplan.plan.overlaps import reached  # noqa: PLC0415 - of this layout only

    subnets: dict[int | str, Sequence[Subnet]] = {
        name: [ip_network(subnet) for subnet in record.subnets]
        for name, record in change.others.items()
        if _is_of(record, way)
    }
    if not subnets:
        return {}
    subnets |= {place: [ip.subnet for ip in network.ips] for place, network in enumerate(touched)}
    return {
        name: read_network(change.others[name].definition.encode())
        for name in reached(subnets, range(len(touched)))
        if isinstance(name, str)
    }


def _in_order(networks: Mapping[str, Network], applied: Applied) -> list[Network]:
    """In the order in which they were started, as far as that is known."""
    places = {name: place for place, name in enumerate(applied.networks)}
    return [networks[name] for name in sorted(networks, key=lambda name: places.get(name, len(places)))]


def _maps_plan(networks: Sequence[Network], *, set_up: bool) -> Plan:
    return make_plan(networks, backend=Backend.NFTABLES, layout=Layout.MAPS, set_up=set_up, checked=True)
