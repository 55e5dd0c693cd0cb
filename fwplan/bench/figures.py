"""Figures, and what they come to: medians, and ratios to the floor of the same round."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from fwplan.bench.cases import Case, Guest, Metric, Rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured.

    Attributes:
        kernel: its release.
        processors: how many.
        load: of the last minute, before anything was measured.
    """

    kernel: str
    processors: int
    load: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that was measured.

    Attributes:
        machine: where.
        seconds: that each measurement took.
        rounds: for each round what each case came to, a second.
    """

    machine: Machine
    seconds: int
    rounds: Sequence[Mapping[tuple[Case, Metric], float]]

    @property
    def sizes(self) -> list[int]:
        """The numbers of networks, ascending."""
        return sorted({case.networks for of_round in self.rounds for case, _ in of_round})

    def value(self, case: Case, metric: Metric) -> float | None:
        """The median of all rounds; None where it was not measured."""
        found = [of_round[case, metric] for of_round in self.rounds if (case, metric) in of_round]
        return median(found) if found else None

    def ratio(self, case: Case, metric: Metric) -> float | None:
        """The median of the ratios to the floor, each within one round; None where it was not measured."""
        floor = Case(Rules.FLOOR, case.networks, Guest.FIRST)
        found = [
            of_round[case, metric] / of_round[floor, metric]
            for of_round in self.rounds
            if (case, metric) in of_round and of_round.get((floor, metric))
        ]
        return median(found) if found else None
