"""The plan: an ordered list of operations for one or more networks, each part of which says why it is as it is."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from fwplan.errors import NotExpressibleError
from fwplan.network.problems import InvalidDefinitionError, Severity
from fwplan.network.together import bridge_names, conflicts
from fwplan.network.validate import validate
from fwplan.plan.promises import promises, zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.network.definition import Network
    from fwplan.plan.intents import Intent
    from fwplan.plan.operations import Operation


class Backend(enum.Enum):
    """What carries the rules: the same as libvirt's `firewall_backend`."""

    NFTABLES = "nftables"
    IPTABLES = "iptables"


class Layout(enum.Enum):
    """How promises become rules; `libvirt` is what libvirt itself installs."""

    LIBVIRT = "libvirt"
    MAPS = "maps"
    """The same verdicts, in tables of fwplan's own, at a cost that does not grow with the number of networks."""


WAYS: tuple[tuple[Backend, Layout], ...] = (
    (Backend.NFTABLES, Layout.LIBVIRT),
    (Backend.NFTABLES, Layout.MAPS),
    (Backend.IPTABLES, Layout.LIBVIRT),
)
"""The backends, each with the layouts that it has: iptables knows no verdict maps."""


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """A network's own share of a plan.

    Attributes:
        network: the definition.
        bridge: its bridge, which libvirt may have had to name; None when it has none.
        operations: in the order in which they are done.
        why_empty: why there are no rules, as a sentence; empty where there are some.
    """

    network: Network
    bridge: str | None
    operations: tuple[Operation, ...]
    why_empty: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done on a host.

    Attributes:
        backend: what carries the rules.
        layout: how promises become rules.
        set_up: what is needed once on a host; empty when no network has rules, or when it was left out.
        networks: each network's share.
        removal: whether all this is taken away, set-up last, instead of made.
    """

    backend: Backend
    layout: Layout
    set_up: tuple[Operation, ...]
    networks: tuple[NetworkPlan, ...]
    removal: bool = False

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations, in order."""
        own = tuple(operation for network in self.networks for operation in network.operations)
        return own + self.set_up if self.removal else self.set_up + own

    @property
    def inverse(self) -> Plan:
        """The plan that undoes this one."""
        return replace(
            self,
            set_up=_undo(self.set_up),
            networks=tuple(
                replace(network, operations=_undo(network.operations)) for network in reversed(self.networks)
            ),
            removal=not self.removal,
        )


def _undo(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    return tuple(operation.inverse for operation in reversed(operations))


def make_plan(
    networks: Sequence[Network],
    *,
    backend: Backend = Backend.NFTABLES,
    layout: Layout = Layout.LIBVIRT,
    firewalld: bool = False,
    routed_zone: bool = True,
    set_up: bool = True,
    checked: bool = False,
) -> Plan:
    """Plan the firewall of one or more networks, in the order given.

    Args:
        networks: definitions, as `fwplan.network.read_network` gives them.
        backend: what carries the rules.
        layout: how promises become rules.
        firewalld: plan for a host on which firewalld runs: bridges are put in their zones.
        routed_zone: firewalld has libvirt's zone and policy for routed networks; they join the usual one otherwise.
        set_up: plan what is needed once on a host as well.
        checked: the caller has seen that the definitions are valid, each and together.

    Raises:
        InvalidDefinitionError: a definition is not one that libvirt would accept, or two exclude each other.
        NotExpressibleError: the backend does not have the layout.
    """
    if not checked:
        _check(networks)
    lowering = _lowering(backend, layout)
    bridges = bridge_names(networks)
    promised = [
        () if bridge is None else promises(network, bridge) for network, bridge in zip(networks, bridges, strict=True)
    ]
    zones = [
        zone_of(network, bridge, routed_zone=routed_zone) if firewalld and bridge is not None else None
        for network, bridge in zip(networks, bridges, strict=True)
    ]
    lowered = lowering.lower(
        [(*(() if zone is None else (zone,)), *intents) for zone, intents in zip(zones, promised, strict=True)]
    )
    parts = tuple(
        NetworkPlan(network, bridge, operations, network.meaning.why_unfiltered)
        for network, bridge, operations in zip(networks, bridges, lowered, strict=True)
    )
    return Plan(backend, layout, lowering.set_up() if set_up and any(promised) else (), parts)


def set_up_plan(backend: Backend, layout: Layout = Layout.LIBVIRT) -> Plan:
    """Only what is needed once on a host.

    Raises:
        NotExpressibleError: the backend does not have the layout.
    """
    return Plan(backend, layout, _lowering(backend, layout).set_up(), ())


class _Lowering(Protocol):
    """How promises become operations of a backend."""

    def set_up(self) -> tuple[Operation, ...]: ...

    def lower(self, promised: Sequence[Sequence[Intent]], /) -> Sequence[tuple[Operation, ...]]:
        """The operations of each network, given what each promises, in the order in which they are started."""


def _lowering(backend: Backend, layout: Layout) -> _Lowering:
    """The lowering of a backend in a layout; the others are not imported."""
    match backend, layout:
        case Backend.NFTABLES, Layout.LIBVIRT:
            from fwplan.plan import nftables_libvirt  # noqa: PLC0415

            return nftables_libvirt
        case Backend.NFTABLES, Layout.MAPS:
            from fwplan.plan import nftables_maps  # noqa: PLC0415

            return nftables_maps
        case Backend.IPTABLES, Layout.LIBVIRT:
            from fwplan.plan import iptables_libvirt  # noqa: PLC0415

            return iptables_libvirt
        case _:
            raise NotExpressibleError(
                f"backend '{backend.value}' has no layout '{layout.value}': iptables knows no verdict maps"
            )


def _check(networks: Sequence[Network]) -> None:
    problems = [problem for network in networks for problem in validate(network)]
    problems.extend(problem for _, problem in conflicts(networks))
    errors = tuple(problem for problem in problems if problem.severity is Severity.ERROR)
    if errors:
        raise InvalidDefinitionError(errors)
