"""From how a chain of nftables is settled to the edits that do it, and from edits to what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.transaction import Append, Delete, Insert, Make, TakeAway
from fwplan.plan.difference import Difference, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fwplan.nft.listing import ListedRule
    from fwplan.nft.objects import Rule
    from fwplan.nft.transaction import Edit
    from fwplan.plan.settle import Settlement


def chain_edits(
    entries: Sequence[ListedRule], settlement: Settlement[Rule]
) -> tuple[list[Delete], list[Insert | Append]]:
    """What goes, and what comes beside what stays; a rule that goes and comes again brings its counter."""
    gone = [rule for place in settlement.leaving if (rule := entries[place].rule) is not None]
    inserts = list(_placed(entries, settlement.leaving, settlement.coming, _by_rule(gone)))
    return [Delete(rule) for rule in gone], inserts


def _by_rule(rules: list[Rule]) -> dict[Rule, list[Rule]]:
    found: dict[Rule, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule, []).append(rule)
    return found


def _placed(
    entries: Sequence[ListedRule],
    leaving: Sequence[int],
    coming: Sequence[tuple[int, Rule]],
    gone: Mapping[Rule, list[Rule]],
) -> Iterator[Insert | Append]:
    """Each rule that comes, beside one that stays; one that was there brings its counter."""
    staying = sorted(set(range(len(entries))) - set(leaving))
    rules = [(place, gone[rule].pop() if gone and gone.get(rule) else rule) for place, rule in coming]
    if not staying:
        yield from (Append(rule) for _, rule in rules)
        return
    first = staying[0]
    for rule in reversed([rule for place, rule in rules if place <= first]):
        yield Insert(rule)
    later = [(place, rule) for place, rule in rules if place > first]
    last = entries[staying[-1]].handle
    after_all = []
    following = iter(staying)
    anchor = next(following, None)
    for place, rule in later:
        while anchor is not None and anchor < place:
            anchor = next(following, None)
        if anchor is None:
            after_all.append(rule)
        else:
            yield Insert(rule, entries[anchor].handle)
    yield from (Append(rule, last) for rule in reversed(after_all))


def differences_of(edits: Sequence[Edit]) -> tuple[Difference, ...]:
    """What edits come to: the very rule that goes and comes again only moves."""
    coming = {id(edit.rule) for edit in edits if isinstance(edit, Insert | Append)}
    moving = {id(edit.rule) for edit in edits if isinstance(edit, Delete) and id(edit.rule) in coming}
    found = []
    for edit in edits:
        match edit:
            case Insert(rule) | Append(rule):
                if id(rule) not in moving:
                    found.append(Difference(Step.ADD, rule))
            case Delete(rule):
                found.append(Difference(Step.MOVE if id(rule) in moving else Step.DELETE, rule))
            case Make(made):
                found.append(Difference(Step.ADD, made))
            case TakeAway(gone):
                found.append(Difference(Step.DELETE, gone))
    return tuple(found)
