"""Which networks have to be planned together because their subnets overlap, directly or by way of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from fwplan.network.addressing import Subnet

K = TypeVar("K", bound="Hashable")


def reached(subnets: Mapping[K, Sequence[Subnet]], starts: Iterable[K]) -> set[K]:
    """All that the starts share addresses with, and those with others, and so on; the starts included.

    Args:
        subnets: of each network.
        starts: of the same networks, where to begin.
    """
    groups: list[list[K]] = list(_groups(subnets))
    groups_of: dict[K, list[int]] = {}
    for number, group in enumerate(groups):
        for name in group:
            groups_of.setdefault(name, []).append(number)
    found = set(starts)
    waiting = list(found)
    done: set[int] = set()
    while waiting:
        for number in groups_of.get(waiting.pop(), ()):
            if number not in done:
                done.add(number)
                waiting += [name for name in groups[number] if name not in found]
                found.update(groups[number])
    return found


def _groups(subnets: Mapping[K, Sequence[Subnet]]) -> Iterator[list[K]]:
    """Networks whose subnets hang together: each overlaps one that begins before it."""
    ordered = sorted(
        (
            (subnet.version, int(subnet.network_address), int(subnet.broadcast_address), name)
            for name, of_network in subnets.items()
            for subnet in of_network
        ),
        key=lambda entry: entry[:3],
    )
    group: list[K] = []
    reach = (0, 0)
    for version, first, last, name in ordered:
        if group and (version, first) > reach:
            yield group
            group = []
        group.append(name)
        reach = max(reach, (version, last))
    if group:
        yield group
