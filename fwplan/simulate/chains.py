"""Chains prepared for walking: rules as functions, and an index that skips rules which are certain not to match.

Nothing is prepared before a packet comes to it. What a rule means stands in `fwplan.simulate.steps` alone: the index
only leaves rules out, by the interfaces and addresses that they ask for before they do anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fwplan.nft.datatypes import datatype_of
from fwplan.nft.expressions import AnonymousSet, Meta, Payload
from fwplan.nft.statements import Match
from fwplan.simulate.lookup import in_span, part_of
from fwplan.simulate.scope import Scope
from fwplan.simulate.steps import is_neutral, only_asks, step_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.nft.expressions import Expression
    from fwplan.nft.ruleset import Chain, Rule, Table
    from fwplan.nft.statements import Statement
    from fwplan.simulate.actions import Step
    from fwplan.simulate.state import State
    from fwplan.simulate.world import World

SHORT = 8
"""Chains of no more rules are walked without an index."""
_MOST_KEPT = 20_000
"""How many answers of an index are kept."""


class PreparedRule:
    """A rule as functions.

    Attributes:
        rule: the rule.
        position: in its chain, from 0.
        steps: what it asks and does; statements that do neither are left out.
        statements: the statement of each step.
        harmless: for each step, whether neither it nor any later one has an effect, so that it does not matter whether
            it holds.
    """

    __slots__ = ("_table", "harmless", "position", "rule", "statements", "steps")

    def __init__(self, rule: Rule, position: int, table: PreparedTable) -> None:
        self.rule = rule
        self.position = position
        self._table = table
        self.steps: tuple[Step, ...] | None = None
        self.statements: tuple[Statement, ...] = ()
        self.harmless: tuple[bool, ...] = ()

    def cannot_match(self, after: int, state: State) -> bool:
        """Whether something that the rule asks for later does not hold, before it has any effect."""
        for statement, step in zip(self.statements[after + 1 :], (self.steps or ())[after + 1 :], strict=True):
            if not only_asks(statement):
                return False
            if step(state) is False:
                return True
        return False

    def prepare(self) -> tuple[Step, ...]:
        """Make the functions."""
        self.statements = tuple(statement for statement in self.rule.statements if not is_neutral(statement))
        self.steps = steps = tuple([self._table.step(statement) for statement in self.statements])
        harmless, backwards = True, []
        for statement in reversed(self.statements):
            harmless = harmless and only_asks(statement)
            backwards.append(harmless)
        self.harmless = tuple(reversed(backwards))
        return steps


class PreparedTable:
    """A table, whose chains are prepared when a packet first comes to them.

    Attributes:
        table: the table.
    """

    __slots__ = ("_chains", "_prepared", "_scope", "_steps", "table")

    def __init__(self, table: Table, world: World) -> None:
        self.table = table
        self._chains = table.chains
        self._scope = Scope(table.family, table.sets, world)
        self._prepared: dict[str, PreparedChain] = {}
        self._steps: dict[int, Step] = {}

    def chain(self, name: str) -> PreparedChain | None:
        """A chain; None where there is none of that name."""
        found = self._prepared.get(name)
        if found is None and name in self._chains:
            found = self._prepared[name] = PreparedChain(self._chains[name], self)
        return found

    def step(self, statement: Statement) -> Step:
        """A statement as a function. Equal statements of a listing are one object, and become one function."""
        found = self._steps.get(id(statement))
        if found is None:
            found = self._steps[id(statement)] = step_of(statement, self._scope)
        return found


class PreparedChain:
    """A chain with its index.

    Attributes:
        chain: the chain.
        table: that it is in.
        rules: all of them, in order.
    """

    __slots__ = ("_answers", "_index", "chain", "rules", "table")

    def __init__(self, chain: Chain, table: PreparedTable) -> None:
        self.chain = chain
        self.table = table
        self.rules = tuple([PreparedRule(rule, position, table) for position, rule in enumerate(chain.rules)])
        self._index: _Index | None = None
        self._answers: dict[_Key, tuple[PreparedRule, ...]] = {}

    def other(self, name: str) -> PreparedChain | None:
        """Another chain of the same table."""
        return self.table.chain(name)

    def candidates(self, state: State) -> tuple[PreparedRule, ...]:
        """The rules that may match, in order."""
        rules = self.rules
        if len(rules) <= SHORT:
            return rules
        index = self._index
        if index is None:
            index = self._index = _Index(self.chain.rules)
        key = (state.iifname, state.oifname, (), ()) if index.by_name_only else index.key(state)
        found = self._answers.get(key)
        if found is None:
            if len(self._answers) > _MOST_KEPT:
                self._answers.clear()
            found = self._answers[key] = tuple([rules[position] for position in index.positions(key)])
        return found


class _Prefix(NamedTuple):
    free: int
    family: str
    start: int


class _Guard(NamedTuple):
    """What a rule asks for before it does anything: one of these values of an attribute.

    Attributes:
        attribute: `iifname`, `oifname`, `saddr` or `daddr`.
        names: of interfaces.
        prefixes: of addresses: how many bits are free, the family, and the bits before them.
    """

    attribute: str
    names: tuple[str, ...]
    prefixes: tuple[_Prefix, ...]


_Key = tuple[str | None, str | None, tuple[_Prefix, ...] | None, tuple[_Prefix, ...] | None]


class _Index:
    """Which rules may match a packet, by interfaces and addresses.

    Attributes:
        by_name_only: whether no rule is told by an address.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._names: dict[str, dict[str, list[int]]] = {"iifname": {}, "oifname": {}}
        self._prefixes: dict[str, dict[_Prefix, list[int]]] = {"saddr": {}, "daddr": {}}
        self._always: list[int] = []
        guards: dict[int, _Guard | None] = {}
        for position, rule in enumerate(rules):
            guard = _guard_of(rule, guards)
            if guard is None:
                self._always.append(position)
                continue
            for name in guard.names:
                self._names[guard.attribute].setdefault(name, []).append(position)
            for prefix in guard.prefixes:
                self._prefixes[guard.attribute].setdefault(prefix, []).append(position)
        self._lengths = {
            attribute: sorted({(prefix.free, prefix.family) for prefix in prefixes})
            for attribute, prefixes in self._prefixes.items()
        }
        self.by_name_only = not any(self._lengths.values())

    def key(self, state: State) -> _Key:
        """What the answer depends on."""
        return (
            state.iifname,
            state.oifname,
            self._matching("saddr", state.saddr, state.family),
            self._matching("daddr", state.daddr, state.family),
        )

    def _matching(self, attribute: str, number: int | None, family: str) -> tuple[_Prefix, ...] | None:
        if number is None:
            return None
        prefixes = self._prefixes[attribute]
        tried = [_Prefix(free, of, number >> free) for free, of in self._lengths[attribute] if of == family]
        return tuple([prefix for prefix in tried if prefix in prefixes])

    def positions(self, key: _Key) -> list[int]:
        """The rules, in order."""
        iifname, oifname, of_source, of_destination = key
        found = list(self._always)
        for attribute, name in (("iifname", iifname), ("oifname", oifname)):
            by_name = self._names[attribute]
            found += _all(by_name.values()) if name is None else by_name.get(name, ())
        for attribute, prefixes in (("saddr", of_source), ("daddr", of_destination)):
            by_prefix = self._prefixes[attribute]
            found += _all(by_prefix.values() if prefixes is None else [by_prefix[prefix] for prefix in prefixes])
        return sorted(set(found))


