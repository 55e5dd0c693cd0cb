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
    for share in plan.networks:
        if share.network.meaning.filtered and share.bridge is not None:
            needed, useful = _bridge_troubles(share, plan, interfaces)
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


def _bridge_troubles(
    share: NetworkPlan, plan: Plan, interfaces: Mapping[str, int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What has to be otherwise with the bridge of a network, and what should be."""
    network = share.network
    by_index = plan.backend is Backend.NFTABLES and plan.layout is Layout.LIBVIRT
    if network.kind is Kind.MANAGED and share.bridge != network.bridge_name:
        trouble = (
            f"network {network.name!r} does not name its bridge, which libvirt chooses: "
            f"take the definition from `virsh net-dumpxml {network.name}`"
        )
        return ((trouble,), ()) if plan.backend is Backend.NFTABLES else ((), (trouble,))
    if share.bridge in interfaces:
        return (), ()
    if by_index:
        trouble = (
            f"network {network.name!r}: there is no bridge {share.bridge}, by whose index rules know it: "
            f"start the network (virsh net-start {network.name}), or make the bridge"
        )
        return (trouble,), ()
    trouble = (
        f"network {network.name!r}: there is no bridge {share.bridge} yet; its rules take effect when there is "
        f"(virsh net-start {network.name})"
    )
    return (), (trouble,)


def forwarded(plan: Plan) -> set[Family]:
    """The families that a plan forwards between networks."""
    intents = (operation.intent for share in plan.networks for operation in share.operations)
    return {Family.of(intent.subnet) for intent in intents if isinstance(intent, MayLeave | MayEnter)}
