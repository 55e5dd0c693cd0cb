"""What is wrong with a definition: each problem with its place and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from fwplan.errors import FwplanError


class Severity(enum.Enum):
    """How bad a problem is: libvirt refuses an error; a warning it accepts, but not as the author may think."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a definition.

    Attributes:
        severity: whether libvirt would refuse the definition for it.
        path: the element, as a path below `<network>`, such as `ip[2]/dhcp/range`; empty for `<network>` itself.
        message: what is wrong.
        advice: what to do about it.
        line: line in the file, from 1; None for a definition that was not read from XML.
    """

    severity: Severity
    path: str
    message: str
    advice: str
    line: int | None = None

    @property
    def element(self) -> str:
        """The element as it is written, such as `<range>`."""
        name = self.path.rpartition("/")[2].partition("[")[0]
        return f"<{name or 'network'}>"

    def __str__(self) -> str:
        """`<element>: what is wrong; what to do`."""
        return f"{self.element}: {self.message}; {self.advice}"


class InvalidDefinitionError(FwplanError):
    """A definition that libvirt would refuse, or that is no definition at all; carries every problem found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep `problems`, of which at least one is an error."""
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
