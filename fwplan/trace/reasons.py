"""Which promise of a network a rule of a host keeps: it is one of the plan's rules, at its place in the plan."""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_network
from typing import TYPE_CHECKING

from fwplan.nft import objects as nft
from fwplan.nft.expressions import Flags, Payload, Prefix, Range, Word
from fwplan.nft.statements import Match, Nat, Reject
from fwplan.plan.as_ruleset import as_rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fwplan.iptables import objects as iptables
    from fwplan.nft.expressions import Expression
    from fwplan.nft.ruleset import Rule
    from fwplan.nft.statements import Statement
    from fwplan.plan.intents import Intent
    from fwplan.plan.plan import Plan

    Key = tuple[str, str, str, tuple[Statement, ...]]

_LENGTHS = {"ip": 32, "ip6": 128}


class Reasons:
    """The rules of plans, with the promise that each keeps.

    Args:
        plans: of one or of both backends.
    """

    def __init__(self, *plans: Plan) -> None:
        self._operations = [operation for plan in plans for operation in plan.operations]

    def of(self, rule: Rule) -> Intent | None:
        """The promise that a rule keeps; None where it is none of the plans' rules."""
        if rule.written:
            return self._of_iptables(rule)
        if rule.place.family not in _LENGTHS:
            return None
        return self._of_nft.get(_key(rule))

    def in_words(self, rule: Rule) -> str:
        """Why a rule is there; empty where it is none of the plans' rules."""
        intent = self.of(rule)
        return "" if intent is None else intent.reason

    @cached_property
    def _of_nft(self) -> Mapping[Key, Intent]:
        rules = [(each.object, each.intent) for each in self._operations if isinstance(each.object, nft.Rule)]
        return {_key(as_rule(rule)): intent for rule, intent in rules}

    @cached_property
    def _of_saved(self) -> Mapping[iptables.Rule, Intent]:
        from fwplan.iptables import objects as iptables  # noqa: PLC0415 - many hosts have nothing of iptables
        from fwplan.iptables.saved import as_saved  # noqa: PLC0415

        return {
            as_saved(each.object): each.intent for each in self._operations if isinstance(each.object, iptables.Rule)
        }

    def _of_iptables(self, rule: Rule) -> Intent | None:
        from fwplan.iptables import objects as iptables  # noqa: PLC0415
        from fwplan.iptables.saved import read_rule  # noqa: PLC0415

        program: iptables.Program = "ip6tables" if rule.place.family == "ip6" else "iptables"
        if rule.place.table not in {"filter", "nat", "mangle"}:
            return None
        chain = iptables.Chain(program, rule.place.table, rule.place.chain)  # type: ignore[arg-type]
        read = read_rule(chain, rule.written.split(" "))
        return None if read is None else self._of_saved.get(read)


def _key(rule: Rule) -> Key:
    place = rule.place
    return (place.family, place.table, place.chain, tuple(_canonical(each, place.family) for each in rule.statements))


def _canonical(statement: Statement, family: str) -> Statement:
    """One of the several forms in which the same can be listed."""
    match statement:
        case Match(operator, left, Flags(values)):
            return Match(operator, left, Flags(tuple(sorted(values, key=repr))))
        case Match(operator, Payload() as left, Prefix(address, length)) if length == _LENGTHS[family]:
            return Match(operator, left, address)
        case Reject("icmp" | "icmpv6" | None, None | Word("port-unreachable")):
            return Reject()
        case Nat(kind, Word() | Prefix() as address, port):
            return Nat(kind, _span(address), port, flags=statement.flags)
        case Nat(kind, address, port):
            return Nat(kind, address, port, flags=statement.flags)
        case _:
            return statement


def _span(address: Word | Prefix) -> Expression:
    """An address, or all of a subnet, as a range."""
    match address:
        case Prefix(Word(text), length):
            try:
                network = ip_network((text, length))
            except ValueError:
                return address
            return Range(Word(str(network[0])), Word(str(network[-1])))
        case _:
            return Range(address, address)