def _all(lists: Iterable[list[int]]) -> list[int]:
    return [position for positions in lists for position in positions]


def _guard_of(rule: Rule, known: dict[int, _Guard | None]) -> _Guard | None:
    """The best of what a rule asks for before it has any effect: interfaces, else an address."""
    of_address = None
    for statement in rule.statements:
        if not isinstance(statement, Match):
            if not is_neutral(statement) and not only_asks(statement):
                break
            continue
        guard = known.get(id(statement), _NOT_SEEN)
        if guard is _NOT_SEEN:
            guard = known[id(statement)] = _guard(statement)
        if guard is not None:
            if guard.attribute in {"iifname", "oifname"}:
                return guard
            of_address = of_address or guard
    return of_address


_NOT_SEEN = _Guard("", (), ())


def _guard(match: Match) -> _Guard | None:
    if match.operator != "==":
        return None
    match match.left:
        case Meta("iif" | "iifname" | "oif" | "oifname" as key):
            parts = [part_of(value, datatype_of(match.left)) for value in _values(match.right)]
            names = tuple([name for name in parts if isinstance(name, str) and not name.isdigit()])
            if names and len(names) == len(parts):
                return _Guard("iifname" if key.startswith("iif") else "oifname", names, ())
        case Payload("ip" | "ip6" as family, "saddr" | "daddr" as field, None):
            found = [_prefix(value, family, match) for value in _values(match.right)]
            prefixes = tuple([prefix for prefix in found if prefix is not None])
            if prefixes and len(prefixes) == len(found):
                return _Guard(field, (), prefixes)
    return None


def _values(right: Expression) -> list[Expression]:
    if not isinstance(right, AnonymousSet):
        return [right]
    # an element may match where no other does
    return [element.key for element in right.elements]


def _prefix(value: Expression, family: str, match: Match) -> _Prefix | None:
    span = in_span(part_of(value, datatype_of(match.left)))
    if span is None:
        return None
    start, end = span
    mask = end - start
    # what is no prefix has a one among the bits that are free, or not all of these free
    if mask & (mask + 1) or start & mask:
        return None
    free = mask.bit_length()
    return _Prefix(free, family, start >> free)
