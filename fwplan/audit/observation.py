"""What was seen of a host: its rulesets, its interfaces and routes, and the kernel's settings that matter to networks.

Whatever was not seen is unknown, and not taken for absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from fwplan.iptables.saved import Saved
from fwplan.nft.listing import Listing
from fwplan.nft.ruleset import Ruleset
from fwplan.simulate.world import UNKNOWN_WORLD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fwplan.simulate.world import World


@dataclass(frozen=True)
class Observation:
    """A host as it was seen.

    Attributes:
        read_ruleset: reads all tables, of nftables and of iptables, when somebody needs them: it takes its time.
        read_listing: reads libvirt's tables of nftables in the words of plans, when somebody needs them.
        saved: libvirt's chains of iptables, in the words of plans.
        world: interfaces, addresses and routes.
        down: interfaces that are switched off.
        settings: of the kernel, named as for sysctl(8).
        seen: the parts that were looked at, whether there was anything or not: `nftables`, `iptables`, `ip6tables`,
            `addresses`, `routes`, `settings`.
        doubts: what was there and could not be read, by its name: why, in words.
        fills_checksums: whether the kernel has iptables' target CHECKSUM, without which libvirt does; None where
            that is not known.
    """

    read_ruleset: Callable[[], Ruleset] = field(default=Ruleset, repr=False, compare=False)
    read_listing: Callable[[], Listing] = field(default=Listing, repr=False, compare=False)
    saved: Saved = field(default_factory=Saved)
    world: World = UNKNOWN_WORLD
    down: frozenset[str] = frozenset()
    settings: Mapping[str, str] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    doubts: Mapping[str, str] = field(default_factory=dict)
    fills_checksums: bool | None = None

    @cached_property
    def ruleset(self) -> Ruleset:
        """All tables, of nftables and of iptables.

        Raises:
            UnreadableError: what was listed is no ruleset.
        """
        return self.read_ruleset()

    @cached_property
    def listing(self) -> Listing:
        """libvirt's tables of nftables, in the words of plans.

        Raises:
            UnreadableError: what was listed is no ruleset.
        """
        return self.read_listing()

    @cached_property
    def bridges_in_use(self) -> frozenset[str]:
        """The bridges that have any port."""
        return frozenset(interface.bridge for interface in self.world.interfaces if interface.bridge)

    def is_on(self, setting: str) -> bool | None:
        """Whether a setting of the kernel is not 0; None where it is not known."""
        value = self.settings.get(setting)
        return None if value is None else value not in {"", "0"}
