"""Whether two rulesets do the same with all packets, or a packet with which they do not.

The argument, in short. Rules compare packets with finitely many constants, so that all packets fall into finitely many
classes that no rule tells apart. For each ruleset a diagram is made of what becomes of each class: of the answers that
the simulator gives, statement by statement, for one packet of each span between constants. The two diagrams are walked
side by side, class by class, and none is left out. Where a statement asks for something else, both its answers are
followed, and where they come to different ends the class is *undecided*: it never counts as the same. `docs/prove.md`
says it at length.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from fwplan.errors import FwplanError
from fwplan.prove.comparison import Classes, Comparison, Relation
from fwplan.prove.confirmation import endings, way
from fwplan.prove.diagram import MOST_SPANS, Diagrams
from fwplan.prove.dimensions import FAMILIES, Dimension, Family
from fwplan.prove.doubts import Doubts
from fwplan.prove.ending import Ending, Kind
from fwplan.prove.examples import Scene, example_of
from fwplan.prove.interfaces import HOST, Interfaces
from fwplan.prove.meaning import Meaning
from fwplan.prove.points import Points
from fwplan.prove.readings import Readings
from fwplan.simulate.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fwplan.nft.ruleset import Ruleset
    from fwplan.prove.comparison import Region
    from fwplan.prove.diagram import Diagram
    from fwplan.simulate.outcome import Doubt, Met
    from fwplan.simulate.packet import Packet

_LOOPBACK = "lo"
_MOST_UNDECIDED = 10
"""How many doubts are told."""
_MOST_TRIED = 3000
"""Among how many classes the likeliest packet is looked for, or packets in doubt."""


class ContradictionError(FwplanError):
    """The simulator makes something else of a packet than the proof does: a defect of fwplan (exit code 2)."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two rulesets.

    Attributes:
        name: what it is, in words: `libvirt's layout`, `the host`.
        ruleset: all its tables.
    """

    name: str
    ruleset: Ruleset


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a ruleset makes of a packet.

    Attributes:
        endings: one where it is known.
        because: what would decide, where it is not.
        met: what the packet meets, in order.
    """

    endings: frozenset[Ending]
    because: tuple[Doubt, ...]
    met: tuple[Met, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A packet, and what each ruleset makes of it.

    Attributes:
        packet: as it comes to the hook forward; one that the host itself sends, to postrouting.
        treatments: of the one ruleset and of the other.
    """

    packet: Packet
    treatments: tuple[Treatment, Treatment]


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """What was found for one version of IP.

    Attributes:
        family: which.
        classes: how many there are of each relation.
        counterexample: a packet that is treated differently; None where there is none.
        undecided: for each of the first doubts, a packet of which it is not known whether it is.
    """

    family: Family
    classes: Classes
    counterexample: Example | None
    undecided: tuple[Example, ...]

    @property
    def is_proved(self) -> bool:
        """Whether both do the same with all packets."""
        return not self.classes.different and not self.classes.undecided


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of holding two rulesets against each other.

    Attributes:
        sides: both.
        results: for each version of IP.
    """

    sides: tuple[Side, Side]
    results: tuple[FamilyResult, ...]

    @property
    def holds(self) -> bool:
        """Whether both do the same with all packets."""
        return all(result.is_proved for result in self.results)

    @property
    def classes(self) -> Classes:
        """How many there are of each relation, for both versions of IP."""
        total = Classes()
        for result in self.results:
            total = total.plus(result.classes)
        return total


def prove(
    left: Side,
    right: Side,
    scene: Scene,
    *,
    networks_only: bool = False,
    most: int = MOST_SPANS,
    tell: Callable[[str], None] = lambda _: None,
) -> Proof:
    """Hold two rulesets against each other, for all packets.

    Args:
        left: one of them.
        right: the other.
        scene: the networks that they are about.
        networks_only: leave out packets that neither come in nor leave by a bridge of the networks.
        most: how many spans of packets may be kept.
        tell: is told what is being done.

    Raises:
        TooIntricateError: there are more classes of packets than fwplan keeps.
        UnreadableError: a ruleset is one that no kernel has.
        ContradictionError: fwplan has a defect.
    """
    sides = (left, right)
    # one after the other: the diagrams of one are not needed for the next
    results = [
        _Case(sides, scene, family, Diagrams(most), tell).result(networks_only=networks_only) for family in FAMILIES
    ]
    return Proof(sides, tuple(results))


class _Case:
    """Two rulesets and the packets of one version of IP."""

    def __init__(
        self,
        sides: tuple[Side, Side],
        scene: Scene,
        family: Family,
        diagrams: Diagrams,
        tell: Callable[[str], None],
    ) -> None:
        self._sides = sides
        self._scene = scene
        self._family = family
        self._tell = tell
        self._doubts = Doubts()
        self._diagrams = diagrams
        self._readings = [Readings(side.ruleset, family) for side in sides]
        names = {name for readings in self._readings for name in readings.interface_cuts()}
        self._interfaces = Interfaces(names | scene.bridges | {_LOOPBACK})
        self._simulators = [Simulator(side.ruleset) for side in sides]

    def result(self, *, networks_only: bool) -> FamilyResult:
        """What is found."""
        points = Points(self._family, self._interfaces)
        packets = self._packets(networks_only=networks_only)
        found = []
        for side, readings in zip(self._sides, self._readings, strict=True):
            self._say(f"what {side.name} does with each packet")
            meaning = Meaning(side.ruleset, readings, self._diagrams, points, self._doubts)
            found.append(self._diagrams.then(packets, meaning.of_all_packets(), Kind.PASSES))
        self._say("whether it is the same")
        comparison = Comparison(self._diagrams, found[0], found[1])
        return FamilyResult(
            self._family,
            comparison.classes,
            self._counterexample(comparison),
            tuple(self._undecided(comparison)) if comparison.classes.undecided else (),
        )

    def _say(self, what: str) -> None:
        self._tell(f"{_WRITTEN[self._family]}: {what}")

    def _packets(self, *, networks_only: bool) -> Diagram:
        """Which packets there are: none leaves by no interface, and what is forwarded goes by no loopback interface."""
        yes, no = self._diagrams.leaf(Ending(Kind.PASSES)), self._diagrams.leaf(Ending(Kind.NO_PACKET))
        loopback = self._interfaces.number(_LOOPBACK)
        bridges = {self._interfaces.number(name) for name in self._scene.bridges}
        classes = range(len(self._interfaces))

        def leaving(*, by: set[int]) -> Diagram:
            return self._diagrams.ask(Dimension.OUT, classes, [yes if each in by else no for each in classes])

        forwarding = set(classes) - {HOST, loopback}
        from_guests = leaving(by=forwarding)
        from_others = leaving(by=forwarding & bridges if networks_only else forwarding)
        from_host = leaving(by=bridges if networks_only else forwarding | {loopback})
        ways = {HOST: from_host, loopback: no} | dict.fromkeys(bridges, from_guests)
        return self._diagrams.ask(Dimension.IN, classes, [ways.get(each, from_others) for each in classes])

    # Examples

    def _counterexample(self, comparison: Comparison) -> Example | None:
        found = None
        for region in islice(comparison.regions(Relation.DIFFERENT), _MOST_TRIED):
            example = example_of(region, self._family, self._interfaces, self._scene)
            if found is None or example.strangeness < found[0].strangeness:
                found = example, region
            if not example.strangeness:
                break
        return None if found is None else self._tried(found[0].packet, found[1])

    def _undecided(self, comparison: Comparison) -> Iterator[Example]:
        seen: set[int] = set()
        for region in islice(comparison.regions(Relation.UNDECIDED), _MOST_TRIED):
            new = (region.left.because | region.right.because) - seen
            if new:
                seen |= new
                packet = example_of(region, self._family, self._interfaces, self._scene).packet
                yield self._tried(packet, region)
            if len(seen) >= _MOST_UNDECIDED:
                return

    def _tried(self, packet: Packet, region: Region) -> Example:
        """A packet of a class, tried by the simulator, which has to say the same as the diagrams."""
        treatments = []
        for simulator, leaf, side in zip(self._simulators, (region.left, region.right), self._sides, strict=True):
            found = endings(simulator, packet)
            if not found <= leaf.endings:
                raise ContradictionError(
                    f"fwplan contradicts itself about what {side.name} makes of {packet}: {found} is not among "
                    f"{leaf.endings}. Please report this, with the definitions and the ruleset"
                )
            because = tuple(self._doubts[number] for number in sorted(leaf.because))
            treatments.append(Treatment(leaf.endings, because, way(simulator, packet)))
        return Example(packet, (treatments[0], treatments[1]))


_WRITTEN: Mapping[Family, str] = {"ip": "IPv4", "ip6": "IPv6"}
