"""What a host has, out of what `iptables-save` and `ip6tables-save` print, with counters (`-c`) or without.

A rule made of what `fwplan.iptables.objects` knows is read as such a rule; any other keeps its place, and is nobody's
here. A known one is read by splitting it at blanks: iptables-save writes the name of an interface as it is, even one
with a quotation mark, and puts in quotes only what options of unknown matches and targets say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, ip_network
from typing import TYPE_CHECKING

from fwplan.errors import UnreadableError
from fwplan.iptables.objects import (
    BelongsToConnection,
    Chain,
    Destination,
    FillChecksum,
    InInterface,
    JumpTo,
    Masquerade,
    OutInterface,
    Ports,
    ProtocolIs,
    Rule,
    Snat,
    Source,
)
from fwplan.iptables.words import rules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fwplan.iptables.objects import Match, Program, Protocol, TableName, Target

_TABLES: dict[str, TableName] = {"filter": "filter", "nat": "nat", "mangle": "mangle"}
"""The tables in which libvirt's networks have rules."""

_RULE = re.compile(r"(?:\[([0-9]{1,20}):([0-9]{1,20})\] )?-A ([^ ]+)(?: (.*))?", re.DOTALL)
_CHAIN = re.compile(r":([^ ]+) ([^ ]+)(?: \[[0-9]{1,20}:[0-9]{1,20}\])?")
_FOREIGN = re.compile(r"# Table `(filter|nat|mangle)' is incompatible")
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_NUMBER = re.compile(r"[0-9]{1,5}")

_ORDER: dict[type[Match], int] = {
    Source: 0,
    Destination: 1,
    InInterface: 2,
    OutInterface: 3,
    ProtocolIs: 4,
    BelongsToConnection: 5,
}
_PROTOCOLS: dict[str, Protocol] = {"tcp": "tcp", "udp": "udp"}
_REPLIES = {"ESTABLISHED", "RELATED"}
_USUAL_REJECT = {"iptables": "icmp-port-unreachable", "ip6tables": "icmp6-port-unreachable"}


@dataclass(frozen=True, slots=True)
class SavedRule:
    """A rule as a host has it.

    Attributes:
        text: what follows the name of its chain.
        rule: what it says; None where that is more than `fwplan.iptables.objects` knows.
        packets: that have met it; 0 where they were not saved.
        bytes: of these packets.
    """

    text: str
    rule: Rule | None
    packets: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Saved:
    """What a host has in the tables of libvirt's networks.

    Attributes:
        chains: each chain with its policy; None where it is not a built-in one.
        rules: the rules of each chain that has any, in order.
    """

    chains: dict[Chain, str | None] = field(default_factory=dict)
    rules: dict[Chain, list[SavedRule]] = field(default_factory=dict)


def read_saved(program: Program, text: str) -> Saved:
    """Read what `iptables-save` or `ip6tables-save` has printed.

    Raises:
        UnreadableError: it is no such thing, or not all of it, or one of the tables holds what iptables cannot say.
    """
    saved = Saved()
    table: str | None = None
    chains: dict[str, Chain] = {}
    for number, line in rules_of(text):
        if not line or line.startswith("#"):
            _refuse_foreign(program, line)
        elif table is None:
            if not line.startswith("*"):
                raise _unreadable(program, number)
            table = line[1:]
            known = _TABLES.get(table)
            chains = {}
        elif line == "COMMIT":
            table = None
        elif known is None:
            continue
        elif line.startswith(":") and (declared := _CHAIN.fullmatch(line)) is not None:
            name, policy = declared.groups()
            chains[name] = chain = Chain(program, known, name)
            saved.chains[chain] = None if policy == "-" else policy
        else:
            found = _RULE.fullmatch(line)
            if found is None or found[3] not in chains:
                raise _unreadable(program, number)
            chain = chains[found[3]]
            rule = _saved_rule(chain, found[4] or "", found[1], found[2])
            saved.rules.setdefault(chain, []).append(rule)
    if table is not None:
        raise UnreadableError(f"{program}-save: table {table} ends early")
    return saved


def merge(several: Iterable[Saved]) -> Saved:
    """What several of different programs say together."""
    chains: dict[Chain, str | None] = {}
    rules: dict[Chain, list[SavedRule]] = {}
    for saved in several:
        chains |= saved.chains
        rules |= saved.rules
    return Saved(chains, rules)


def read_rule(chain: Chain, words: Sequence[str]) -> Rule | None:
    """The rule that words say, those of iptables-save or of `rule_arguments`; None where it is not a known one."""
    try:
        return _rule(chain, iter(words))
    except (ValueError, KeyError, StopIteration):
        return None


