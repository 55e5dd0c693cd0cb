"""The forward modes and what each of them means: the one table that all other code reads.

Sources: libvirt's network XML format, and what libvirt 11.3 and 12.8 do with each mode.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ForwardMode(enum.Enum):
    """The `mode` of `<forward>`. A network without `<forward>`, or with mode `none`, is isolated."""

    ISOLATED = "none"
    NAT = "nat"
    ROUTE = "route"
    OPEN = "open"
    BRIDGE = "bridge"
    PRIVATE = "private"
    VEPA = "vepa"
    PASSTHROUGH = "passthrough"
    HOSTDEV = "hostdev"


class Kind(enum.Enum):
    """What a network is. It follows from the mode and, under mode `bridge`, from whether a bridge is named."""

    MANAGED = "managed"
    """libvirt makes the bridge, gives it its addresses and serves DHCP and DNS on it."""
    EXISTING_BRIDGE = "existing-bridge"
    """Guests are attached to a bridge that somebody else made."""
    MACVTAP = "macvtap"
    """Guests are attached to a device of the host by macvtap; there is no bridge."""
    SRIOV = "sriov"
    """Guests are given SR-IOV virtual functions; there is no bridge."""


class Presence(enum.Enum):
    """Whether a definition of some mode may, must or must not have a setting."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    REFUSED = "refused"


class Devices(enum.Enum):
    """Which host devices `<forward>` may name, by `dev` or in a pool."""

    NONE = "none"
    ONE = "at most one"
    IGNORED = "none; one that is named has no effect"
    POOL = "a pool of interfaces"
    FUNCTIONS = "a physical function, or a list of virtual functions by PCI address"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one mode means: a row of the table.

    Attributes:
        kind: what the network is.
        bridge: who makes the bridge, in words.
        addresses: whether `<ip>` may be there.
        bridge_name: whether `<bridge name>` may be there.
        devices: which host devices `<forward>` may name.
        services: whether libvirt serves DHCP and DNS for it.
        forwards: whether guests reach what lies beyond the bridge through the host's IP stack.
        filtered: whether libvirt adds firewall rules for it.
        source_nat: whether guests appear under an address of the host.
        summary: the mode in one sentence, for people.
        why_unfiltered: why there are no rules, as the end of a sentence; empty where there are.
    """

    kind: Kind
    bridge: str
    addresses: Presence
    bridge_name: Presence
    devices: Devices
    services: bool
    forwards: bool
    filtered: bool
    source_nat: bool
    summary: str
    why_unfiltered: str = ""


def _managed(
    addresses: Presence,
    devices: Devices,
    summary: str,
    *,
    forwards: bool = True,
    source_nat: bool = False,
    why_unfiltered: str = "",
) -> Meaning:
    return Meaning(
        kind=Kind.MANAGED,
        bridge="libvirt makes it",
        addresses=addresses,
        bridge_name=Presence.OPTIONAL,
        devices=devices,
        services=True,
        forwards=forwards,
        filtered=not why_unfiltered,
        source_nat=source_nat,
        summary=summary,
        why_unfiltered=why_unfiltered,
    )


def _attached(
    kind: Kind,
    devices: Devices,
    summary: str,
    *,
    bridge: str,
    why_unfiltered: str,
    bridge_name: Presence = Presence.REFUSED,
) -> Meaning:
    return Meaning(
        kind=kind,
        bridge=bridge,
        addresses=Presence.REFUSED,
        bridge_name=bridge_name,
        devices=devices,
        services=False,
        forwards=False,
        filtered=False,
        source_nat=False,
        summary=summary,
        why_unfiltered=why_unfiltered,
    )


def _macvtap(summary: str) -> Meaning:
    return _attached(
        Kind.MACVTAP,
        Devices.POOL,
        summary,
        bridge="none: guests are attached by macvtap",
        why_unfiltered="guests are attached to a device by macvtap: their packets never come by the host's IP stack, "
        "where rules are",
    )


MEANINGS: dict[tuple[ForwardMode, Kind], Meaning] = {
    (ForwardMode.ISOLATED, Kind.MANAGED): _managed(
        Presence.OPTIONAL,
        Devices.IGNORED,
        "guests reach each other and the host, and nothing beyond it",
        forwards=False,
    ),
    (ForwardMode.NAT, Kind.MANAGED): _managed(
        Presence.REQUIRED,
        Devices.ONE,
        "guests reach the outside under an address of the host; nobody outside reaches them first",
        source_nat=True,
    ),
    (ForwardMode.ROUTE, Kind.MANAGED): _managed(
        Presence.REQUIRED,
        Devices.ONE,
        "guests reach the outside under their own addresses and are reached there",
    ),
    (ForwardMode.OPEN, Kind.MANAGED): _managed(
        Presence.OPTIONAL,
        Devices.NONE,
        "libvirt makes the bridge and serves it, as for route, and leaves all filtering to others",
        why_unfiltered="mode 'open' means that the administrator or another system owns the rules: libvirt adds none, "
        "whatever else the definition says",
    ),
    (ForwardMode.BRIDGE, Kind.EXISTING_BRIDGE): _attached(
        Kind.EXISTING_BRIDGE,
        Devices.NONE,
        "guests are ports of a bridge that the host has already",
        bridge="it exists already",
        why_unfiltered="the bridge exists already: whoever made it filters it, or nobody does",
        bridge_name=Presence.REQUIRED,
    ),
    (ForwardMode.BRIDGE, Kind.MACVTAP): _macvtap("guests share a device of the host and reach each other through it"),
    (ForwardMode.PRIVATE, Kind.MACVTAP): _macvtap(
        "guests share a device of the host and never reach each other through it"
    ),
    (ForwardMode.VEPA, Kind.MACVTAP): _macvtap("guests share a device of the host; the switch outside joins them"),
    (ForwardMode.PASSTHROUGH, Kind.MACVTAP): _macvtap("each guest has a device of the host for itself"),
    (ForwardMode.HOSTDEV, Kind.SRIOV): _attached(
        Kind.SRIOV,
        Devices.FUNCTIONS,
        "each guest has a PCI function for itself",
        bridge="none: guests have virtual functions",
        why_unfiltered="guests have PCI functions of their own: their packets never come by the host's IP stack, where "
        "rules are",
    ),
}
"""What each mode means; mode `bridge` has two rows, since it means two things."""


def kind_of(mode: ForwardMode, *, names_bridge: bool) -> Kind:
    """Tell what a network of this mode is, given whether its definition names a bridge."""
    match mode:
        case ForwardMode.ISOLATED | ForwardMode.NAT | ForwardMode.ROUTE | ForwardMode.OPEN:
            return Kind.MANAGED
        case ForwardMode.BRIDGE:
            return Kind.EXISTING_BRIDGE if names_bridge else Kind.MACVTAP
        case ForwardMode.PRIVATE | ForwardMode.VEPA | ForwardMode.PASSTHROUGH:
            return Kind.MACVTAP
        case ForwardMode.HOSTDEV:
            return Kind.SRIOV
