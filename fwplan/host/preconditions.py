"""What has to be so before anything is changed: all that is missing is said together, each with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.errors import HostError
from fwplan.host.forwarding import FORWARDING
from fwplan.host.zones import ZonePolicy, zone_troubles
from fwplan.network.modes import Kind
from fwplan.plan.checksums import ChecksumPolicy
from fwplan.plan.intents import Family, MayEnter, MayLeave
from fwplan.plan.plan import Backend, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.host.firewalld import Firewalld
    from fwplan.host.system import System
    from fwplan.plan.plan import NetworkPlan, Plan


_FEW = 5
"""Lines about networks that lack the same, at most."""


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What is not as it has to be, or should be.

    Attributes:
        missing: without which nothing is changed.
        advice: what keeps the rules from doing their work, though they can be put there.
    """

    missing: tuple[str, ...]
    advice: tuple[str, ...]


def preconditions(
    system: System,
    plan: Plan,
    interfaces: Mapping[str, int],
    *,
    enable_forwarding: bool = False,
    checksum: ChecksumPolicy = ChecksumPolicy.AUTO,
    firewalld: Firewalld | None = None,
    zones: ZonePolicy = ZonePolicy.AUTO,
) -> Preconditions:
    """Look at what a plan needs of a host.

    Args:
        system: the host.
        plan: what is to be applied.
        interfaces: the index of each interface of the host, by name.
        enable_forwarding: whether the host is made to forward.
        checksum: whether it has to be able to repair checksums.
        firewalld: the one that runs.
        zones: whether bridges are put in its zones.

    Raises:
        HostError: the host cannot be read.
    """
    missing: list[str] = []
    advice: list[str] = []
    if not system.may_change_networking():
        missing.append("changing rules needs root, or CAP_NET_ADMIN: run it with sudo")
    else:
        missing.extend(_backend_troubles(system, plan.backend))
        if checksum is ChecksumPolicy.REQUIRE:
            missing.extend(_checksum_troubles(system, plan))
        missing.extend(zone_troubles(plan, firewalld, zones))
    needed, useful = _bridge_troubles(plan, interfaces)
    missing.extend(needed)
    advice.extend(useful)
    if enable_forwarding:
        return Preconditions(tuple(missing), tuple(advice))
    advice.extend(
        f"the host does not forward {family.value}: guests reach nothing beyond it (--enable-forwarding)"
        for family in sorted(forwarded(plan), key=lambda family: family.value)
        if system.setting(FORWARDING[family]) == "0"
    )
    return Preconditions(tuple(missing), tuple(advice))


def _backend_troubles(system: System, backend: Backend) -> Iterator[str]:
    match backend:
        case Backend.NFTABLES:
            try:
                system.generation()
                system.load_nftables()
            except HostError as error:
                yield str(error)
        case Backend.IPTABLES:
            for program in ("iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore"):
                if not system.has_program(program):
                    yield f"there is no program {program}: install it (Debian: iptables)"


def _checksum_troubles(system: System, plan: Plan) -> Iterator[str]:
    match plan.backend:
        case Backend.NFTABLES:
            from fwplan.host.checksums import checksum_troubles  # noqa: PLC0415 - of this backend only
        case Backend.IPTABLES:
            from fwplan.host.iptables import checksum_troubles  # noqa: PLC0415 - of this backend only
    return checksum_troubles(system, plan)


def _bridge_troubles(plan: Plan, interfaces: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """What has to be otherwise with the bridges of networks, and what should be."""
    filtered = [share for share in plan.networks if share.network.meaning.filtered and share.bridge is not None]
    unnamed = [
        f"network {share.network.name!r} does not name its bridge, which libvirt chooses: "
        f"take the definition from `virsh net-dumpxml {share.network.name}`"
        for share in filtered
        if _is_unnamed(share)
    ]
    absent = [share for share in filtered if not _is_unnamed(share) and share.bridge not in interfaces]
    by_nftables = plan.backend is Backend.NFTABLES
    if by_nftables and plan.layout is Layout.LIBVIRT:
        needed = [
            f"network {share.network.name!r}: there is no bridge {share.bridge}, by whose index rules know it: "
            f"start the network (virsh net-start {share.network.name}), or make the bridge"
            for share in absent
        ]
        return [*unnamed, *_few(needed)], []
    useful = [
        f"network {share.network.name!r}: there is no bridge {share.bridge} yet; its rules take effect when there is "
        f"(virsh net-start {share.network.name})"
        for share in absent
    ]
    return (unnamed, _few(useful)) if by_nftables else ([], [*unnamed, *_few(useful)])


def _is_unnamed(share: NetworkPlan) -> bool:
    return share.network.kind is Kind.MANAGED and share.bridge != share.network.bridge_name


def _few(lines: list[str]) -> list[str]:
    """A line for each network that lacks the same; of many, the first."""
    if len(lines) <= _FEW:
        return lines
    return [*lines[: _FEW - 1], f"and so for {len(lines) - _FEW + 1:,} more networks"]


def forwarded(plan: Plan) -> set[Family]:
    """The families that a plan forwards between networks."""
    intents = (operation.intent for share in plan.networks for operation in share.operations)
    return {Family.of(intent.subnet) for intent in intents if isinstance(intent, MayLeave | MayEnter)}
