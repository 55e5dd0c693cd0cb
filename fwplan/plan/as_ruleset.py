"""A plan as the ruleset that a host would have of it, so that packets can be walked through what is not there yet."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from ipaddress import summarize_address_range
from typing import TYPE_CHECKING

from fwplan.nft import objects
from fwplan.nft.expressions import (
    Ct,
    Element,
    Flags,
    Goto,
    Jump,
    Meta,
    Number,
    Payload,
    Prefix,
    Range,
    SetReference,
    Verdict,
    Word,
)
from fwplan.nft.json import escaped
from fwplan.nft.ruleset import Chain, Hook, NamedSet, Place, Rule, Ruleset, Table
from fwplan.nft.statements import Counter, Match, Nat, Reject, VerdictMap
from fwplan.plan.operations import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from fwplan.nft.expressions import Expression
    from fwplan.nft.statements import Statement
    from fwplan.plan.plan import Plan

    Address = IPv4Address | IPv6Address

_REPLIES = Match("in", Ct("state"), Flags((Word("established"), Word("related"))))
_REJECTS = {
    "ip": Reject("icmp", Word("port-unreachable")),
    "ip6": Reject("icmpv6", Word("port-unreachable")),
}
_VERDICTS = {
    objects.Verdict.ACCEPT: Verdict.ACCEPT,
    objects.Verdict.RETURN: Verdict.RETURN,
    objects.Verdict.DROP: Verdict.DROP,
    objects.Verdict.CONTINUE: Verdict.CONTINUE,
}


def ruleset_of(plan: Plan) -> Ruleset:
    """What a host without any rules has of nftables once a plan is carried out.

    A plan of the iptables backend has nothing of nftables: its ruleset is empty.
    """
    made = [operation.object for operation in plan.operations if operation.verb is Verb.MAKE]
    rules = [each for each in made if isinstance(each, objects.Rule)]
    # each is put at the head of its chain
    return as_ruleset(
        [each for each in made if isinstance(each, objects.Table)],
        [each for each in made if isinstance(each, objects.Chain)],
        reversed(rules),
        [each for each in made if isinstance(each, objects.VerdictMap)],
        [each for each in made if isinstance(each, objects.Element)],
    )


def as_ruleset(
    tables: Iterable[objects.Table],
    chains: Iterable[objects.Chain],
    rules: Iterable[objects.Rule],
    maps: Iterable[objects.VerdictMap] = (),
    elements: Iterable[objects.Element] = (),
) -> Ruleset:
    """Tables, chains, rules in order, and maps with their elements, in the vocabulary of plans, as a ruleset.

    What rules stand in is made.
    """
    places: dict[tuple[objects.Table, str], Place] = {}
    hooks: dict[Place, Hook | None] = {}
    listed: dict[Place, list[Rule]] = {}
    known: dict[tuple[objects.Statement, str], Statement] = {}
    order = {table: dict[str, Place]() for table in tables}

    def place_of(table: objects.Table, name: str) -> Place:
        place = places.get((table, name))
        if place is None:
            place = places[table, name] = Place(table.family, table.name, name)
            order.setdefault(table, {})[name] = place
        return place

    for chain in chains:
        hook = chain.hook
        hooks[place_of(chain.table, chain.name)] = (
            None if hook is None else Hook(hook.type, hook.hook, hook.priority, hook.policy)
        )
    for rule in rules:
        place, family = place_of(rule.table, rule.chain), rule.table.family
        statements = []
        for statement in rule.statements:
            found = known.get((statement, family))
            if found is None or isinstance(statement, objects.Counter):
                found = known[statement, family] = _statement(statement, family)
            statements.append(found)
        listed.setdefault(place, []).append(Rule(place, tuple(statements), rule.handle))
    sets = _sets(maps, elements)
    return Ruleset(
        tuple(
            Table(
                table.family,
                table.name,
                {name: Chain(place, hooks.get(place), tuple(listed.get(place, ()))) for name, place in by_name.items()},
                sets.get(table, {}),
            )
            for table, by_name in order.items()
        )
    )


def as_rule(rule: objects.Rule) -> Rule:
    """One rule in the vocabulary of plans, as a rule of a ruleset."""
    place = Place(rule.table.family, rule.table.name, rule.chain)
    return Rule(place, tuple(_statement(each, rule.table.family) for each in rule.statements), rule.handle)


def _sets(
    maps: Iterable[objects.VerdictMap], elements: Iterable[objects.Element]
) -> dict[objects.Table, dict[str, NamedSet]]:
    of_map: dict[tuple[objects.Table, str], list[Element]] = defaultdict(list)
    for element in elements:
        of_map[element.table, element.map].append(Element(_key(element.key), _verdict(element.verdict)))
    found: dict[objects.Table, dict[str, NamedSet]] = {}
    for made in maps:
        inside = tuple(of_map[made.table, made.name])
        flags = ("interval",) if made.intervals else ()
        named = NamedSet(made.name, (made.key,), partial(tuple, inside), ("verdict",), flags)
        found.setdefault(made.table, {})[made.name] = named
    return found


def _key(key: objects.ElementKey) -> Expression:
    match key:
        case str():
            return Word(escaped(objects.InterfaceMatch(objects.Meta.IIFNAME, key)))
        case objects.AddressRange(first, last):
            return _addresses(first, last)


def _verdict(verdict: objects.ElementVerdict) -> Jump | Goto | Verdict:
    match verdict:
        case objects.Jump(chain):
            return Jump(chain)
        case objects.Goto(chain):
            return Goto(chain)
        case objects.Verdict():
            return _VERDICTS[verdict]


def _statement(statement: objects.Statement, family: objects.Family) -> Statement:
    match statement:
        case objects.InterfaceMatch(key, _, negated):
            return Match("!=" if negated else "==", Meta(key.value), Word(escaped(statement)))
        case objects.AddressMatch(field, subnet, negated):
            return Match("!=" if negated else "==", Payload(family, field.value), _subnet(subnet))
        case objects.ProtocolMatch(protocol):
            return Match("==", Meta("l4proto"), Word(protocol))
        case objects.StateMatch():
            return _REPLIES
        case objects.Counter(packets, octets):
            return Counter(packets, octets)
        case objects.VerdictMapLookup(key, name):
            looked_up = Meta(key.value) if isinstance(key, objects.Meta) else Payload(family, key.value)
            return VerdictMap(looked_up, SetReference(name))
        case objects.Verdict.REJECT:
            return _REJECTS[family]
        case objects.Jump() | objects.Goto() | objects.Verdict():
            return _verdict(statement)
        case objects.Masquerade(ports):
            return Nat("masquerade", None, _ports(ports))
        case objects.Snat(start, end, ports):
            return Nat("snat", _addresses(start, end), _ports(ports))


def _subnet(subnet: IPv4Network | IPv6Network) -> Expression:
    address = Word(str(subnet.network_address))
    return address if subnet.prefixlen == subnet.max_prefixlen else Prefix(address, subnet.prefixlen)


def _addresses(start: Address, end: Address) -> Expression:
    """As nft lists them: a range that is a subnet as a subnet."""
    [first, *more] = summarize_address_range(start, end)
    return Range(Word(str(start)), Word(str(end))) if more else _subnet(first)


def _ports(ports: objects.Ports | None) -> Expression | None:
    return None if ports is None else Range(Number(ports.start), Number(ports.end))
