"""A packet walked through the base chains of a hook.

Where it is not known what a statement does, each way is gone to its end. If all end the same, it does not matter, and
the answer is known; if not, the statement is what decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fwplan.nft.expressions import Meta, Numgen
from fwplan.nft.rule_text import statement_text
from fwplan.nft.statements import Match, Not, XtMatch
from fwplan.simulate.actions import Change, Either, End, Into, Reject, Result, Translate
from fwplan.simulate.conditions import is_lasting
from fwplan.simulate.outcome import Accept, Doubt, Refuse
from fwplan.simulate.steps import why
from fwplan.simulate.verdicts import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.simulate.chains import PreparedChain, PreparedRule
    from fwplan.simulate.stages import Stage
    from fwplan.simulate.state import State

MOST_FORKS = 1000
"""How many statements in doubt are gone both ways, for one packet at one hook."""


_GO_ON: Result = True
"""What a statement that does not matter does."""


class Event(NamedTuple):
    """What the packet met, as it is turned into the trace when somebody asks for it.

    Attributes:
        kind: `entered`, `met`, `begun`, `doubt`, `ended`, `policy` or `translated`.
        chain: where; None for what happens between chains.
        rule: which.
        result: what it did; for a doubt, the number of the statement.
        changes: of the packet, in words.
        assumed: statements that were taken to hold.
    """

    kind: str
    chain: PreparedChain | None = None
    rule: PreparedRule | None = None
    result: Result | int = None
    changes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


class Ending(NamedTuple):
    """One of the ways that a packet may go.

    Attributes:
        verdict: at its end.
        state: the packet at its end.
        events: what it met.
        choices: the statements in doubt that decide, and what was chosen.
    """

    verdict: Accept | Refuse
    state: State
    events: tuple[Event, ...]
    choices: tuple[tuple[Doubt, str], ...] = ()


ACCEPTED, DROPPED = Accept(), Refuse()
_TOO_MANY = Doubt("more statements in doubt than fwplan follows", "each of them may decide")


class _Cursor:
    """Where in a base chain the walk is.

    Attributes:
        chain: in which it is by now.
        candidates: the rules of it that may match.
        following: which of them is next.
        epoch: of the packet for which they were found.
        parent: where to go on after the chain; None at the end of which the base chain ends.
    """

    __slots__ = ("candidates", "chain", "epoch", "following", "parent")

    def __init__(self, chain: PreparedChain, state: State, parent: _Cursor | None = None) -> None:
        self.chain = chain
        self.candidates = chain.candidates(state)
        self.following = 0
        self.epoch = state.epoch
        self.parent = parent

    def copy(self) -> _Cursor:
        """Another one at the same place."""
        other = _Cursor.__new__(_Cursor)
        other.chain, other.candidates, other.following = self.chain, self.candidates, self.following
        other.epoch, other.parent = self.epoch, self.parent
        return other

    def key(self, stage: int, state: State) -> tuple[object, ...]:
        """All that the rest of the walk depends on."""
        left = self.candidates[self.following :][:1]
        return (stage, self.chain, left[0].position if left else -1, self.parent, state.key(), state.assumed)

    def take(self) -> PreparedRule | None:
        """The next rule; None where there is none."""
        if self.following >= len(self.candidates):
            return None
        rule = self.candidates[self.following]
        self.following += 1
        return rule

    def enter(self, chain: PreparedChain, state: State, *, back: bool) -> None:
        """Go on in another chain."""
        if back:
            # the copy is this one place: ways that return to it meet there
            self.parent = self.copy()
        self.chain, self.candidates, self.following, self.epoch = chain, chain.candidates(state), 0, state.epoch

    def leave(self, state: State) -> bool:
        """Go on after the chain; False where there is nothing to go on in."""
        parent = self.parent
        if parent is None:
            return False
        self.chain, self.candidates, self.following = parent.chain, parent.candidates, parent.following
        self.epoch, self.parent = parent.epoch, parent.parent
        self.refresh(state)
        return True

    def refresh(self, state: State) -> None:
        """Find the rules anew that may match, where the packet has other addresses than before."""
        if state.epoch == self.epoch:
            return
        walked = self.candidates[self.following - 1].position if self.following else -1
        self.candidates = tuple([rule for rule in self.chain.candidates(state) if rule.position > walked])
        self.following, self.epoch = 0, state.epoch


class _Within(NamedTuple):
    """Where in a rule the walk is.

    Attributes:
        rule: which.
        step: the number of the statement that was last.
        result: what it did, or is taken to have done.
        state: the packet after it.
        changes: what the rule has changed so far, in words.
        assumed: statements that were taken to hold.
    """

    rule: PreparedRule
    step: int
    result: Result
    state: State
    changes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


class Walk:
    """One packet's walk through one hook.

    Args:
        stages: what it comes through, in order.
    """

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages
        self._forks = 0
        self._known: dict[tuple[object, ...], list[Ending]] = {}

    def ways(self, state: State, stage: int = 0) -> list[Ending]:
        """All ways from one stage to the end of the hook."""
        if not self._forks:
            return self._from_stage(stage, state)
        key = (stage, state.key(), state.assumed)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._from_stage(stage, state)
        return found

    def _from_stage(self, number: int, state: State) -> list[Ending]:
        events: list[Event] = []
        for stage in range(number, len(self._stages)):
            entry = self._stages[stage].enter(state)
            if entry.doubt is not None:
                self._forks += 1
                ways = [(label, self.ways(way, stage)) for label, way in entry.ways]
                return _after(events, _merged(ways, entry.doubt, None))
            if entry.words:
                events.append(Event("translated", changes=entry.words))
            state = entry.state
            if entry.chain is not None:
                events.append(Event("entered", entry.chain))
                return self._in_chain(stage, _Cursor(entry.chain, state), None, state, events)
        return [Ending(ACCEPTED, state, tuple(events))]

    def _in_chain(
        self, stage: int, at: _Cursor, within: _Within | None, state: State, events: list[Event]
    ) -> list[Ending]:
        """Go on in a base chain, in the middle of a rule or with the next one."""
        while True:
            if within is None:
                if self._forks and (known := self._known.get(at.key(stage, state))) is not None:
                    return _after(events, known)
                rule = at.take()
                if rule is None:
                    events.append(Event("ended", at.chain))
                    if at.leave(state):
                        continue
                    return self._at_end(stage, state, events)
                within = _Within(rule, -1, _GO_ON, state)
            done = _run(within, events)
            within = None
            state, result = done.state, done.result
            if state.epoch != at.epoch:
                at.refresh(state)
            if result is None or isinstance(result, Either):
                return self._both_ways(stage, at, done, events)
            if isinstance(result, Translate):
                result = self._stages[stage].settle(state, result)
                done = done._replace(result=result)
            if result is False:
                if done.changes:
                    events.append(Event("begun", at.chain, done.rule, None, done.changes))
            else:
                events.append(Event("met", at.chain, done.rule, result, done.changes, done.assumed))
                endings = self._act(stage, at, done, events)
                if endings is not None:
                    return endings

    def _act(self, stage: int, at: _Cursor, done: _Within, events: list[Event]) -> list[Ending] | None:
        """What a rule that held does; None where the walk goes on in the base chain."""
        result, state = done.result, done.state
        if result is True:
            return None
        if isinstance(result, Into):
            target = at.chain.other(result.chain)
            if target is None:
                return self._missing(stage, done.rule, result, state, events)
            at.enter(target, state, back=result.back)
            return None
        if result is End.RETURN:
            return None if at.leave(state) else self._at_end(stage, state, events)
        return self._finish(stage, result, state, events)

    def _at_end(self, stage: int, state: State, events: list[Event]) -> list[Ending]:
        """No rule decided: the policy of the base chain does."""
        verdict = End.DROP if self._stages[stage].policy == "drop" else End.ACCEPT
        events.append(Event("policy", None, None, verdict))
        return self._finish(stage, verdict, state, events)

    def _finish(self, stage: int, result: Result, state: State, events: list[Event]) -> list[Ending]:
        """A base chain has decided; what accepts in one goes on to the next."""
        if result is End.DROP:
            return [Ending(DROPPED, state, tuple(events))]
        if isinstance(result, Reject):
            return [Ending(Refuse(result.told), state, tuple(events))]
        state, words = self._stages[stage].leave(state, result)
        if words:
            events.append(Event("translated", changes=words))
        return _after(events, self.ways(state, stage + 1))

    def _missing(self, stage: int, rule: PreparedRule, into: Into, state: State, events: list[Event]) -> list[Ending]:
        """The chain that a rule jumps to was not listed."""
        self._forks += 1
        doubt = Doubt(
            f"jump {into.chain}", "that chain is not in the listing", rule.rule.place, rule.rule, rule.position
        )
        ways = [("accept", self.ways(state, stage + 1)), ("drop", [Ending(DROPPED, state, ())])]
        return _after(events, _merged(ways, doubt, None))

    def _both_ways(self, stage: int, at: _Cursor, within: _Within, events: list[Event]) -> list[Ending]:
        """Go on in each of the ways that a statement in doubt may lead."""
        rule, number, result, state = within.rule, within.step, within.result, within.state
        statement = rule.statements[number]
        choices = result.choices if isinstance(result, Either) else (NO_MATCH, ("that it matches", True))
        remembered = _remembered(statement) if result is None else None
        if remembered is not None:
            truths = {truth for key, truth in state.assumed if key == remembered[0]}
            choices = tuple(choice for choice in choices if not truths or (choice[1] is remembered[1]) in truths)
        self._forks += 1
        if self._forks > MOST_FORKS:
            return _after(events, [Ending(verdict, state, (), ((_TOO_MANY, ""),)) for verdict in (ACCEPTED, DROPPED)])
        text = statement_text(statement, rule.rule.place.family)
        ways = []
        for label, choice in choices:
            way = state
            if remembered is not None:
                way = state.copy()
                way.assumed = state.assumed | {(remembered[0], choice is remembered[1])}
            if choice is False:
                found = self._from_next(stage, at.copy(), way)
            else:
                assumed = within.assumed if isinstance(result, Either) else (*within.assumed, text)
                here = within._replace(result=choice, state=way, assumed=assumed)
                found = self._in_chain(stage, at.copy(), here, way, [])
            ways.append((label, found))
        reason = result.why if isinstance(result, Either) else why(statement)
        doubt = Doubt(text, reason, rule.rule.place, rule.rule, rule.position)
        return _after(events, _merged(ways, doubt, Event("doubt", at.chain, rule, number)))

    def _from_next(self, stage: int, at: _Cursor, state: State) -> list[Ending]:
        """Go on with the next rule, and remember what comes of it: a way that the rule let go on comes there too."""
        key = at.key(stage, state)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._in_chain(stage, at, None, state, [])
        return found


def _run(within: _Within, events: list[Event]) -> _Within:
    """The statements of a rule, up to the one that ends it or is in doubt."""
    rule, number, result, state, changes, assumed = within
    steps = rule.steps if rule.steps is not None else rule.prepare()
    while True:
        if result is True:
            number += 1
            if number == len(steps):
                break
            result = steps[number](state)
        elif result is False:
            break
        elif isinstance(result, Change):
            state = result.state
            changes = (*changes, result.words) if result.words else changes
            result = True
        elif (result is None or isinstance(result, Either)) and rule.harmless[number]:
            # whether it holds or not, nothing comes of it
            events.append(Event("doubt", None, rule, number))
            result = False
        else:
            break
    return _Within(rule, number, result, state, changes, assumed)


def _after(events: list[Event], endings: list[Ending]) -> list[Ending]:
    if not events:
        return endings
    before = tuple(events)
    return [Ending(verdict, state, before + after, choices) for verdict, state, after, choices in endings]


def _merged(ways: list[tuple[str, list[Ending]]], doubt: Doubt, in_doubt: Event | None) -> list[Ending]:
    """The endings of several ways: those of one alone where all end alike."""
    alike = [frozenset([(ending.verdict, ending.state.key()) for ending in endings]) for _, endings in ways]
    first = ways[0][1]
    if all(each == alike[0] for each in alike[1:]):
        others = [ending for _, endings in ways[1:] for ending in endings]
        before = [in_doubt] if in_doubt is not None and len(ways) > 1 and ways[0][0] == NO_MATCH[0] else []
        return _after(before, [ending._replace(state=_common(ending, others)) for ending in first])
    found = []
    for label, endings in ways:
        for ending in endings:
            events = ending.events
            if in_doubt is not None and label == NO_MATCH[0]:
                events = (in_doubt, *events)
            found.append(ending._replace(choices=((doubt, label), *ending.choices), events=events))
    return found


def _common(ending: Ending, others: list[Ending]) -> State:
    """The packet with only those assumptions that hold on every way to the same end."""
    state = ending.state
    assumed = state.assumed
    for other in others:
        if other.verdict == ending.verdict and other.state.key() == state.key():
            assumed &= other.state.assumed
    if assumed == state.assumed:
        return state
    changed = state.copy()
    changed.assumed = assumed
    return changed


def _remembered(statement: object) -> tuple[object, bool] | None:
    """What the same comparison of the same packet is known by, and the result that its being true is.

    None for what may turn out otherwise the next time.
    """
    match statement:
        case Match(_, Numgen()) | Match(_, Meta("random" | "cpu" | "time")):
            return None
        case Match("!=", left, right):
            return (Match("==", left, right), False)
        case Match("!", left, right):
            return (Match("in", left, right), False)
        case Match():
            return (statement, True)
        case XtMatch(_, condition) if is_lasting(condition):
            return (condition.condition, False) if isinstance(condition, Not) else (condition, True)
        case _:
            return None
