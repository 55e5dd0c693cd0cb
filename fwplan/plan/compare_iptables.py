"""Holds a wanted state against iptables' rules on a host: the edits that lead there, none where it is reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.iptables.objects import Chain, JumpTo, Rule
from fwplan.iptables.saved import SavedRule, as_saved
from fwplan.iptables.transaction import Delete, DeleteChain, Insert, NewChain
from fwplan.plan.difference import Difference, Step
from fwplan.plan.settle import Anchor, settle
from fwplan.plan.share import SetUpMark, iptables_mark
from fwplan.plan.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fwplan.iptables.saved import Saved
    from fwplan.iptables.transaction import Edit
    from fwplan.plan.settle import Settlement
    from fwplan.plan.share import Mark
    from fwplan.plan.wanted import IptablesWanted


@dataclass(frozen=True, slots=True)
class IptablesChange:
    """What brings a host to a wanted state.

    Attributes:
        edits: in an order in which the transactions of each table take them.
        differences: what the edits come to.
        unchanged: how many wanted rules are there already.
        obstacles: what is in the way and is not fwplan's to change.
    """

    edits: tuple[Edit, ...]
    differences: tuple[Difference, ...]
    unchanged: int
    obstacles: tuple[str, ...] = ()


def compare_iptables(saved: Saved, wanted: IptablesWanted) -> IptablesChange:
    """The change that brings the saved rules to the wanted state."""
    going = _chains_to_go(saved, wanted)
    makes = [chain for chain in wanted.present if chain not in saved.chains]
    deletes: list[Delete] = []
    inserts: list[Insert] = []
    differences: list[Difference] = []
    unchanged = 0
    for chain, shares in _by_chain(wanted, saved, going).items():
        entries = saved.rules.get(chain, [])
        unchanged += sum(map(len, shares.values()))
        settlement = settle(
            [entry.rule for entry in entries],
            [None if entry.rule is None else iptables_mark(entry.rule) for entry in entries],
            {mark: [as_saved(rule) for rule in share] for mark, share in shares.items()},
            names=[entry.text for entry in entries],
            followed_by={
                mark: wanted.followed_by[chain, mark] for mark in shares if (chain, mark) in wanted.followed_by
            },
        )
        if not settlement.leaving and not settlement.coming:
            continue
        unchanged -= len(settlement.coming)
        written = {as_saved(rule): rule for share in shares.values() for rule in share}
        differences.extend(_differences(entries, settlement, written))
        of_chain = _Edited(entries, settlement, written)
        deletes.extend(of_chain.deletes())
        inserts.extend(of_chain.inserts())
    return IptablesChange(
        edits=(*map(NewChain, makes), *deletes, *inserts, *map(DeleteChain, going)),
        differences=(
            *(Difference(Step.ADD, chain) for chain in makes),
            *differences,
            *(Difference(Step.DELETE, chain) for chain in going),
        ),
        unchanged=unchanged,
        obstacles=tuple(_obstacles(wanted)),
    )


def iptables_before(saved: Saved, wanted: IptablesWanted) -> IptablesWanted:
    """What is now where a change is to be: to come back to it undoes the change."""
    shares: dict[tuple[Chain, Mark], list[Rule]] = {place: [] for place in wanted.shares}
    followed_by: dict[tuple[Chain, Mark], Anchor] = {}
    for chain in dict.fromkeys(chain for chain, _ in shares):
        behind = Anchor()
        for entry in reversed(saved.rules.get(chain, [])):
            mark = None if entry.rule is None else iptables_mark(entry.rule)
            if entry.rule is None or mark is None or (chain, mark) not in shares:
                behind = Anchor(name=entry.text)
                continue
            shares[chain, mark].append(entry.rule)
            followed_by.setdefault((chain, mark), behind)
            behind = Anchor(mark=mark)
    touched = (*wanted.present, *reversed(wanted.absent))
    return Wanted(
        present=tuple(chain for chain in touched if chain in saved.chains),
        absent=tuple(chain for chain in reversed(touched) if chain not in saved.chains),
        shares={place: tuple(reversed(share)) for place, share in shares.items()},
        followed_by=followed_by,
    )


def _by_chain(
    wanted: IptablesWanted, saved: Saved, going: Sequence[Chain]
) -> dict[Chain, dict[Mark, tuple[Rule, ...]]]:
    """What is wanted of each chain; the jumps to a chain that has to stay, stay with it."""
    staying = {chain for chain in wanted.absent if chain in saved.chains}.difference(going)
    chains: dict[Chain, dict[Mark, tuple[Rule, ...]]] = {}
    for (chain, mark), share in wanted.shares.items():
        there = saved.rules.get(chain, ()) if staying and mark is SetUpMark.SET_UP else ()
        needed = [
            entry.rule
            for entry in there
            if entry.rule is not None and iptables_mark(entry.rule) is mark and _entered(entry.rule) in staying
        ]
        chains.setdefault(chain, {})[mark] = (*share, *needed)
    return chains


def _chains_to_go(saved: Saved, wanted: IptablesWanted) -> tuple[Chain, ...]:
    """The chains that are to go: all of them, or none where rules of others would have to go with one."""
    there = tuple(chain for chain in wanted.absent if chain in saved.chains)
    if not there:
        return ()
    gone = set(there)
    names = {chain.name for chain in there}
    for chain, entries in saved.rules.items():
        for entry in entries:
            mark = None if entry.rule is None else iptables_mark(entry.rule)
            goes = mark is not None and not wanted.shares.get((chain, mark), (entry.rule,))
            # one that is not understood may jump to a chain if it has the name as a word
            if not goes and (chain in gone or not names.isdisjoint(entry.text.split(" "))):
                return ()
    filled = {chain for (chain, _), share in wanted.shares.items() if share}
    return () if filled & gone else there


def _entered(rule: Rule) -> Chain | None:
    """The chain that a rule goes on with."""
    match rule.target:
        case JumpTo(name):
            return Chain(rule.chain.program, rule.chain.table, name)
        case _:
            return None


def _differences(
    entries: Sequence[SavedRule], settlement: Settlement[Rule], written: Mapping[Rule, Rule]
) -> Iterator[Difference]:
    """What the edits of one chain come to: a rule that goes and comes again only moves."""
    gone = [rule for place in settlement.leaving if (rule := entries[place].rule) is not None]
    moving = Counter(gone) & Counter(rule for _, rule in settlement.coming)
    left = Counter(moving)
    for rule in gone:
        if left[rule]:
            left[rule] -= 1
            yield Difference(Step.MOVE, written[rule])
        else:
            yield Difference(Step.DELETE, rule)
    for _, rule in settlement.coming:
        if moving[rule]:
            moving[rule] -= 1
        else:
            yield Difference(Step.ADD, written[rule])


class _Edited:
    """One chain on its way to what is wanted of it.

    A rule can be deleted only by what it says, which deletes the first that says so. Where that would be another one
    than the one that is too much, all that say the same go, and those that stay come again with their counters.
    """

    def __init__(
        self, entries: Sequence[SavedRule], settlement: Settlement[Rule], written: Mapping[Rule, Rule]
    ) -> None:
        self._entries = entries
        self._written = written
        self._leaving = set(settlement.leaving)
        again = set(self._coming_again())
        self._counted: dict[Rule, list[SavedRule]] = {}
        for place in sorted(self._leaving, reverse=True):
            entry = entries[place]
            if entry.rule is not None:
                self._counted.setdefault(entry.rule, []).append(entry)
        self._leaving |= again
        coming: dict[int, list[tuple[Rule, SavedRule | None]]] = {}
        for place, rule in settlement.coming:
            coming.setdefault(place, []).append((rule, None))
        for place in again:
            entry = entries[place]
            if entry.rule is not None:
                coming.setdefault(place, []).append((entry.rule, entry))
        self._coming = coming

    def _coming_again(self) -> Iterator[int]:
        leaving: dict[Rule, set[int]] = {}
        for place in self._leaving:
            rule = self._entries[place].rule
            if rule is not None:
                leaving.setdefault(rule, set()).add(place)
        copies: dict[Rule, list[int]] = {rule: [] for rule in leaving}
        for place, entry in enumerate(self._entries):
            if entry.rule is not None and entry.rule in copies:
                copies[entry.rule].append(place)
        for rule, places in leaving.items():
            if set(copies[rule][: len(places)]) != places:
                yield from set(copies[rule]) - places

    def deletes(self) -> Iterator[Delete]:
        """What goes, from the head of the chain on."""
        for place in sorted(self._leaving):
            rule = self._entries[place].rule
            if rule is not None:
                yield Delete(rule)

    def inserts(self) -> Iterator[Insert]:
        """What comes, from the head of the chain on, when all that goes is gone."""
        last = max((place for place in range(len(self._entries)) if place not in self._leaving), default=-1)
        number = 0
        for place in range(len(self._entries) + 1):
            for rule, entry in self._coming.get(place, ()):
                number += 1
                counted = entry or self._counter_of(rule)
                packets, octets = (0, 0) if counted is None else (counted.packets, counted.bytes)
                yield Insert(self._written.get(rule, rule), None if place > last else number, packets, octets)
            number += place not in self._leaving

    def _counter_of(self, rule: Rule) -> SavedRule | None:
        gone = self._counted.get(rule)
        return gone.pop() if gone else None


def _obstacles(wanted: IptablesWanted) -> Iterable[str]:
    """Rules that could not be found again, and so not be taken away."""
    programs = {
        rule.chain.program
        for (_, mark), share in wanted.shares.items()
        for rule in share
        if iptables_mark(as_saved(rule)) != mark
    }
    return (
        f"{program}: a network of all addresses (prefix 0) has rules that nobody can tell from those of others"
        for program in sorted(programs)
    )
