"""Findings: what is not as a network promises, each with its place, whose doing it is, and what helps."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwplan.audit.owners import Owner


class Level(enum.Enum):
    """How bad a finding is."""

    ERROR = "error"
    """A promise is broken, or will be."""
    WARNING = "warning"
    """It may be broken, or cannot be told."""
    NOTE = "note"
    """Good to know; a host with notes alone is clean."""


class Code(enum.Enum):
    """What kinds of findings there are. A code never changes its meaning; docs/findings/ has a page for each."""

    MISSING_RULE = "FW101"
    EXTRA_RULE = "FW102"
    CHANGED_RULE = "FW103"
    MISPLACED_RULE = "FW104"
    DUPLICATE_RULE = "FW105"
    UNREACHABLE_RULE = "FW106"
    MISSING_TABLE = "FW107"
    MISSING_CHAIN = "FW108"
    CHANGED_CHAIN = "FW109"
    STALE_INTERFACE = "FW110"
    STRANGE_RULE = "FW111"
    LEFT_BEHIND = "FW112"
    MISSING_ELEMENT = "FW113"
    EXTRA_ELEMENT = "FW114"
    CHANGED_ELEMENT = "FW115"
    MISSING_MAP = "FW116"
    CHANGED_MAP = "FW117"
    EXTRA_CHAIN = "FW118"

    REFUSED = "FW201"
    PASSES = "FW202"
    OTHER_SOURCE = "FW203"
    SERVICE_REFUSED = "FW204"
    UNDECIDED = "FW205"
    PARTLY_REFUSED = "FW206"
    PARTLY_PASSES = "FW207"

    FORWARDING_OFF = "FW301"
    BRIDGE_MISSING = "FW302"
    REVERSE_PATH_FILTER = "FW303"
    BRIDGED_FRAMES_FILTERED = "FW304"
    NOT_SEEN = "FW305"
    NOT_UNDERSTOOD = "FW306"
    BRIDGE_NOT_READY = "FW307"
    OTHER_ROUTE = "FW308"
    DEVICE_MISSING = "FW309"
    ROUTES_EXPIRE = "FW310"
    BRIDGE_NOT_NAMED = "FW311"

    OPEN_HAS_RULES = "FW401"
    OPEN_FILTERED_BY = "FW402"

    @property
    def level(self) -> Level:
        """How bad it is, where a finding does not say otherwise."""
        return _LEVELS.get(self, Level.ERROR)

    @property
    def title(self) -> str:
        """What it is, in a few words."""
        return _TITLES[self]

    @property
    def is_drift(self) -> bool:
        """Whether it is that rules are not as planned."""
        return self.value.startswith("FW1")


_LEVELS = {
    Code.DUPLICATE_RULE: Level.WARNING,
    Code.STRANGE_RULE: Level.WARNING,
    Code.LEFT_BEHIND: Level.WARNING,
    Code.UNDECIDED: Level.WARNING,
    Code.PARTLY_REFUSED: Level.WARNING,
    Code.PARTLY_PASSES: Level.WARNING,
    Code.REVERSE_PATH_FILTER: Level.WARNING,
    Code.BRIDGED_FRAMES_FILTERED: Level.NOTE,
    Code.NOT_SEEN: Level.WARNING,
    Code.NOT_UNDERSTOOD: Level.WARNING,
    Code.ROUTES_EXPIRE: Level.WARNING,
    Code.BRIDGE_NOT_NAMED: Level.WARNING,
    Code.OPEN_FILTERED_BY: Level.NOTE,
}
"""Of those that are no errors."""

_TITLES = {
    Code.MISSING_RULE: "a rule is missing",
    Code.EXTRA_RULE: "a rule is too much",
    Code.CHANGED_RULE: "a rule says something else",
    Code.MISPLACED_RULE: "a rule is at a wrong place",
    Code.DUPLICATE_RULE: "a rule is there more than once",
    Code.UNREACHABLE_RULE: "a rule is never reached",
    Code.MISSING_TABLE: "a table is missing",
    Code.MISSING_CHAIN: "a chain is missing",
    Code.CHANGED_CHAIN: "a chain hangs elsewhere, or has another policy",
    Code.STALE_INTERFACE: "rules name an interface that is gone",
    Code.STRANGE_RULE: "a rule of somebody else's stands among libvirt's",
    Code.LEFT_BEHIND: "rules are there for a bridge that is gone",
    Code.MISSING_ELEMENT: "an element of a map is missing",
    Code.EXTRA_ELEMENT: "an element of a map is too much",
    Code.CHANGED_ELEMENT: "an element of a map leads elsewhere",
    Code.MISSING_MAP: "a map is missing",
    Code.CHANGED_MAP: "a map is of another kind",
    Code.EXTRA_CHAIN: "a chain is too much",
    Code.REFUSED: "what is to pass is refused",
    Code.PASSES: "what is to be refused passes",
    Code.OTHER_SOURCE: "packets leave under another source than they are to",
    Code.SERVICE_REFUSED: "guests do not reach a service of the host",
    Code.UNDECIDED: "whether a promise is kept cannot be told",
    Code.PARTLY_REFUSED: "some of what is to pass is refused",
    Code.PARTLY_PASSES: "some of what is to be refused passes",
    Code.FORWARDING_OFF: "the host does not forward",
    Code.BRIDGE_MISSING: "the bridge is not there",
    Code.REVERSE_PATH_FILTER: "the host drops packets by where they come from",
    Code.BRIDGED_FRAMES_FILTERED: "rules of IP see what stays on a bridge",
    Code.NOT_SEEN: "not everything was looked at",
    Code.NOT_UNDERSTOOD: "a part of what the host has is not understood",
    Code.BRIDGE_NOT_READY: "the bridge is down, or lacks the network's address",
    Code.OTHER_ROUTE: "the host sends what is for guests another way",
    Code.DEVICE_MISSING: "a device that the network uses is not there",
    Code.ROUTES_EXPIRE: "the host forgets its IPv6 routes as soon as it forwards",
    Code.BRIDGE_NOT_NAMED: "which bridge the network has is not known",
    Code.OPEN_HAS_RULES: "an open network has rules of libvirt's or fwplan's",
    Code.OPEN_FILTERED_BY: "who filters an open network",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        code: what kind it is.
        network: the name of the network; None for what concerns the host.
        place: the table and chain, the setting or the interface.
        message: what is so, and what was to be.
        details: rules, packets and the like that belong to it, a line each.
        owner: whose doing it is; None where it is nobody's.
        remedy: commands that help, and what else does as a comment that begins with `#`.
        other_level: how bad it is, where that is not what its code says.
    """

    code: Code
    network: str | None
    place: str
    message: str
    details: tuple[str, ...] = ()
    owner: Owner | None = None
    remedy: tuple[str, ...] = ()
    other_level: Level | None = None

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.other_level or self.code.level
