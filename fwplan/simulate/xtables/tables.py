"""iptables' rulesets as tables of nftables: chains at their hooks, with the priorities that the kernel gives them.

Source: Linux, include/uapi/linux/netfilter_ipv4.h and net/ipv4/netfilter/iptable_*.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fwplan.iptables.matches import Comment, OutOfSight
from fwplan.iptables.targets import ChangeSet
from fwplan.nft.expressions import Meta, Unknown
from fwplan.nft.ruleset import Chain, Hook, Place, Rule, Table
from fwplan.nft.statements import Counter, Set, XtTarget
from fwplan.simulate.xtables.conditions import asked
from fwplan.simulate.xtables.effects import done
from fwplan.simulate.xtables.of_host import Context
from fwplan.simulate.xtables.sets import named_sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fwplan.iptables import ruleset as iptables
    from fwplan.iptables.matches import Match
    from fwplan.iptables.sets import IpSet
    from fwplan.iptables.targets import Target
    from fwplan.nft.statements import Statement

FAMILIES: Mapping[str, Literal["ip", "ip6"]] = {"iptables": "ip", "ip6tables": "ip6"}
"""Whose packets the rules of each program see."""
_PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
_SECURITY_OF_NFT = 150
"""iptables-nft has another one for that table than the kernel."""
_NAT_PRIORITIES = {"PREROUTING": -100, "INPUT": 100, "OUTPUT": -100, "POSTROUTING": 100}


def tables_of(saved: iptables.Ruleset, sets: Iterable[IpSet] = ()) -> tuple[Table, ...]:
    """The tables that say the same as a listing.

    Args:
        saved: the listing.
        sets: those of ipset, as far as they are given.
    """
    family = FAMILIES[saved.program]
    given = named_sets(sets, family)
    context = Context(family, {name: parts for name, (parts, _) in given.items()}, _changed(saved))
    of_family = {name: found for name, (_, found) in given.items()}
    program: Literal["nft", "iptables-legacy"] = "iptables-legacy" if saved.backend == "legacy" else "nft"
    tables = []
    for table in saved.tables.values():
        converter = _Converter(context, by_nft=program == "nft")
        chains = {name: converter.chain(chain, table.name) for name, chain in table.chains.items()}
        tables.append(Table(family, table.name, chains, of_family, program=program))
    return tuple(tables)


def _changed(saved: iptables.Ruleset) -> frozenset[str]:
    return frozenset(rule.target.set for rule in saved.rules if isinstance(rule.target, ChangeSet))


class _Converter:
    """Converts the chains of one table. Most of their matches are the same as others: each is converted once."""

    def __init__(self, context: Context, *, by_nft: bool) -> None:
        self._context = context
        self._by_nft = by_nft
        self._asked: dict[int, tuple[Statement, ...]] = {}
        self._done: dict[tuple[int, str], tuple[Statement, ...]] = {}

    def chain(self, chain: iptables.Chain, table: str) -> Chain:
        place = Place(self._context.family, table, chain.name)
        rules = tuple([self._rule(rule, place) for rule in chain.rules])
        hook = None if chain.policy is None else _hook(table, chain.name, chain.policy, by_nft=self._by_nft)
        return Chain(place, hook, rules)

    def _rule(self, rule: iptables.Rule, place: Place) -> Rule:
        statements: list[Statement] = []
        comment = None
        for match in rule.matches:
            if isinstance(match, Comment):
                comment = match.text
                continue
            found = self._asked.get(id(match))
            if found is None:
                found = self._asked[id(match)] = (*asked(match, self._context), *_side_effects(match))
            statements += found
        statements.append(Counter(rule.packets, rule.bytes))
        if rule.target is not None:
            statements += self._target(rule.target, place.chain)
        return Rule(place, tuple(statements), None, comment, rule.written)

    def _target(self, target: Target, chain: str) -> tuple[Statement, ...]:
        key = (id(target), chain)
        found = self._done.get(key)
        if found is None:
            found = self._done[key] = done(target, self._context, chain)
        return found


def _side_effects(match: Match) -> Iterable[Statement]:
    if isinstance(match, OutOfSight) and "--restore-skmark" in match.written:
        # the packet takes the mark of the socket that it is for
        return (XtTarget(match.written, (Set(Meta("mark"), Unknown("number", "null")),)),)
    return ()


def _hook(table: str, chain: str, policy: Literal["ACCEPT", "DROP"], *, by_nft: bool) -> Hook | None:
    """Where the kernel enters a built-in chain; None where it enters none of that name."""
    priority = _NAT_PRIORITIES.get(chain) if table == "nat" else _PRIORITIES.get(table)
    if priority is None:
        return None
    if table == "security" and by_nft:
        priority = _SECURITY_OF_NFT
    kind = "nat" if table == "nat" else "route" if (table, chain) == ("mangle", "OUTPUT") else "filter"
    return Hook(kind, chain.lower(), priority, "drop" if policy == "DROP" else "accept")
