"""iptables' rulesets as tables of nftables: chains at their hooks, with the priorities that the kernel gives them.

Source: Linux, include/uapi/linux/netfilter_ipv4.h and net/ipv4/netfilter/iptable_*.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fwplan.iptables.match_text import match_text
from fwplan.iptables.matches import Comment, OutOfSight, PortIs
from fwplan.iptables.targets import ChangeSet
from fwplan.nft import statements as nft
from fwplan.nft.expressions import Meta
from fwplan.nft.ruleset import Chain, Hook, Place, Rule, Table
from fwplan.nft.statements import AllOf, AnyOf, Counter, Set, Unsure, XtMatch, XtTarget
from fwplan.simulate.xtables.conditions import asked
from fwplan.simulate.xtables.effects import ANY_NUMBER, done
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
        converter = _Converter(context, by_legacy=program != "nft")
        chains = {name: converter.chain(chain, table.name) for name, chain in table.chains.items()}
        tables.append(Table(family, table.name, chains, of_family, program=program))
    return tuple(tables)


def _changed(saved: iptables.Ruleset) -> frozenset[str]:
    return frozenset(rule.target.set for rule in saved.rules if isinstance(rule.target, ChangeSet))


class _Converter:
    """Converts the chains of one table. Most of their matches are the same as others: each is converted once."""

    def __init__(self, context: Context, *, by_legacy: bool) -> None:
        self._context = context
        self._by_legacy = by_legacy
        self._asked: dict[int, tuple[Statement, ...]] = {}
        self._done: dict[tuple[int, str], tuple[Statement, ...]] = {}

    def chain(self, chain: iptables.Chain, table: str) -> Chain:
        place = Place(self._context.family, table, chain.name)
        rules = tuple([self._rule(rule, place) for rule in chain.rules])
        hook = None if chain.policy is None else _hook(table, chain.name, chain.policy, by_legacy=self._by_legacy)
        return Chain(place, hook, rules)

    def _rule(self, rule: iptables.Rule, place: Place) -> Rule:
        statements: list[Statement] = []
        comment = None
        matches = rule.matches if self._by_legacy else _joined_ports(rule.matches)
        for match in matches:
            if isinstance(match, Comment):
                comment = match.text
                continue
            if isinstance(match, XtMatch):
                statements.append(match)
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


def _joined_ports(matches: tuple[Match, ...]) -> tuple[Match | XtMatch, ...]:
    """The matches, where two negated ports in a row are one question.

    iptables-nft since 1.8.8 has the kernel compare both ports at once, and that both together differ is true where
    either does. It lists them as if each had to, and so does nft.
    """
    found: list[Match | XtMatch] = []
    for match in matches:
        before = found[-1] if found else None
        if isinstance(match, PortIs) and isinstance(before, PortIs) and _is_one_question(before, match):
            found[-1] = _either_port(before, match)
        else:
            found.append(match)
    return tuple(found)


def _is_one_question(one: PortIs, other: PortIs) -> bool:
    return (
        one.negated
        and other.negated
        and one.protocols == other.protocols
        and one.protocols in {("tcp",), ("udp",)}
        and {one.side, other.side} == {"source", "destination"}
        and all(each.first == each.last for each in (*one.ports, *other.ports))
    )


def _either_port(one: PortIs, other: PortIs) -> XtMatch:
    context = Context("ip")
    differ = tuple(each for match in (one, other) for each in asked(match, context) if isinstance(each, nft.Match))
    text = f"{match_text(one)} {match_text(other).partition(' ')[2].partition(' ')[2]}"
    unsure = Unsure(text, "some releases of iptables-nft take it to hold where either port differs")
    return XtMatch(text, AnyOf((AllOf(differ), AllOf((AnyOf(differ), unsure)))))


def _side_effects(match: Match) -> Iterable[Statement]:
    if isinstance(match, OutOfSight) and "--restore-skmark" in match.written:
        # the packet takes the mark of the socket that it is for
        return (XtTarget(match.written, (Set(Meta("mark"), ANY_NUMBER),)),)
    return ()


def _hook(table: str, chain: str, policy: Literal["ACCEPT", "DROP"], *, by_legacy: bool) -> Hook | None:
    """Where the kernel enters a built-in chain; None where it enters none of that name."""
    priority = _NAT_PRIORITIES.get(chain) if table == "nat" else _PRIORITIES.get(table)
    if priority is None:
        return None
    if table == "security" and not by_legacy:
        priority = _SECURITY_OF_NFT
    kind = "nat" if table == "nat" else "route" if (table, chain) == ("mangle", "OUTPUT") else "filter"
    return Hook(kind, chain.lower(), priority, "drop" if policy == "DROP" else "accept")
