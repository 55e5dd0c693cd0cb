"""Packets through the hooks of a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fwplan.simulate.chains import PreparedChain, PreparedTable
from fwplan.simulate.outcome import Outcome
from fwplan.simulate.packet import NO_INTERFACE
from fwplan.simulate.stages import BoundStage, DoubtfulStage, FilterStage, NatStage, TrackingStage, TranslationStage
from fwplan.simulate.state import NOT_TRACKED, State
from fwplan.simulate.tracing import Gone
from fwplan.simulate.tracked import any_tracks
from fwplan.simulate.walk import Walk
from fwplan.simulate.ways import known_of_all, to_first_end, verdict_of
from fwplan.simulate.world import UNKNOWN_WORLD

if TYPE_CHECKING:
    from fwplan.nft.ruleset import Chain, Hook, Ruleset, Table
    from fwplan.simulate.packet import Packet
    from fwplan.simulate.stages import Stage
    from fwplan.simulate.translation import Side
    from fwplan.simulate.ways import Way
    from fwplan.simulate.world import World

TRACKING_PRIORITY = -200
SIDES: dict[str, tuple[Side, int]] = {
    "prerouting": ("destination", -100),
    "input": ("source", 100),
    "output": ("destination", -100),
    "postrouting": ("source", 100),
}
"""What is translated at a hook, and the priority at which it is."""
_INET = ("ip", "ip6")
_LATER_THAN_ALL = 1_000_000
"""More than there are chains."""
Part = Literal["all", "early", "late"]
"""Of the stages of a bridge's hook: those before, and those after, the rules of IP, where these see bridged frames."""


class Simulator:
    """A host's rulesets, through which packets are walked.

    Nothing is prepared before the first packet that needs it.

    Args:
        ruleset: what the host has.
        world: what else is known of it.
    """

    def __init__(self, ruleset: Ruleset, world: World = UNKNOWN_WORLD) -> None:
        self.ruleset = ruleset
        self.world = world
        self._tables: dict[int, PreparedTable] = {}
        self._tracking: dict[str, bool] = {}
        self._bases: dict[tuple[str, str], list[tuple[int, Chain, Hook, Table]]] = {}
        self._stages: dict[tuple[str, str, str | None, str], tuple[Stage, ...]] = {}

    def at(self, hook: str, packet: Packet, family: str | None = None) -> Outcome:
        """What becomes of a packet at one hook.

        Args:
            hook: `prerouting`, `input`, `forward`, `output`, `postrouting`, `ingress` or `egress`.
            packet: as it comes there. Interfaces that the hook does not have are left out of account.
            family: whose hook: that of the packet where it is not given, or `bridge`, or `netdev`.
        """
        family = packet.family if family is None else family
        return outcome(family, hook, self.ways(hook, start(hook, packet), family))

    def ways(self, hook: str, state: State, family: str, part: Part = "all") -> Way:
        """The ways that a packet may go at one hook."""
        return Walk(self.stages(family, hook, state, part)).ways(state)

    def has_chains(self, family: str, hook: str) -> bool:
        """Whether there is any base chain at a hook."""
        return bool(self._base_chains(family, hook))

    def stages(self, family: str, hook: str, state: State, part: Part = "all") -> tuple[Stage, ...]:
        """What a packet comes through at a hook, in order."""
        device = state.iifname if hook == "ingress" else state.oifname if hook == "egress" else None
        key = (family, hook, device, part)
        found = self._stages.get(key)
        if found is None:
            found = self._stages[key] = self._make_stages(family, hook, device, part)
        return found

    def _make_stages(self, family: str, hook: str, device: str | None, part: Part) -> tuple[Stage, ...]:
        """The kernel enters the lower priority first, and of those with the same one the one that was made last."""
        placed: list[tuple[int, int, int, Stage]] = []
        side, nat_priority = SIDES.get(hook, (None, 0)) if family in _INET else (None, 0)
        first_nat = self._first_nat(family)
        if hook in {"prerouting", "output"} and family in {*_INET, "bridge"}:
            placed.append((TRACKING_PRIORITY, -_LATER_THAN_ALL, 0, TrackingStage()))
        if side is not None and first_nat is not None:
            has_chains = any(base.type == "nat" for _, _, base, _ in self._base_chains(family, hook))
            translation = TranslationStage(side, has_chains=has_chains)
            placed.append((nat_priority, -first_nat, -(_LATER_THAN_ALL**3), translation))
            placed.append((nat_priority, -first_nat, _LATER_THAN_ALL**3, BoundStage(side)))
        for made, chain, base, table in self._base_chains(family, hook):
            prepared = self._table(table).chain(chain.name)
            if prepared is None or not _is_on(base, device, hook):
                continue
            if base.type == "nat" and side is not None:
                # all of them are entered where translation is, in the order of their own priorities
                if first_nat is not None:
                    order = base.priority * _LATER_THAN_ALL - made
                    stage = NatStage(prepared, base.policy, side, hook, self.world)
                    placed.append((nat_priority, -first_nat, order, stage))
            else:
                placed.append((base.priority, -made, 0, _filtering(prepared, base, device)))
        placed.sort(key=lambda each: each[:3])
        return tuple(
            [stage for priority, _, _, stage in placed if part == "all" or (part == "early") == (priority <= 0)]
        )

    def _base_chains(self, family: str, hook: str) -> list[tuple[int, Chain, Hook, Table]]:
        """The base chains that packets of a family come to, and the order of their making."""
        known = self._bases.get((family, hook))
        if known is not None:
            return known
        families = (family, "inet") if family in _INET or (family == "netdev" and hook == "ingress") else (family,)
        found = []
        made = 0
        for table in self.ruleset.tables:
            for chain in table.chains.values():
                made += 1
                if table.family in families and not table.is_dormant and chain.hook and chain.hook.hook == hook:
                    found.append((made, chain, chain.hook, table))
        self._bases[family, hook] = found
        return found

    def _first_nat(self, family: str) -> int | None:
        """When translation was first asked for in a family: with that it takes its place at all hooks."""
        made = [
            number
            for hook in SIDES
            for number, _, base, _ in self._base_chains(family, hook)
            if base.type == "nat" and family in _INET
        ]
        return min(made) if made and self._tracks(family) else None

    def _tracks(self, family: str) -> bool:
        """Whether connections are tracked in a family at all."""
        found = self._tracking.get(family)
        if found is None:
            tables = [table for table in self.ruleset.tables if table.family in {family, "inet"}]
            chains = [chain for table in tables for chain in table.chains.values()]
            # where addresses are translated, the first rule tells
            chains.sort(key=lambda chain: chain.hook is None or chain.hook.type != "nat")
            found = self._tracking[family] = any_tracks((rule for chain in chains for rule in chain.rules), family)
        return found

    def _table(self, table: Table) -> PreparedTable:
        found = self._tables.get(id(table))
        if found is None:
            found = self._tables[id(table)] = PreparedTable(table, self.world)
        return found


