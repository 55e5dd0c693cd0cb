"""What a ruleset means: a diagram of what becomes of every packet at the hooks forward and postrouting.

What a statement means is not said here. It is asked about single packets (`fwplan.prove.reading` says which), by the
simulator's own function of it. Here stands what joins the answers: statements to rules, rules to chains, chains to
hooks, in the order in which the simulator's stages have them.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.errors import UnreadableError
from fwplan.nft.rule_text import rule_text, statement_text
from fwplan.nft.statements import Match, Nat, Offload, Set, VerdictMap, XtMatch
from fwplan.prove.diagram import TooIntricateError
from fwplan.prove.dimensions import STATES, Dimension
from fwplan.prove.ending import Ending, Kind
from fwplan.prove.interfaces import HOST
from fwplan.prove.points import written
from fwplan.prove.reading import Reading
from fwplan.simulate.actions import Change, Either, End, Into, Reject, Translate
from fwplan.simulate.chains import PreparedChain
from fwplan.simulate.outcome import Doubt
from fwplan.simulate.packet import Packet
from fwplan.simulate.simulator import Simulator
from fwplan.simulate.stages import BoundStage, DoubtfulStage, FilterStage, NatStage, TranslationStage
from fwplan.simulate.state import State
from fwplan.simulate.steps import why
from fwplan.simulate.verdicts import ANYTHING, NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fwplan.nft.ruleset import Ruleset
    from fwplan.nft.statements import Statement
    from fwplan.prove.diagram import Diagram, Diagrams
    from fwplan.prove.doubts import Doubts
    from fwplan.prove.ending import Changes
    from fwplan.prove.points import Points
    from fwplan.prove.readings import Readings
    from fwplan.simulate.actions import Result
    from fwplan.simulate.chains import PreparedRule
    from fwplan.simulate.stages import Stage

_DEEPEST = 64
"""Jumps within each other: nftables allows 16, iptables-legacy more."""
_MOST_POINTS = 50_000
"""About how many packets one statement is asked; one that would take more may turn out either way."""
_TOO_MANY_POINTS = "fwplan would have to ask it about too many packets"

_SOURCE_SETTLED: Changes = ((Dimension.TRANSLATED, 1),)
_SOURCE_REWRITTEN: Changes = (*_SOURCE_SETTLED, (Dimension.SOURCE, None), (Dimension.SOURCE_PORT, None))


class Meaning:
    """What a ruleset makes of the packets of a family.

    Args:
        ruleset: all tables.
        readings: of its statements.
        diagrams: in which its diagrams are made.
        points: the packets of the family.
        doubts: where what is not known is written down.
    """

    def __init__(
        self, ruleset: Ruleset, readings: Readings, diagrams: Diagrams, points: Points, doubts: Doubts
    ) -> None:
        self._ruleset = ruleset
        self._simulator = Simulator(ruleset)
        self._readings = readings
        self._diagrams = diagrams
        self._points = points
        self._doubts = doubts
        self._chains: dict[int, Diagram] = {}
        self._statements: dict[tuple[int, int], Diagram] = {}
        self._within: list[PreparedChain] = []
        leaf = diagrams.leaf
        self._holds, self._next, self._back = leaf(Ending(Kind.HOLDS)), leaf(Ending(Kind.NEXT)), leaf(Ending(Kind.BACK))
        self._passes, self._dropped = leaf(Ending(Kind.PASSES)), leaf(Ending(Kind.REFUSED))

    def of_all_packets(self) -> Diagram:
        """What becomes of packets: those that are forwarded, and those that the host itself sends."""
        diagrams = self._diagrams
        forward, postrouting = self.at_hook("forward"), self.at_hook("postrouting")
        forwarded = diagrams.then(forward, postrouting, Kind.PASSES)
        both = diagrams.switch(Dimension.IN, (HOST, HOST + 1), (postrouting, self._past_rules(forwarded)))
        return diagrams.ended(diagrams.given(both, Dimension.TRANSLATED, 0), _without_changes)

    def _past_rules(self, forwarded: Diagram) -> Diagram:
        """The same where a flowtable takes packets past the rules, as it may with those of known connections."""
        offload = next((each for each in self._ruleset.rules if any(map(_offloads, each.statements))), None)
        if offload is None:
            return forwarded
        doubt = Doubt(rule_text(offload), "a flowtable takes later packets past the rules", offload.place, offload)
        because = frozenset({self._doubts.number(doubt)})
        perhaps = self._diagrams.either((forwarded, self._passes), because)
        established = STATES.index("established")
        spans = (0, established, established + 1)
        return self._diagrams.switch(Dimension.STATE, spans, (forwarded, perhaps, forwarded))

    def at_hook(self, hook: str) -> Diagram:
        """What becomes of a packet at one hook."""
        stages = self._simulator.stages(self._points.family, hook, State(Packet(self._points.family)))
        found: Diagram = self._passes
        with _too_intricate_at(f"hook {hook}"):
            for stage in reversed(stages):
                found = self._diagrams.then(self._stage(stage), found, Kind.PASSES)
        return found

    # Stages

    def _stage(self, stage: Stage) -> Diagram:
        match stage:
            case FilterStage(always=PreparedChain() as chain, policy=policy):
                return self._base_chain(chain, policy)
            case DoubtfulStage(chain=chain, policy=policy):
                because = frozenset({self._doubts.number(stage.doubt)})
                return self._diagrams.either((self._base_chain(chain, policy), self._passes), because)
            case NatStage(chain=chain, policy=policy):
                translated = self._diagrams.ended(self._base_chain(chain, policy), _settled)
                return self._diagrams.switch(Dimension.TRANSLATED, (0, 1), (translated, self._passes))
            case TranslationStage():
                return self._translation(stage)
            case BoundStage():
                return self._diagrams.leaf(Ending(Kind.PASSES, changes=_SOURCE_SETTLED))
            case _:
                raise TypeError(f"no stage of the hooks forward and postrouting: {stage}")

    def _base_chain(self, chain: PreparedChain, policy: str) -> Diagram:
        """A chain that a packet is entered into by the kernel: where no rule decides, its policy does."""
        policy_leaf = self._dropped if policy == "drop" else self._passes
        return self._diagrams.then(self._chain(chain), policy_leaf, Kind.NEXT | Kind.BACK)

    def _translation(self, stage: TranslationStage) -> Diagram:
        """Which packets come to chains of type nat: the simulator's stage says it of each."""

        def ask(values: Mapping[Dimension, int]) -> Diagram:
            state = self._points.at(values)
            entered = stage.enter(state)
            if "source" not in entered.state.translated:
                return self._passes
            # a connection that is known may have been translated: then its packets are, and their source is not known
            changes = _SOURCE_REWRITTEN if state.ct.has_entry else _SOURCE_SETTLED
            return self._diagrams.leaf(Ending(Kind.PASSES, changes=changes))

        reading = Reading()
        reading.cuts = {Dimension.STATE: set(range(len(STATES))), Dimension.PROTOCOL: {1, 2, 58, 59}}
        return self._over(reading, ask)

    # Chains and rules

    def _chain(self, chain: PreparedChain) -> Diagram:
        """What becomes of a packet that comes to a chain; it ends with NEXT or BACK where no rule decides."""
        found = self._chains.get(id(chain))
        if found is None:
            self._within.append(chain)
            with _too_intricate_at(f"chain {chain.chain.place}"):
                found = self._chains[id(chain)] = self._one_after_the_other(chain, 0, len(chain.rules))
            self._within.pop()
        return found

    def _one_after_the_other(self, chain: PreparedChain, start: int, end: int) -> Diagram:
        """Some of the rules of a chain. Halves are joined, since joining costs as much as both halves are large."""
        if end - start < 2:
            return self._rule(chain, chain.rules[start]) if end > start else self._next
        middle = (start + end) // 2
        first = self._one_after_the_other(chain, start, middle)
        return self._diagrams.then(first, self._one_after_the_other(chain, middle, end), Kind.NEXT)

    def _rule(self, chain: PreparedChain, rule: PreparedRule) -> Diagram:
        steps = rule.steps if rule.steps is not None else rule.prepare()
        found: Diagram = self._next
        for number in reversed(range(len(steps))):
            found = self._diagrams.then(self._statement(chain, rule, number), found, Kind.HOLDS)
        return found

    def _statement(self, chain: PreparedChain, rule: PreparedRule, number: int) -> Diagram:
        statement = rule.statements[number]
        key = (id(chain.table), id(statement))
        found = self._statements.get(key)
        if found is None:
            known_doubts = len(self._doubts)
            asked = _Asked(chain, rule, number, self._reading(statement, chain))
            found = self._over(
                asked.reading, lambda values: self._answered(asked, asked.result(self._points.at(values)))
            )
            if len(self._doubts) == known_doubts:
                # of a statement in doubt the rule is told, and another rule may have an equal one
                self._statements[key] = found
        return found

    def _reading(self, statement: Statement, chain: PreparedChain) -> Reading:
        """What a statement asks for, as far as it can be asked about single packets."""
        found = self._readings.of(statement, chain.table.table)
        points = 1
        for dimension in found.dimensions:
            points *= len(self._points.cells(dimension, found.cuts[dimension]))
        return found if points <= _MOST_POINTS else Reading(writes=found.writes, unsure=_TOO_MANY_POINTS)

    def _over(self, reading: Reading, ask: Callable[[Mapping[Dimension, int]], Diagram]) -> Diagram:
        """The diagram of what is answered about single packets."""
        cells = [(each, self._points.cells(each, reading.cuts[each])) for each in reading.dimensions]
        return self._over_cells(cells, {}, ask)

    def _over_cells(
        self,
        cells: Sequence[tuple[Dimension, list[tuple[int, int]]]],
        values: Mapping[Dimension, int],
        ask: Callable[[Mapping[Dimension, int]], Diagram],
    ) -> Diagram:
        if not cells:
            return ask(values)
        (dimension, spans), *rest = cells
        known: dict[int, Diagram] = {}
        for _, value in spans:
            if value not in known:
                known[value] = self._over_cells(rest, {**values, dimension: value}, ask)
        return self._diagrams.switch(dimension, [start for start, _ in spans], [known[value] for _, value in spans])

    # Answers

    def _answered(self, asked: _Asked, result: Result) -> Diagram:
        """Where a packet goes on, of which a statement gave a result."""
        leaf = self._diagrams.leaf
        match result:
            case True if asked.reading.unsure:
                # it may have written anything
                return leaf(Ending(Kind.HOLDS, changes=tuple((each, None) for each in sorted(asked.reading.writes))))
            case True:
                return self._holds
            case False:
                return self._next
            case None:
                holds = self._answered(asked, True)  # noqa: FBT003 - a result
                return self._diagrams.either([holds, self._next], self._doubt(asked, ""))
            case End.ACCEPT:
                return self._passes
            case End.DROP:
                return self._dropped
            case End.RETURN:
                return self._back
            case Reject(told):
                return leaf(Ending(Kind.REFUSED, told=told))
            case Change(state):
                changes = tuple((each, written(state, each)) for each in sorted(asked.reading.writes))
                return leaf(Ending(Kind.HOLDS, changes=changes))
            case Translate():
                because = frozenset() if result.known else self._doubt(asked, "")
                return leaf(Ending(Kind.PASSES, translate=result), because=because)
            case Into(name, back):
                return self._in_other_chain(asked, name, back=back)
            case Either(choices, reason):
                ways = [self._answered(asked, choice) for _, choice in choices]
                return self._diagrams.either(ways, self._doubt(asked, reason))

    def _in_other_chain(self, asked: _Asked, name: str, *, back: bool) -> Diagram:
        target = asked.chain.other(name)
        if target is None:
            because = self._doubt(asked, "that chain is not in the listing")
            return self._diagrams.either([self._passes, self._dropped], because)
        if target in self._within or len(self._within) > _DEEPEST:
            raise UnreadableError(
                f"{asked.rule.rule.place} leads back to itself, or deeper than fwplan follows: no kernel has such rules"
            )
        return self._diagrams.ended(self._chain(target), _next_after if back else _back_after)

    def _doubt(self, asked: _Asked, reason: str) -> frozenset[int]:
        rule, statement = asked.rule, asked.statement
        place = rule.rule.place
        if not reason:
            reason = asked.reading.unsure or why(statement)
        text = statement_text(statement, place.family)
        return frozenset({self._doubts.number(Doubt(text, reason, place, rule.rule, rule.position))})


