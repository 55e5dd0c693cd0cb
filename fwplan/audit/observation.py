"""What was seen of a host: its rulesets, its interfaces and routes, and the kernel's settings that matter to networks.

Whatever was not seen is unknown, and not taken for absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from fwplan.nft.ruleset import Ruleset
from fwplan.simulate.world import UNKNOWN_WORLD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fwplan.iptables.saved import Saved
    from fwplan.nft.listing import Listing
    from fwplan.simulate.world import World


def _nothing_listed() -> Listing:
    from fwplan.nft.listing import Listing  # noqa: PLC0415 - not every command needs the words of plans

    return Listing()


def _nothing_saved() -> Saved:
    from fwplan.iptables.saved import Saved  # noqa: PLC0415 - many hosts have nothing of iptables

    return Saved()


@dataclass(frozen=True)
class Observation:
    """A host as it was seen.

    Attributes:
        read_ruleset: reads all tables, of nftables and of iptables, when somebody needs them: it takes its time.
        read_listing: reads libvirt's tables of nftables in the words of plans, when somebody needs them.
        read_saved: reads libvirt's chains of iptables in the words of plans, likewise.
        world: interfaces, addresses and routes.
        settings: of the kernel, named as for sysctl(8).
        seen: what was looked at: `nftables`, `iptables`, `ip6tables`, `links`, `routes`.
        fills_checksums: whether the kernel has iptables' target CHECKSUM, without which libvirt does; None where
            that is not known.
        doubts: what could not be read, and so counts as unknown, in words.
    """

    read_ruleset: Callable[[], Ruleset] = field(default=Ruleset, repr=False, compare=False)
    read_listing: Callable[[], Listing] = field(default=_nothing_listed, repr=False, compare=False)
    read_saved: Callable[[], Saved] = field(default=_nothing_saved, repr=False, compare=False)
    world: World = UNKNOWN_WORLD
    settings: Mapping[str, str] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    fills_checksums: bool | None = None
    doubts: tuple[str, ...] = ()

    @cached_property
    def ruleset(self) -> Ruleset:
        """All tables, of nftables and of iptables.

        Raises:
            UnreadableError: what was listed is no ruleset.
        """
        return self.read_ruleset()

    @cached_property
    def saved(self) -> Saved:
        """libvirt's chains of iptables, in the words of plans."""
        return self.read_saved()

    @cached_property
    def listing(self) -> Listing:
        """libvirt's tables of nftables, in the words of plans.

        Raises:
            UnreadableError: what was listed is no ruleset.
        """
        return self.read_listing()

    def is_on(self, setting: str) -> bool | None:
        """Whether a setting of the kernel is not 0; None where it is not known."""
        value = self.settings.get(setting)
        return None if value is None else value not in {"", "0"}
