"""Zones of firewalld as a part of a host: which bridge is in which."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from fwplan.plan.difference import Difference, Step
from fwplan.plan.operations import ZoneMember

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.host.firewalld import Firewalld
    from fwplan.host.part import Json
    from fwplan.host.state import Applied
    from fwplan.host.system import System
    from fwplan.plan.plan import Plan

_ROUTED_ZONE = "libvirt-routed"
_ROUTED_POLICY = "libvirt-routed-out"
_LIBVIRTS = {"libvirt", _ROUTED_ZONE}


class ZonePolicy(enum.Enum):
    """Whether bridges are put in zones of firewalld."""

    AUTO = "auto"
    """Where firewalld runs."""

    ON = "on"
    """A host on which it does not run is left as it is."""

    OFF = "off"
    """They are not, whatever runs and whatever a definition asks for."""


@dataclass(frozen=True, slots=True)
class ZonesPart:
    """Zones of bridges as they are to be.

    Attributes:
        joins: the zone that a bridge is to be in, by bridge.
        leaves: the zone that a bridge is not to be in, by bridge; if it is in another, it stays there.
        as_it_was: whether this is what was there before a change. A zone that is gone since is left out then.
    """

    kind: ClassVar[str] = "zones"

    joins: Mapping[str, str] = field(default_factory=dict)
    leaves: Mapping[str, str] = field(default_factory=dict)
    as_it_was: bool = False

    def compare(self, system: System) -> ZonesChange:
        """Ask firewalld, and find what is otherwise; nothing is where it does not run.

        Raises:
            HostError: firewalld does not answer.
        """
        firewalld = system.firewalld()
        if firewalld is None:
            return ZonesChange(ZonesPart(), {}, {}, {})
        zone_of = firewalld.zone_of
        joins = {
            bridge: zone
            for bridge, zone in self.joins.items()
            if zone_of.get(bridge) != zone and not (self.as_it_was and zone not in firewalld.zones)
        }
        leaves = {bridge: zone for bridge, zone in self.leaves.items() if zone_of.get(bridge) == zone}
        touched = {**joins, **leaves}
        before = ZonesPart(
            joins={bridge: zone_of[bridge] for bridge in touched if bridge in zone_of},
            leaves={bridge: zone for bridge, zone in joins.items() if bridge not in zone_of},
            as_it_was=True,
        )
        return ZonesChange(before, joins, leaves, zone_of)

    def document(self) -> Json:
        """The part as the journal keeps it."""
        return {"kind": self.kind, "joins": dict(self.joins), "leaves": dict(self.leaves)}

    @classmethod
    def from_document(cls, document: Json) -> ZonesPart:
        """What the journal keeps, as what was there before a change."""
        return cls(document["joins"], document["leaves"], as_it_was=True)


@dataclass(frozen=True, slots=True)
class ZonesChange:
    """Bridges that are to join zones, and to leave them."""

    kind: ClassVar[str] = ZonesPart.kind
    unchanged: ClassVar[int] = 0
    obstacles: ClassVar[tuple[str, ...]] = ()
    notes: ClassVar[tuple[str, ...]] = ()

    before: ZonesPart
    joins: Mapping[str, str]
    leaves: Mapping[str, str]
    zone_of: Mapping[str, str]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The memberships that end and that begin."""
        return tuple(self._differences())

    def _differences(self) -> Iterator[Difference]:
        for bridge, zone in self.leaves.items():
            yield Difference(Step.DELETE, ZoneMember(zone, bridge))
        for bridge, zone in self.joins.items():
            if bridge in self.zone_of:
                yield Difference(Step.DELETE, ZoneMember(self.zone_of[bridge], bridge))
            yield Difference(Step.ADD, ZoneMember(zone, bridge))

    def make(self, system: System) -> None:
        """Change the zones, one bridge after the other.

        Raises:
            HostError: firewalld refused, or has ended; bridges that came before are changed.
        """
        for bridge, zone in self.leaves.items():
            system.leave_zone(zone, bridge)
        for bridge, zone in self.joins.items():
            system.change_zone(zone, bridge)

    def credited(self, applied: Applied) -> Applied:
        """What was applied, unchanged: each network keeps its zone in its record."""
        return applied


def has_routed_zone(firewalld: Firewalld) -> bool:
    """Whether firewalld has what libvirt puts routed networks in; without it they go where all others do."""
    return _ROUTED_ZONE in firewalld.zones and _ROUTED_POLICY in firewalld.policies


def zone_troubles(plan: Plan, firewalld: Firewalld | None, policy: ZonePolicy) -> Iterator[str]:
    """What keeps the bridges of a plan from their zones.

    Args:
        plan: made for a host with firewalld if there is one, and the policy allows it.
        firewalld: what was found.
        policy: whether bridges are put in zones.
    """
    if policy is ZonePolicy.OFF:
        return
    if firewalld is None:
        if policy is ZonePolicy.ON:
            yield "firewalld does not run: start it (systemctl start firewalld), or leave zones alone (--firewalld off)"
        for share in plan.networks:
            bridge = share.network.bridge
            if bridge is not None and bridge.zone is not None:
                yield (
                    f"network {share.network.name!r} asks for zone {bridge.zone!r} of firewalld, which does not run: "
                    "start it (systemctl start firewalld), or go without the zone (--firewalld off)"
                )
        return
    joining: dict[str, list[str]] = {}
    for share in plan.networks:
        for operation in share.operations:
            match operation.object:
                case ZoneMember(zone) if zone not in firewalld.zones:
                    joining.setdefault(zone, []).append(share.network.name)
    for zone, (first, *others) in joining.items():
        more = f" and {len(others)} more" if others else ""
        yield f"firewalld has no zone {zone!r}, which network {first!r}{more} would join: {_remedy(zone)}"


def _remedy(zone: str) -> str:
    if zone in _LIBVIRTS:
        return (
            "libvirt brings it (Debian: libvirt-daemon-system; then firewall-cmd --reload); "
            "or leave zones alone (--firewalld off)"
        )
    return (
        f"make it (firewall-cmd --permanent --new-zone={zone}, then firewall-cmd --reload), "
        "or name another one in <bridge zone=…>"
    )
