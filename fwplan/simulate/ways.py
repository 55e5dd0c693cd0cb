"""The ways that a packet may go where it is not known what a statement does, and what they have in common.

A way ends, or it parts at a statement in doubt into others, which may be parts of several: what follows a place is made
once, by however many ways it is come to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.simulate.outcome import Accept, Doubt, Refuse, Undecided
from fwplan.simulate.verdicts import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fwplan.simulate.assumptions import Assumptions
    from fwplan.simulate.chains import PreparedChain, PreparedRule
    from fwplan.simulate.outcome import Verdict
    from fwplan.simulate.state import State

    Event = tuple[str, PreparedChain | None, PreparedRule | None, object, tuple[str, ...], tuple[str, ...]]
    """What the packet met, as it is turned into the trace when somebody asks for it.

    Its kind (`hook`, `entered`, `met`, `begun`, `doubt`, `ended`, `policy`, `translated` or `left`), the chain, the
    rule, what it did, or for a doubt the number of the statement, what changed in words, and the statements that were
    taken to hold.
    """

ACCEPTED, DROPPED = Accept(), Refuse()
UNSURE = "?"
"""What the sender is told, where that is not known."""


class Leaf:
    """Where a way ends.

    Attributes:
        verdict: of the packet.
        state: the packet.
    """

    __slots__ = ("_alike", "state", "verdict")

    def __init__(self, verdict: Accept | Refuse, state: State) -> None:
        self.verdict = verdict
        self.state = state
        self._alike: tuple[object, ...] | None = None

    @property
    def alike(self) -> tuple[object, ...]:
        """What is the same of two that nobody can tell apart."""
        if self._alike is None:
            self._alike = (self.verdict, self.state.key())
        return self._alike


class Way:
    """What becomes of a packet from a place on.

    Attributes:
        events: what it meets, up to the end or to where the way parts.
        doubt: why it parts; None where it ends.
        choices: what may be, in words, and the way from there.
        leaves: where it may end, each once.
    """

    __slots__ = ("choices", "doubt", "events", "leaves")

    def __init__(
        self,
        events: tuple[Event, ...],
        leaves: tuple[Leaf, ...],
        doubt: Doubt | None = None,
        choices: tuple[tuple[str, Way], ...] = (),
    ) -> None:
        self.events = events
        self.leaves = leaves
        self.doubt = doubt
        self.choices = choices


def ended(verdict: Accept | Refuse, state: State, events: Iterable[Event]) -> Way:
    """A way that ends."""
    return Way(tuple(events), (Leaf(verdict, state),))


def after(events: Sequence[Event], way: Way) -> Way:
    """The same way, with what was met before."""
    if not events:
        return way
    return Way((*events, *way.events), way.leaves, way.doubt, way.choices)


def parted(choices: Sequence[tuple[str, Way]], doubt: Doubt, in_doubt: Event | None = None) -> Way:
    """A way that parts; where all of its ways end alike, the first of them, since the doubt does not matter.

    Args:
        choices: what may be, in words, and the way from there.
        doubt: between them.
        in_doubt: what shows in the trace of the way on which a rule was taken not to match.
    """
    label, first = choices[0]
    if len(choices) > 1 and in_doubt is not None and label == NO_MATCH[0]:
        first = after((in_doubt,), first)
    alike = [{leaf.alike for leaf in way.leaves} for _, way in choices]
    if all(each == alike[0] for each in alike[1:]):
        return _with_common_assumptions(first, [leaf for _, way in choices for leaf in way.leaves])
    ways = ((label, first), *choices[1:])
    leaves = {(leaf.alike, leaf.state.assumed): leaf for _, way in ways for leaf in way.leaves}
    return Way((), tuple(leaves.values()), doubt, ways)


def _with_common_assumptions(way: Way, leaves: list[Leaf]) -> Way:
    """A way on whose ends only that is taken for granted which is so on every way to the same end."""
    if not any(leaf.state.assumed for leaf in leaves):
        return way
    common: dict[tuple[object, ...], Assumptions] = {}
    for leaf in leaves:
        common[leaf.alike] = common.get(leaf.alike, leaf.state.assumed) & leaf.state.assumed

    def less_sure(leaf: Leaf) -> Way:
        state = leaf.state.copy()
        state.assumed = common[leaf.alike]
        return Way((), (Leaf(leaf.verdict, state),))

    return extended(way, less_sure)


def extended(way: Way, onward: Callable[[Leaf], Way]) -> Way:
    """A way that goes on where it ended."""
    done: dict[int, Way] = {}
    further: dict[tuple[object, ...], Way] = {}
    pending = [way]
    while pending:
        part = pending[-1]
        if part.doubt is None:
            [leaf] = part.leaves
            key = (leaf.alike, leaf.state.assumed) if way.doubt is not None else ()
            if key not in further:
                further[key] = onward(leaf)
            done[id(part)] = after(part.events, further[key])
        elif missing := [choice for _, choice in part.choices if id(choice) not in done]:
            pending += missing
            continue
        else:
            choices = [(label, done[id(choice)]) for label, choice in part.choices]
            done[id(part)] = after(part.events, parted(choices, part.doubt))
        pending.pop()
    return done[id(way)]


def verdict_of(way: Way) -> Verdict:
    """What all ways together come to."""
    if len(way.leaves) == 1:
        return way.leaves[0].verdict
    verdicts = {leaf.verdict for leaf in way.leaves}
    if len(verdicts) == 1:
        return way.leaves[0].verdict
    if all(isinstance(verdict, Refuse) for verdict in verdicts):
        return Refuse(UNSURE)
    return Undecided(tuple(dict.fromkeys(deciding(way))), frozenset(verdicts))


def _kinds(way: Way) -> frozenset[type[Accept | Refuse]]:
    return frozenset([type(leaf.verdict) for leaf in way.leaves])


def _decides(way: Way) -> bool:
    """Whether it depends on where it parts which verdicts there may be."""
    return len({_kinds(choice) for _, choice in way.choices}) > 1


def deciding(way: Way) -> list[Doubt]:
    """The statements in doubt on which the verdict depends, in the order of the walk."""
    found: list[Doubt] = []
    seen: set[int] = set()
    pending = [way]
    while pending:
        part = pending.pop()
        if part.doubt is None or id(part) in seen or len(_kinds(part)) < 2:
            continue
        seen.add(id(part))
        if _decides(part):
            found.append(part.doubt)
        pending += [choice for _, choice in reversed(part.choices)]
    return found


def to_first_end(way: Way) -> tuple[list[Event], Leaf | None, Doubt | None]:
    """What a packet meets on one of its ways, up to its end, or to the first statement that decides the verdict."""
    events = list(way.events)
    while way.doubt is not None:
        if _decides(way):
            return events, None, way.doubt
        way = way.choices[0][1]
        events += way.events
    return events, way.leaves[0], None


_MAY_DIFFER = (
    *("saddr", "daddr", "sport", "dport", "mark", "ttl", "dscp", "priority", "pkttype", "smac", "dmac"),
    *("length", "flags"),
)


def known_of_all(leaves: Sequence[Leaf]) -> State:
    """The packet at the end, without what is not the same on all ways."""
    if len(leaves) == 1:
        return leaves[0].state
    state = leaves[0].state.copy()
    for leaf in leaves[1:]:
        for name in _MAY_DIFFER:
            if getattr(state, name) != getattr(leaf.state, name):
                setattr(state, name, None)
        if leaf.state.tracked != state.tracked:
            state.tracked = state.tracked._replace(mark=None, status=None, reply=None)
    return state
