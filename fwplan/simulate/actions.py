"""What a statement does to a packet.

A statement as a function gives True where the rule goes on, False where it ends without having matched, None where it
is one of the two, and otherwise one of these.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fwplan.simulate.state import State


class End(enum.Enum):
    """What ends the walk through a chain."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class Reject:
    """Drops the packet and tells the sender.

    Attributes:
        told: what: `icmp port-unreachable`, `tcp reset`.
    """

    told: str


@dataclass(frozen=True, slots=True)
class Into:
    """Goes on in another chain of the table."""

    chain: str
    back: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Goes on with another packet.

    Attributes:
        state: the packet from here on.
        words: what changed; empty where it is nothing that a person would want to see.
    """

    state: State
    words: str


@dataclass(frozen=True, slots=True)
class Translate:
    """Addresses are translated, and the walk ends.

    Attributes:
        kind: how.
        addresses: the first and the last of the new addresses; None where there is none, or it is not known.
        ports: the same for ports.
        known: whether it is known what the statement says.
        random: whether the port is drawn.
        netmap: whether only the first bits of the address change.
        persistent: whether all connections of one source get the same address.
    """

    kind: Literal["snat", "dnat", "masquerade", "redirect"]
    addresses: tuple[int, int] | None
    ports: tuple[int, int] | None
    known: bool = True
    random: bool = False
    netmap: bool = False
    persistent: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """One of several things, and it is not known which.

    Attributes:
        choices: what it may do, each in words.
        why: what is missing to know it.
    """

    choices: tuple[tuple[str, Result], ...]
    why: str


Action = End | Reject | Into | Change | Translate | Either
Result = bool | Action | None
Step = Callable[[State], Result]
