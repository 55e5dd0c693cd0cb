"""What a network is, in values: derived from several settings at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.network.modes import Kind
from fwplan.network.together import bridge_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.network.definition import Network


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a network is, and why.

    Attributes:
        network: the definition.
        bridge: its bridge, if it has one.
        bridge_is_chosen: whether libvirt has to choose the name of the bridge.
        devices: the host's devices or functions that it uses or leaves by.
        serves_dhcp: whether guests are given addresses.
        serves_dns: whether names are resolved for guests.
        serves_tftp: whether guests can boot from the host.
    """

    network: Network
    bridge: str | None
    bridge_is_chosen: bool
    devices: tuple[str, ...]
    serves_dhcp: bool
    serves_dns: bool
    serves_tftp: bool


def explain(networks: Sequence[Network]) -> tuple[Explanation, ...]:
    """Explain definitions that are valid and meant for one host."""
    return tuple(_explain(network, bridge) for network, bridge in zip(networks, bridge_names(networks), strict=True))


def _explain(network: Network, bridge: str | None) -> Explanation:
    served = network.meaning.services and bool(network.ips)
    return Explanation(
        network=network,
        bridge=bridge,
        bridge_is_chosen=network.kind is Kind.MANAGED and bridge != network.bridge_name,
        devices=_devices(network),
        serves_dhcp=served and any(ip.gives_addresses for ip in network.ips),
        serves_dns=served and not (network.dns is not None and network.dns.enable is False),
        serves_tftp=served and any(ip.tftp is not None and ip.tftp.root is not None for ip in network.ips),
    )


def _devices(network: Network) -> tuple[str, ...]:
    forward = network.forward
    if forward is None:
        return ()
    named = tuple(interface.dev for interface in forward.interfaces)
    if not named and forward.dev is not None:
        named = (forward.dev,)
    functions = tuple(function.dev for function in forward.physical_functions)
    return named + functions + tuple(str(address) for address in forward.addresses)
