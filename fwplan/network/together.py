"""What several definitions of one host mean to each other: bridges that libvirt has to name, and conflicts."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from fwplan.network.modes import Kind
from fwplan.network.problems import Problem, Severity
from fwplan.network.translations import translation_conflicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.network.addressing import Subnet
    from fwplan.network.definition import Network

_TEMPLATE = "virbr%d"


def bridge_names(networks: Sequence[Network]) -> tuple[str | None, ...]:
    """The bridge of each network; None where there is none.

    A managed network that names none, or gives a template such as `br%d`, gets the lowest number that no other of
    these networks has. libvirt does the same, but it also passes over interfaces that the host has already.
    """
    taken = {network.bridge_name for network in networks}
    names = []
    for network in networks:
        name = network.bridge_name
        if network.kind is Kind.MANAGED and (name is None or "%d" in name):
            template = name or _TEMPLATE
            name = next(
                numbered for number in count() if (numbered := template.replace("%d", str(number), 1)) not in taken
            )
            taken.add(name)
        names.append(name)
    return tuple(names)


def conflicts(networks: Sequence[Network]) -> tuple[tuple[int, Problem], ...]:
    """What cannot be on one host together: (place of the later definition from 0, problem)."""
    found: list[tuple[int, Problem]] = []
    by_name: dict[str, int] = {}
    by_uuid: dict[str, int] = {}
    by_bridge: dict[str, int] = {}
    for place, network in enumerate(networks):
        first = by_name.setdefault(network.name, place)
        if first != place:
            found.append((place, _error("name", f"a network '{network.name}' was given before", "rename one of them")))
        if network.uuid is not None:
            first = by_uuid.setdefault(network.uuid, place)
            if first != place and networks[first].name != network.name:
                message = f"network '{networks[first].name}' has this UUID"
                found.append((place, _error("uuid", message, "leave it out: libvirt makes one")))
        if network.bridge_name is not None:
            first = by_bridge.setdefault(network.bridge_name, place)
            if first != place and Kind.MANAGED in {network.kind, networks[first].kind}:
                message = f"bridge '{network.bridge_name}' belongs to network '{networks[first].name}'"
                found.append((place, _error("bridge", message, "name another bridge, or none: libvirt chooses one")))
    found.extend(_overlaps(networks))
    found.extend(translation_conflicts(networks))
    return tuple(sorted(found, key=lambda conflict: conflict[0]))


def _error(path: str, message: str, advice: str) -> Problem:
    return Problem(Severity.ERROR, path, message, advice)


def _overlaps(networks: Sequence[Network]) -> list[tuple[int, Problem]]:
    """Each subnet that lies in, around or on that of another network.

    Subnets either nest or are apart, so that sorted by first address and size an overlap is one with a subnet that is
    still open: linear, but for the sorting.
    """
    subnets = sorted(
        (
            (subnet.version, int(subnet.network_address), subnet.prefixlen, place, index, subnet)
            for place, network in enumerate(networks)
            if network.kind is Kind.MANAGED
            for index, subnet in enumerate((ip.subnet for ip in network.ips), start=1)
        ),
        key=lambda entry: entry[:5],
    )
    found = []
    # Where two stand together in it, they are of two networks: the outer one of a network stands for its inner ones.
    around: list[tuple[int, int, Subnet]] = []
    for version, address, _prefix, place, index, subnet in subnets:
        while around and (around[-1][2].version != version or int(around[-1][2].broadcast_address) < address):
            around.pop()
        others = [entry for entry in around[-2:] if entry[0] != place]
        if others:
            other, other_index, wider = others[-1]
            later, earlier = max(place, other), min(place, other)
            path = f"ip[{index if later == place else other_index}]"
            message = f"{subnet} and {wider} overlap: the subnet of network '{networks[earlier].name}'"
            advice = "choose another subnet: libvirt does not start a network whose subnet the host has a route to"
            found.append((later, Problem(Severity.WARNING, path, message, advice)))
        if not around or around[-1][0] != place:
            around.append((place, index, subnet))
    return found
