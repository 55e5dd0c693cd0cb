"""What of a document could not be read: rules that depend on it stay silent, so that each mistake is told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Faults:
    """The elements of a document that are faulty, as paths below the root such as `ip[2]/dhcp`.

    Attributes:
        faulty: those with a mistake of their own, not one in an element below.
        missing: those among them that the definition had to be read without.
    """

    faulty: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()

    def within(self, path: str) -> bool:
        """Whether an element, or one below it, has a mistake."""
        return any(found == path or found.startswith((f"{path}/", f"{path}[")) for found in self.faulty)

    def are_missing(self, path: str) -> bool:
        """Whether an element, or one of several of that name, could not be read."""
        return any(found == path or found.startswith(f"{path}[") for found in self.missing)

    def places(self, path: str, number: int) -> Iterator[str]:
        """The paths of those elements of one name that could be read, in order.

        Args:
            path: without a number, such as `ip[2]/dhcp/range`.
            number: how many could be read.
        """
        missing = {found for found in self.missing if found.startswith(path)}
        if number == 1 and not missing:
            yield path
            return
        left, index = number, 0
        while left:
            index += 1
            if f"{path}[{index}]" not in missing:
                left -= 1
                yield f"{path}[{index}]"


NO_FAULTS = Faults()