def as_saved(rule: Rule) -> Rule:
    """The rule as it is read from a host that has it: two that come to the same there are equal.

    iptables-save has its own order of matches, and leaves out an address that every packet has.
    """
    matches = [match for match in rule.matches if not _is_of_all(match)]
    return Rule(rule.chain, tuple(sorted(matches, key=_place)), rule.target)


def _place(match: Match) -> int:
    return _ORDER[type(match)]


def _is_of_all(match: Match) -> bool:
    match match:
        case Source(subnet) | Destination(subnet, False):
            return subnet.prefixlen == 0
        case _:
            return False


def _refuse_foreign(program: Program, line: str) -> None:
    foreign = _FOREIGN.match(line)
    if foreign is not None:
        raise UnreadableError(
            f"table {foreign[1]} of {program} holds what {program} cannot say: somebody made it with nft "
            f"(nft list table {'ip' if program == 'iptables' else 'ip6'} {foreign[1]})"
        )


def _unreadable(program: Program, number: int) -> UnreadableError:
    return UnreadableError(f"line {number} is none that {program}-save prints")


def _saved_rule(chain: Chain, text: str, packets: str | None, octets: str | None) -> SavedRule:
    return SavedRule(text, read_rule(chain, text.split(" ")), int(packets or 0), int(octets or 0))


def _rule(chain: Chain, words: Iterator[str]) -> Rule | None:
    matches: list[Match] = []
    protocol: Protocol | None = None
    port: int | None = None
    wanting: str | None = None
    for word in words:
        match word:
            case _ if (read := _SIMPLE.get(word)) is not None:
                matches.append(read(next(words)))
            case "!" if next(words) in {"-d", "--destination"}:
                matches.append(_other_destination(next(words)))
            case "-p" | "--protocol":
                protocol = _PROTOCOLS[next(words)]
            case "-m" | "--match" if wanting is None:
                wanting = next(words)
                if wanting not in {"conntrack", protocol}:
                    return None
            case "--dport" | "--destination-port" if protocol is not None and wanting != "conntrack":
                port = _number(next(words))
                wanting = None
            case "--ctstate" if wanting == "conntrack" and set(next(words).split(",")) == _REPLIES:
                matches.append(BelongsToConnection())
                wanting = None
            case "-j" | "--jump" if wanting is None:
                target = _target(chain.program, list(words))
                if protocol is not None:
                    matches.append(ProtocolIs(protocol, port))
                return None if target is None else as_saved(Rule(chain, tuple(matches), target))
            case _:
                return None
    return None


def _target(program: Program, words: Sequence[str]) -> Target | None:
    match words:
        case ["REJECT", "--reject-with", reason] if reason == _USUAL_REJECT[program]:
            return JumpTo("REJECT")
        case ["MASQUERADE"]:
            return Masquerade()
        case ["MASQUERADE", "--to-ports", ports]:
            return Masquerade(_ports(ports))
        case ["SNAT", "--to-source", addresses]:
            return _snat(addresses)
        case ["CHECKSUM", "--checksum-fill"]:
            return FillChecksum()
        case ["SNAT" | "CHECKSUM"]:
            return None
        case [name]:
            return JumpTo(name)
        case _:
            return None


def _snat(text: str) -> Snat:
    addresses, _, ports = text.partition(":")
    start, _, end = addresses.partition("-")
    return Snat(IPv4Address(start), IPv4Address(end or start), _ports(ports) if ports else None)


def _ports(text: str) -> Ports:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return Ports(int(found[1]), int(found[2] or found[1]))


def _number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    return int(text)


def _interface(name: str) -> str:
    """The name; `+` at its end would stand for any ending."""
    if not name or name.endswith("+"):
        raise ValueError(name)
    return name


def _in_interface(name: str) -> InInterface:
    return InInterface(_interface(name))


def _out_interface(name: str) -> OutInterface:
    return OutInterface(_interface(name))


_network = lru_cache(maxsize=8192)(ip_network)


@lru_cache(maxsize=8192)
def _source(text: str) -> Source:
    return Source(_network(text))


@lru_cache(maxsize=8192)
def _destination(text: str) -> Destination:
    return Destination(_network(text))


@lru_cache(maxsize=8192)
def _other_destination(text: str) -> Destination:
    return Destination(_network(text), negated=True)


_SIMPLE: dict[str, Callable[[str], Match]] = {
    "-i": _in_interface,
    "--in-interface": _in_interface,
    "-o": _out_interface,
    "--out-interface": _out_interface,
    "-s": _source,
    "--source": _source,
    "-d": _destination,
    "--destination": _destination,
}
"""Options of one word, without a negation."""
