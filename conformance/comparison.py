"""What agreed and what did not, as lines of a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass
class Comparison:
    """One line of the table: what was compared, how often it agreed, and where it did not."""

    title: str
    agreed: int = 0
    differences: list[str] = field(default_factory=list)

    def note(self, name: str, difference: str | None) -> None:
        """Count a case."""
        if difference is None:
            self.agreed += 1
        else:
            self.differences.append(f"{name}: {difference}")

    def __str__(self) -> str:
        """The line of the table."""
        total = self.agreed + len(self.differences)
        share = f"{100 * self.agreed / total:.0f} %" if total else "no data"
        return f"{self.title:<64} {self.agreed:>4} of {total:>4}  {share:>7}"


def report(comparisons: Iterable[Comparison]) -> int:
    """Print each difference, then the table; 1 if there was any difference."""
    listed = list(comparisons)
    for comparison in listed:
        for difference in comparison.differences:
            print(f"{comparison.title}: {difference}")
    for comparison in listed:
        print(comparison)
    return 1 if any(comparison.differences for comparison in listed) else 0