def _filtering(chain: PreparedChain, base: Hook, device: str | None) -> Stage:
    if base.type not in {"filter", "route"}:
        return DoubtfulStage(chain, base.policy, f"fwplan does not know chains of type {base.type}")
    if base.hook in {"ingress", "egress"} and not base.devices:
        return DoubtfulStage(chain, base.policy, "the listing does not say of which device it is")
    if base.hook in {"ingress", "egress"} and device is None:
        return DoubtfulStage(chain, base.policy, "it is not given by which device the packet comes")
    return FilterStage(chain, base.policy)


def _is_on(base: Hook, device: str | None, hook: str) -> bool:
    """Whether a base chain may be that of a device."""
    if hook not in {"ingress", "egress"} or device is None or not base.devices:
        return True
    return any(name == device or (name.endswith("*") and device.startswith(name[:-1])) for name in base.devices)


def start(hook: str, packet: Packet) -> State:
    """A packet as it comes to a hook."""
    state = State(packet)
    at_hook(state, hook)
    return state


def at_hook(state: State, hook: str) -> None:
    """Leave out what a hook does not have: interfaces, and before connection tracking the connection."""
    if hook in {"prerouting", "input", "ingress"}:
        state.oif, state.oifname = NO_INTERFACE, ""
    elif hook in {"output", "egress"}:
        state.iif, state.iifname = NO_INTERFACE, ""
    if hook in {"prerouting", "output", "ingress"} and state.iifname != "lo":
        state.ct = NOT_TRACKED
    state.leaves = hook in {"postrouting", "egress"}


def outcome(family: str, hook: str, way: Way) -> Outcome:
    """What all ways of a packet at a hook come to."""
    events, _, doubt = to_first_end(way)
    return Outcome(family, hook, verdict_of(way), Gone(known_of_all(way.leaves), events, doubt))
