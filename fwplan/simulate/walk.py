"""A packet walked through the base chains of a hook.

Where it is not known what a statement does, each way is gone to its end. If all end the same, it does not matter, and
the answer is known; if not, the statement is what decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fwplan.nft.rule_text import statement_text
from fwplan.simulate.actions import Change, Either, End, Into, Reject, Translate
from fwplan.simulate.assumptions import answer, comparison_of
from fwplan.simulate.outcome import Doubt, Refuse
from fwplan.simulate.steps import why
from fwplan.simulate.verdicts import NO_MATCH
from fwplan.simulate.ways import ACCEPTED, DROPPED, Way, after, ended, parted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fwplan.simulate.actions import Result
    from fwplan.simulate.chains import PreparedChain, PreparedRule
    from fwplan.simulate.stages import Stage
    from fwplan.simulate.state import State
    from fwplan.simulate.ways import Event

MOST_FORKS = 1000
"""How many statements in doubt are gone both ways, for one packet at one hook."""
_MOST_LEAVES = 200
"""How many ends there may be that differ."""
_DEEPEST = 40
"""How many of them may stand in each other."""
_TOO_MANY = Doubt("more statements in doubt than fwplan follows", "each of them may decide")
MOST_CHAINS = 10_000
"""Into how many chains one packet is followed at one hook."""
_TOO_FAR = Doubt("more chains than fwplan follows", "they lead in a circle, which no kernel takes")
GAVE_UP = frozenset((_TOO_MANY, _TOO_FAR))
"""The doubts of ways that were not followed to their ends."""
_NOTHING: tuple[str, ...] = ()
_MATCHES = ("that the rule matches", True)
_PLAIN = frozenset((bool, End, Into, Reject))
"""What a rule may come to without having changed anything, or being in doubt."""


class _Cursor:
    """Where in a base chain the walk is. Two are the same place only if they are one.

    Attributes:
        chain: in which it is by now.
        candidates: the rules of it that may match.
        following: which of them is next.
        epoch: of the packet for which they were found.
        parent: where to go on after the chain; None where the base chain ends with it.
    """

    __slots__ = ("candidates", "chain", "epoch", "following", "parent")

    def __init__(
        self,
        chain: PreparedChain,
        candidates: tuple[PreparedRule, ...],
        following: int,
        epoch: int,
        parent: _Cursor | None,
    ) -> None:
        self.chain = chain
        self.candidates = candidates
        self.following = following
        self.epoch = epoch
        self.parent = parent

    def copy(self) -> _Cursor:
        """Another one at the same place."""
        return _Cursor(self.chain, self.candidates, self.following, self.epoch, self.parent)

    def key(self, stage: int, state: State) -> tuple[object, ...]:
        """All that the rest of the walk depends on."""
        left = self.candidates[self.following :][:1]
        return (stage, self.chain, left[0].position if left else -1, self.parent, state.key(), state.assumed)

    def leave(self, state: State) -> bool:
        """Go on after the chain; False where there is nothing to go on in."""
        parent = self.parent
        if parent is None:
            return False
        self.chain, self.candidates, self.following = parent.chain, parent.candidates, parent.following
        self.epoch, self.parent = parent.epoch, parent.parent
        if state.epoch != self.epoch:
            self.refresh(state)
        return True

    def refresh(self, state: State) -> None:
        """Find the rules anew that may match, since the packet has other addresses than before."""
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
    changes: tuple[str, ...] = _NOTHING
    assumed: tuple[str, ...] = _NOTHING


class _Fork(NamedTuple):
    """Where ways part: the one on which the rule does not match is gone first.

    Attributes:
        at: where that goes on.
        within: the statement in doubt.
        choices: what else it may do, and the packet then.
        doubt: the statement.
        events: what was met since the fork before.
        key: of the place where the rule was taken not to match.
    """

    at: _Cursor
    within: _Within
    choices: list[tuple[str, Result, State]]
    doubt: Doubt
    events: list[Event]
    key: tuple[object, ...] | None


class Walk:
    """One packet's walk through one hook.

    Args:
        stages: what it comes through, in order.
    """

    __slots__ = ("_chains", "_depth", "_forks", "_known", "_stages")

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages
        self._forks = 0
        self._chains = 0
        self._depth = 0
        self._known: dict[tuple[object, ...], Way] = {}

    def ways(self, state: State, stage: int = 0) -> Way:
        """All ways from one stage to the end of the hook."""
        if not self._forks:
            return self._from_stage(stage, state)
        key = (stage, state.key(), state.assumed)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._from_stage(stage, state)
        return found

    def _from_stage(self, number: int, state: State) -> Way:
        events: list[Event] = []
        for stage in range(number, len(self._stages)):
            chain = self._stages[stage].always
            if chain is None:
                entry = self._stages[stage].enter(state)
                if entry.doubt is not None:
                    self._forks += 1
                    choices = [(label, self.ways(way, stage)) for label, way in entry.ways]
                    return after(events, parted(choices, entry.doubt))
                if entry.words:
                    events.append(("translated", None, None, None, entry.words, _NOTHING))
                state, chain = entry.state, entry.chain
            if chain is not None:
                events.append(("entered", chain, None, None, _NOTHING, _NOTHING))
                at = _Cursor(chain, chain.candidates(state), 0, state.epoch, None)
                return self._in_chain(stage, at, None, state, events)
        return ended(ACCEPTED, state, events)

    def _in_chain(self, stage: int, at: _Cursor, within: _Within | None, state: State, events: list[Event]) -> Way:
        """The way on from a place in a base chain, in the middle of a rule or at the next one."""
        if within is None:
            found = self._on(stage, at, state, events)
        else:
            done = _run(within, events)
            stopped = self._done(stage, at, done, events)
            if stopped is None:
                return after(events, self._at_rule(stage, at, done.state))
            found = stopped
        # the ways on which rules in doubt do not match, one after the other; then from the last fork to the first the
        # other ways, which soon come to a place from where all is known
        forks: list[_Fork] = []
        while isinstance(found, _Within):
            fork = self._fork(stage, at, found, events)
            if fork is None:
                found = after(events, _anything(found.state))
                break
            if fork.key is None:
                # the rule matches in any case
                found = self._join(stage, fork, None)
                break
            forks.append(fork)
            events = []
            found = self._on(stage, at, fork.choices.pop(0)[2], events)
        for fork in reversed(forks):
            found = self._join(stage, fork, found)
        return found

    def _at_rule(self, stage: int, at: _Cursor, state: State) -> Way:
        """The way on from the next rule, which other ways may have come to."""
        key = at.key(stage, state)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._in_chain(stage, at, None, state, [])
        return found

    def _on(self, stage: int, at: _Cursor, state: State, events: list[Event]) -> Way | _Within:
        """Go on in a base chain from the next rule, up to its end or to a statement in doubt."""
        while True:
            if self._forks and (known := self._known.get(at.key(stage, state))) is not None:
                return after(events, known)
            if at.following == len(at.candidates):
                events.append(("ended", at.chain, None, None, _NOTHING, _NOTHING))
                if at.leave(state):
                    continue
                return self._at_end(stage, state, events)
            rule = at.candidates[at.following]
            at.following += 1
            number = -1
            result: Result = True
            for step in rule.steps if rule.steps is not None else rule.prepare():
                number += 1
                result = step(state)
                if result is not True:
                    break
            if result is False:
                continue
            if type(result) in _PLAIN:
                events.append(("met", at.chain, rule, result, _NOTHING, _NOTHING))
                if result is True:
                    continue
                stopped: Way | _Within | None = self._act(stage, at, rule, result, state, events)
            else:
                done = _run(_Within(rule, number, result, state), events)
                state = done.state
                stopped = self._done(stage, at, done, events)
            if stopped is not None:
                return stopped

    def _done(self, stage: int, at: _Cursor, done: _Within, events: list[Event]) -> Way | _Within | None:
        """After a rule that changed something, or is in doubt; None where the walk goes on in the base chain."""
        rule, _, result, state, changes, assumed = done
        if state.epoch != at.epoch:
            at.refresh(state)
        if result is None or isinstance(result, Either):
            if not rule.cannot_match(done.step, state):
                return done
            result = False
        if result is False:
            if changes:
                events.append(("begun", at.chain, rule, None, changes, _NOTHING))
            return None
        if isinstance(result, Translate):
            result = self._stages[stage].settle(state, result)
        events.append(("met", at.chain, rule, result, changes, assumed))
        return None if result is True else self._act(stage, at, rule, result, state, events)

    def _act(
        self, stage: int, at: _Cursor, rule: PreparedRule, result: Result, state: State, events: list[Event]
    ) -> Way | None:
        """What a rule that held does; None where the walk goes on in the base chain."""
        if isinstance(result, Into):
            target = at.chain.other(result.chain)
            if target is None:
                return self._missing(stage, rule, result, state, events)
            self._chains += 1
            if self._chains > MOST_CHAINS:
                return after(events, _anything(state, _TOO_FAR))
            if result.back:
                # the copy is this one place: ways that return to it meet there
                at.parent = at.copy()
            at.chain, at.candidates, at.following, at.epoch = target, target.candidates(state), 0, state.epoch
            return None
        if result is End.RETURN:
            return None if at.leave(state) else self._at_end(stage, state, events)
        return self._finish(stage, result, state, events)

    def _at_end(self, stage: int, state: State, events: list[Event]) -> Way:
        """No rule decided: the policy of the base chain does."""
        verdict = End.DROP if self._stages[stage].policy == "drop" else End.ACCEPT
        events.append(("policy", None, None, verdict, _NOTHING, _NOTHING))
        return self._finish(stage, verdict, state, events)

    def _finish(self, stage: int, result: Result, state: State, events: list[Event]) -> Way:
        """A base chain has decided; what accepts in one goes on to the next."""
        if result is End.DROP:
            return ended(DROPPED, state, events)
        if isinstance(result, Reject):
            return ended(Refuse(result.told), state, events)
        if result is not End.ACCEPT:
            state, words = self._stages[stage].leave(state, result)
            if words:
                events.append(("translated", None, None, None, words, _NOTHING))
        if stage + 1 == len(self._stages):
            return ended(ACCEPTED, state, events)
        return after(events, self.ways(state, stage + 1))

    def _missing(self, stage: int, rule: PreparedRule, into: Into, state: State, events: list[Event]) -> Way:
        """The chain that a rule jumps to was not listed."""
        self._forks += 1
        doubt = Doubt(
            f"jump {into.chain}", "that chain is not in the listing", rule.rule.place, rule.rule, rule.position
        )
        choices = [("accept", self.ways(state, stage + 1)), ("drop", ended(DROPPED, state, ()))]
        return after(events, parted(choices, doubt))

    def _fork(self, stage: int, at: _Cursor, within: _Within, events: list[Event]) -> _Fork | None:
        """What a statement in doubt may do; None where there have been too many of them."""
        self._forks += 1
        if self._forks >= MOST_FORKS or self._depth > _DEEPEST:
            return None
        rule, number, result, state, _, _ = within
        statement = rule.statements[number]
        offered = result.choices if isinstance(result, Either) else (NO_MATCH, _MATCHES)
        known = comparison_of(statement) if result is None else None
        choices: list[tuple[str, Result, State]] = []
        if known is None:
            choices = [(label, choice, state) for label, choice in offered]
        else:
            comparison, truth = known
            answered = answer(state.assumed, comparison)
            for label, choice in offered:
                holds = choice is truth
                if answered in {None, holds}:
                    way = state.copy()
                    way.assumed = state.assumed | {(comparison, holds)}
                    choices.append((label, choice, way))
        choices.sort(key=lambda choice: choice[1] is not False)
        text = statement_text(statement, rule.rule.place.family)
        reason = result.why if isinstance(result, Either) else why(statement)
        doubt = Doubt(text, reason, rule.rule.place, rule.rule, rule.position)
        key = at.key(stage, choices[0][2]) if choices[0][1] is False else None
        return _Fork(at.copy(), within, choices, doubt, events, key)

    def _join(self, stage: int, fork: _Fork, found: Way | None) -> Way:
        """The way from a fork on, where that is known on which the rule does not match, if there is such a way."""
        choices = []
        if fork.key is not None and found is not None:
            self._known[fork.key] = found
            choices.append((NO_MATCH[0], found))
        self._depth += 1
        for label, choice, state in fork.choices:
            assumed = (*fork.within.assumed, fork.doubt.statement)
            here = fork.within._replace(result=choice, state=state, assumed=assumed)
            choices.append((label, self._in_chain(stage, fork.at.copy(), here, state, [])))
        self._depth -= 1
        rule = fork.within.rule
        in_doubt: Event = ("doubt", fork.at.chain, rule, fork.within.step, _NOTHING, _NOTHING)
        way = parted(choices, fork.doubt, in_doubt)
        if len(way.leaves) > _MOST_LEAVES:
            self._forks = MOST_FORKS
            way = _anything(way.leaves[0].state)
        return after(fork.events, way)


def _anything(state: State, doubt: Doubt = _TOO_MANY) -> Way:
    """The way on where it is no longer followed."""
    either = (("accept", ended(ACCEPTED, state, ())), ("drop", ended(DROPPED, state, ())))
    return parted(either, doubt)


def _run(within: _Within, events: list[Event]) -> _Within:
    """The statements of a rule from one on, up to the one that ends it or is in doubt."""
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
            events.append(("doubt", None, rule, number, _NOTHING, _NOTHING))
            result = False
        else:
            break
    return _Within(rule, number, result, state, changes, assumed)
