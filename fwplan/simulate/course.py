"""Where a packet goes: what routing, or a bridge, decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fwplan.simulate.packet import Interface


@dataclass(frozen=True, slots=True)
class ToHost:
    """The packet is for the host itself."""


@dataclass(frozen=True, slots=True)
class Out:
    """The packet leaves by an interface.

    Attributes:
        interface: by which IP sends it.
        port: of the bridge that the interface is, where it is one; None where that is not known.
    """

    interface: Interface
    port: Interface | None = None


@dataclass(frozen=True, slots=True)
class Bridged:
    """The frame stays on its bridge, and leaves it by a port."""

    port: Interface


Course = ToHost | Out | Bridged