@dataclass(frozen=True)
class _Asked:
    """A statement that is asked about packets.

    Attributes:
        chain: in which it stands.
        rule: in that chain.
        number: in that rule.
        reading: what it asks for.
    """

    chain: PreparedChain
    rule: PreparedRule
    number: int
    reading: Reading

    @property
    def statement(self) -> Statement:
        """The statement."""
        return self.rule.statements[self.number]

    def result(self, state: State) -> Result:
        """What it does to a packet."""
        steps = self.rule.prepare() if self.rule.steps is None else self.rule.steps
        if not self.reading.unsure:
            return steps[self.number](state)
        match self.statement:
            case Match() | XtMatch() | Set():
                return None
            case Nat(kind):
                return Either((NO_MATCH, (kind, Translate(kind, None, None, known=False))), "")
            case VerdictMap():
                # of a packet of which nothing is given, it is one of all elements
                return Either((NO_MATCH, ("", steps[self.number](state))), "")
            case _:
                return ANYTHING


@contextmanager
def _too_intricate_at(where: str) -> Iterator[None]:
    """Tell where it was that too much would have to be kept; the innermost place is told."""
    try:
        yield
    except TooIntricateError as error:
        raise (error if error.where else TooIntricateError(error.most, where)) from None


def _offloads(statement: Statement) -> bool:
    return isinstance(statement, Offload)


def _next_after(ending: Ending) -> Ending:
    """After a jump, where the chain did not decide."""
    return ending._replace(kind=Kind.NEXT) if ending.kind is Kind.BACK else ending


def _back_after(ending: Ending) -> Ending:
    """After a goto, where the chain did not decide."""
    return ending._replace(kind=Kind.BACK) if ending.kind is Kind.NEXT else ending


def _settled(ending: Ending) -> Ending:
    """After a chain of type nat: what one of them has translated comes to no other."""
    return ending if ending.translate is None else ending._replace(changes=_SOURCE_REWRITTEN)


def _without_changes(ending: Ending) -> Ending:
    return ending._replace(changes=())
