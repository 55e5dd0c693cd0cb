"""What is measured: which rules, for how many networks, for a guest of which."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.plan.plan import Backend, Layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Rules(enum.Enum):
    """The rules that a host has."""

    NONE = "none"
    FLOOR = "floor"
    """One masquerade rule, written by hand: connection tracking and translation at their least."""
    LIBVIRT = "libvirt"
    IPTABLES = "iptables"
    MAPS = "maps"

    @property
    def way(self) -> tuple[Backend, Layout] | None:
        """The backend and layout; None where they are no plan's."""
        return _WAYS.get(self)

    @property
    def words(self) -> str:
        """In words, as the legend of a plot."""
        return _WORDS[self]


_WAYS = {
    Rules.LIBVIRT: (Backend.NFTABLES, Layout.LIBVIRT),
    Rules.IPTABLES: (Backend.IPTABLES, Layout.LIBVIRT),
    Rules.MAPS: (Backend.NFTABLES, Layout.MAPS),
}
_WORDS = {
    Rules.NONE: "no rules",
    Rules.FLOOR: "one masquerade rule",
    Rules.LIBVIRT: "libvirt's layout",
    Rules.IPTABLES: "iptables",
    Rules.MAPS: "layout maps",
}


class Guest(enum.Enum):
    """Whose packets are measured. In libvirt's layout those of the network that was started first meet most rules."""

    FIRST = "first"
    LAST = "last"


class Metric(enum.Enum):
    """What is counted a second."""

    PACKETS = "packets"
    """UDP packets of 64 bytes of data that come out at the other side."""
    BULK = "bulk"
    """Bits of one TCP connection."""
    CONNECTIONS = "connections"
    """First packets, each of a UDP flow of its own."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is measured.

    Attributes:
        rules: on the host.
        networks: how many networks they are for.
        guest: whose packets.
    """

    rules: Rules
    networks: int
    guest: Guest

    @property
    def number(self) -> int:
        """The number of the network that the guest is on, from 0."""
        return 0 if self.guest is Guest.FIRST else self.networks - 1


def cases(sizes: Iterable[int]) -> Iterator[Case]:
    """All of them, for each number of networks; those of the same rules behind each other."""
    for networks in sizes:
        for rules in Rules:
            yield Case(rules, networks, Guest.FIRST)
            if rules.way is not None and networks > 1:
                yield Case(rules, networks, Guest.LAST)
