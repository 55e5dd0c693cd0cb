"""What the executor knows of a part of a host: it can be compared with what is wanted of it, and changed.

What was there before a change is a part of the same kind. Undoing a change is bringing the host to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from fwplan.errors import HostError

if TYPE_CHECKING:
    from fwplan.host.state import Applied
    from fwplan.host.system import System
    from fwplan.plan.difference import Difference

    Json = dict[str, Any]


class ChangedMeanwhileError(HostError):
    """Somebody else changed the host between reading and writing: read again, and plan again.

    Attributes:
        made: whether the change was made all the same, beside that of the other.
    """

    def __init__(self, message: str, *, made: bool) -> None:
        """Say what was noticed."""
        super().__init__(message)
        self.made = made


class Change(Protocol):
    """What brings one part of a host to what is wanted of it."""

    @property
    def kind(self) -> str:
        """The kind of the part."""

    @property
    def before(self) -> Part:
        """What is there now, where the change will be."""

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is not as it is wanted; none when there is nothing to do."""

    @property
    def unchanged(self) -> int:
        """How many rules are as they are wanted."""

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What is in the way, and is not fwplan's to change."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the host is not able to, and is left out."""

    def make(self, system: System) -> None:
        """Change the host.

        Raises:
            ChangedMeanwhileError: the host is no longer as it was read.
            HostError: the host refused.
        """

    def credited(self, applied: Applied) -> Applied:
        """What was applied, with what fwplan has made itself when the change is made."""


class Part(Protocol):
    """One part of a host, as it is to be."""

    kind: ClassVar[str]

    def compare(self, system: System) -> Change:
        """Read the host, and find what is to be done.

        Raises:
            HostError: the host cannot be read.
        """

    def document(self) -> Json:
        """The part as the journal keeps it, with its `kind`."""
