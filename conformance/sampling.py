"""Packets at every edge of what rules compare with, as a second opinion on a proof: no proof can be made of samples."""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING

from fwplan.prove.comparison import Region
from fwplan.prove.confirmation import endings
from fwplan.prove.diagram import Diagrams
from fwplan.prove.dimensions import FAMILIES, SMALL, STATES, Dimension, size_of
from fwplan.prove.ending import Ending, Kind
from fwplan.prove.examples import Scene, example_of
from fwplan.prove.interfaces import Interfaces
from fwplan.prove.readings import Readings
from fwplan.simulate.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.nft.ruleset import Ruleset
    from fwplan.prove.dimensions import Family
    from fwplan.simulate.packet import Packet

_MOST_STATES = len(STATES)


def sampled_difference(left: Ruleset, right: Ruleset, scene: Scene, samples: int) -> Packet | None:
    """A packet that the simulator treats differently with two rulesets, of so many of each version of IP."""
    simulators = Simulator(left), Simulator(right)
    for family in FAMILIES:
        for packet in sample(family, (left, right), scene, samples):
            found = [endings(simulator, packet) for simulator in simulators]
            if found[0] != found[1]:
                return packet
    return None


def sample(family: Family, rulesets: Sequence[Ruleset], scene: Scene, samples: int) -> Iterator[Packet]:
    """Packets at the edges of what rules of any of the rulesets compare with, spread over all combinations."""
    readings = [Readings(ruleset, family) for ruleset in rulesets]
    cuts: dict[Dimension, set[int]] = {Dimension.SOURCE: {0}, Dimension.DESTINATION: {0}, Dimension.PROTOCOL: {6, 1}}
    for each in readings:
        for reading in each.all():
            for dimension, found in reading.cuts.items():
                if dimension not in {Dimension.IN, Dimension.OUT}:
                    size = size_of(dimension, family)
                    edges = {cut - step for cut in found if isinstance(cut, int) for step in (0, 1)}
                    cuts.setdefault(dimension, set()).update(edge for edge in edges if 0 <= edge < size)
    interfaces = Interfaces({*scene.bridges, *(name for each in readings for name in each.interface_cuts())})
    names = set(range(len(interfaces)))
    axes = [
        (Dimension.IN, sorted(names)),
        (Dimension.OUT, sorted(names - {0})),
        (Dimension.STATE, list(range(_MOST_STATES))),
        *((dimension, sorted(found)) for dimension, found in sorted(cuts.items()) if dimension not in SMALL),
    ]
    nothing = Diagrams().leaf(Ending(Kind.PASSES))
    for values in _spread([axis for _, axis in axes], samples):
        spans = {dimension: (value, value + 1) for (dimension, _), value in zip(axes, values, strict=True)}
        yield example_of(Region(spans, nothing, nothing), family, interfaces, scene).packet


def _spread(axes: Sequence[Sequence[int]], count: int) -> Iterator[tuple[int, ...]]:
    """Some of all combinations, far from each other."""
    total = prod(map(len, axes))
    # about the golden section, which leaves no part out for long
    step = max(int(total * 0.6180339887), 1)
    while gcd(step, total) != 1:
        step += 1
    for number in range(min(count, total)):
        rest, values = number * step % total, []
        for axis in axes:
            rest, place = divmod(rest, len(axis))
            values.append(axis[place])
        yield tuple(values)
