"""What the lab wants to know of definitions, and the network that it adds so that guests have others to meet."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from fwplan.lab.addresses import private
from fwplan.network.definition import Bridge, Network
from fwplan.network.forward import Forward, Nat
from fwplan.network.ip import Ip
from fwplan.network.modes import ForwardMode, Kind
from fwplan.network.together import bridge_names
from fwplan.plan.intents import Family

if TYPE_CHECKING:
    from collections.abc import Sequence


def has_something_to_rehearse(network: Network) -> bool:
    """Whether its guests' packets come by the host's IP stack, where rules are."""
    return network.kind is Kind.MANAGED


def speaks_ipv6(network: Network) -> bool:
    """Whether libvirt leaves IPv6 switched on for the bridge."""
    return bool(network.ipv6) or any(ip.address.version == 6 for ip in network.ips)


def with_named_bridges(networks: Sequence[Network]) -> list[Network]:
    """The networks with the names that libvirt would choose for those bridges that have none yet."""
    return [
        network if name is None else replace(network, bridge=replace(network.bridge or Bridge(), name=name))
        for network, name in zip(networks, bridge_names(networks), strict=True)
    ]


def neighbour_of(networks: Sequence[Network]) -> Network | None:
    """A network of mode `nat`, as most hosts have one; None where several networks, or none, are rehearsed."""
    rehearsed = [network for network in networks if has_something_to_rehearse(network)]
    if len(rehearsed) != 1:
        return None
    taken = [ip.subnet for network in networks for ip in network.ips]
    names = {network.name for network in networks}
    name = next(name for number in count(1) if (name := f"neighbour{number if number > 1 else ''}") not in names)
    families = Family if speaks_ipv6(rehearsed[0]) else [Family.IPV4]
    subnets = [next(private(family, taken)) for family in families]
    return Network(
        name=name,
        forward=Forward(mode=ForwardMode.NAT, nat=Nat(ipv6=True)),
        ips=tuple(
            Ip(
                address=subnet.network_address + 1,
                prefix=subnet.prefixlen,
                family="ipv4" if subnet.version == 4 else "ipv6",
            )
            for subnet in subnets
        ),
    )
