"""Operations: what is made or taken away on a host, each with the promise that it comes from."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from fwplan.iptables import objects as iptables
    from fwplan.nft import objects as nft
    from fwplan.plan.intents import Intent


class Verb(enum.Enum):
    """What is done with the object of an operation. A rule is made at the head of its chain."""

    MAKE = "make"
    TAKE_AWAY = "take away"


@dataclass(frozen=True, slots=True)
class Queue:
    """The root queueing discipline of a bridge (`htb`, handle `1:`), unless there is one: a filter hangs on it."""

    noun: ClassVar[tuple[str, str]] = ("tc step", "tc steps")

    bridge: str


@dataclass(frozen=True, slots=True)
class ChecksumFilter:
    """The tc filter on a bridge that computes the checksums of packets to UDP port 68."""

    noun: ClassVar[tuple[str, str]] = ("tc step", "tc steps")

    bridge: str


@dataclass(frozen=True, slots=True)
class ZoneMember:
    """A bridge as a member of a zone of firewalld."""

    noun: ClassVar[tuple[str, str]] = ("zone membership", "zone memberships")

    zone: str
    bridge: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of the kernel for the whole host."""

    noun: ClassVar[tuple[str, str]] = ("kernel setting", "kernel settings")

    name: str
    value: str


if TYPE_CHECKING:
    Object = (
        nft.Table
        | nft.Chain
        | nft.Rule
        | nft.VerdictMap
        | nft.Element
        | iptables.Chain
        | iptables.Rule
        | Queue
        | ChecksumFilter
        | ZoneMember
        | Setting
    )


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a plan.

    Attributes:
        verb: what is done.
        object: with what.
        intent: the promise that it serves.
        may_fail: whether libvirt goes on when the host cannot do it.
    """

    verb: Verb
    object: Object
    intent: Intent
    may_fail: bool = False

    @property
    def inverse(self) -> Operation:
        """What undoes it."""
        return replace(self, verb=Verb.TAKE_AWAY if self.verb is Verb.MAKE else Verb.MAKE)
