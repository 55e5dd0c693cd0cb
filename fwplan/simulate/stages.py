"""What a packet comes through at a hook, in order: base chains, and between them connection tracking and translation.

Connection tracking looks at a packet at priority -200. Chains of type nat are not entered each at its own priority: one
place a hook, at the priority of translation, enters them all, one after the other, for the first packet of a connection
until one of them translates it. Source: Linux, net/netfilter/nf_nat_core.c (`nf_nat_inet_fn`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fwplan.simulate.actions import End
from fwplan.simulate.outcome import Doubt
from fwplan.simulate.state import CT_STATES, CT_STATUS, NOT_GIVEN, NOT_TRACKED, UNTRACKED, Ends, Tracked
from fwplan.simulate.translation import Side, lacks_address, retranslate, translate

if TYPE_CHECKING:
    from fwplan.simulate.actions import Result, Translate
    from fwplan.simulate.chains import PreparedChain
    from fwplan.simulate.state import State
    from fwplan.simulate.world import World

NEW, RELATED = CT_STATES["new"], CT_STATES["related"]
CONFIRMED = CT_STATUS["confirmed"]


class Entry(NamedTuple):
    """What a stage does with a packet that comes to it.

    Attributes:
        state: the packet from here on.
        chain: the chain that it enters; None where it goes on at once.
        words: what was translated.
        doubt: what is not known; then `ways` are what may be, each in words.
    """

    state: State
    chain: PreparedChain | None = None
    words: tuple[str, ...] = ()
    doubt: Doubt | None = None
    ways: tuple[tuple[str, State], ...] = ()


class Stage:
    """A stage of a hook.

    Attributes:
        policy: of the base chain.
        always: the chain that every packet enters, as it is; None where it depends on the packet.
    """

    policy: Literal["accept", "drop"] = "accept"
    always: PreparedChain | None = None

    def enter(self, state: State) -> Entry:
        """What becomes of a packet that comes to it."""
        return Entry(state, self.always)

    def settle(self, _: State, translate: Translate) -> Result:
        """What comes of a statement that translates: it may find that there is nothing to translate to."""
        return translate

    def leave(self, state: State, _: Result) -> tuple[State, tuple[str, ...]]:
        """What becomes of a packet that the chain let go on, and what of it changed, in words."""
        return state, ()


class FilterStage(Stage):
    """A base chain of type filter or route."""

    def __init__(self, chain: PreparedChain, policy: Literal["accept", "drop"]) -> None:
        self.always = chain
        self.policy = policy


class DoubtfulStage(Stage):
    """A base chain of which it is not known whether packets come to it.

    Args:
        chain: the chain.
        policy: of it.
        why: what is not known of it.

    Attributes:
        doubt: what is not known, as it is told.
    """

    def __init__(self, chain: PreparedChain, policy: Literal["accept", "drop"], why: str) -> None:
        self.chain = chain
        self.policy = policy
        self.doubt = Doubt(f"chain {chain.chain.place}", why, chain.chain.place)
        self._entered, self._passed = f"into {chain.chain.place}", f"past {chain.chain.place}"

    def enter(self, state: State) -> Entry:
        """Both ways are gone."""
        if self._entered in state.translated:
            return Entry(state, self.chain)
        if self._passed in state.translated:
            return Entry(state)
        ways = (("it does not come there", _done(state, self._passed)), ("it does", _done(state, self._entered)))
        return Entry(state, None, (), self.doubt, ways)


class TrackingStage(Stage):
    """Connection tracking."""

    def enter(self, state: State) -> Entry:
        """From here on rules see the connection."""
        if state.ct is UNTRACKED:
            changed = state.copy()
            changed.tracked = UNTRACKED
            return Entry(changed)
        if state.tracked is state.ct:
            return Entry(state)
        changed = state.copy()
        changed.ct = changed.tracked = begun(state)
        return Entry(changed)


def begun(state: State) -> Tracked:
    """What is known of the connection, that of a first packet completed by what the packet says."""
    tracked = state.tracked
    if tracked.state != NEW or tracked.original is not None:
        return tracked
    original = Ends(state.saddr, state.daddr, state.sport, state.dport)
    status = 0 if tracked.status is None else tracked.status
    mark = 0 if tracked.mark is None else tracked.mark
    helper = "" if tracked.helper is None else tracked.helper
    return tracked._replace(original=original, reply=original.reversed(), status=status, mark=mark, helper=helper)


class TranslationStage(Stage):
    """Where translation begins at a hook: what is known of the connection is done to the packet."""

    def __init__(self, side: Side, *, has_chains: bool) -> None:
        self._side = side
        self._has_chains = has_chains

    def enter(self, state: State) -> Entry:
        """Packets of a connection that is known already are translated as its first was, and enter no chain."""
        ct = state.ct
        if self._side in state.translated or ct.has_entry is False:
            return Entry(_done(state, self._side))
        if ct.state is None:
            if not self._has_chains:
                return Entry(_done(state, self._side))
            return self._either(state)
        known = ct.status is not None and ct.status & CONFIRMED
        if not known and (ct.state == NEW or (ct.state == RELATED and state.protocol not in {1, 58})):
            return Entry(state)
        changed, words = retranslate(_done(state, self._side), self._side)
        return Entry(changed, None, words)

    def _either(self, state: State) -> Entry:
        first = state.copy()
        first.ct = first.tracked = ct = (NOT_GIVEN if state.ct is NOT_TRACKED else state.ct)._replace(
            state=NEW, has_entry=True
        )
        first.ct = first.tracked = begun(first) if ct.original is None else ct
        doubt = Doubt(
            "ct state", "it is not given, and only the first packet of a connection comes to chains of type nat"
        )
        return Entry(
            state, None, (), doubt, (("it is not the first", _done(state, self._side)), ("it is the first", first))
        )


class BoundStage(Stage):
    """Where translation ends at a hook: what no chain has translated stays as it is, for this side."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def enter(self, state: State) -> Entry:
        """No chain of another hook is asked again."""
        return Entry(_done(state, self._side))


def _done(state: State, what: str) -> State:
    if what in state.translated:
        return state
    changed = state.copy()
    changed.translated = state.translated | {what}
    return changed


class NatStage(Stage):
    """A base chain of type nat."""

    def __init__(
        self, chain: PreparedChain, policy: Literal["accept", "drop"], side: Side, hook: str, world: World
    ) -> None:
        self.chain = chain
        self.policy = policy
        self._side = side
        self._hook = hook
        self._world = world

    def enter(self, state: State) -> Entry:
        """Only what is still to be translated enters."""
        return Entry(state, None if self._side in state.translated else self.chain)

    def settle(self, state: State, translate: Translate) -> Result:
        """The kernel drops what is to have an address that there is not."""
        return End.DROP if lacks_address(state, translate, self._hook, self._world) else translate

    def leave(self, state: State, result: Result) -> tuple[State, tuple[str, ...]]:
        """A statement that translates ends the chains of this hook."""
        return translate(state, result, self._side, self._hook, self._world)
