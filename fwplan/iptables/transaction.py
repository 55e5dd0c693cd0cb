"""Edits of iptables' tables, and the input of iptables-restore that makes those of one table together or not at all.

A rule is deleted by what it says, never by its number: others may change a chain between reading and writing, and what
has a number then may be theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from fwplan.iptables.text import restore_word, rule_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.iptables.objects import Chain, Rule, TableName

_TABLES: tuple[TableName, ...] = ("filter", "nat", "mangle")


@dataclass(frozen=True, slots=True)
class NewChain:
    """`-N`: fails where the chain is there."""

    chain: Chain


@dataclass(frozen=True, slots=True)
class DeleteChain:
    """`-X`: fails where the chain is not empty, or a rule jumps to it."""

    chain: Chain


@dataclass(frozen=True, slots=True)
class Delete:
    """`-D`: the first rule of its chain that says the same."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class Insert:
    """`-I`, or `-A` at the end of the chain.

    Attributes:
        rule: what comes.
        number: that it has then, from 1; None at the end.
        packets: that it starts to count from.
        bytes: that it starts to count from.
    """

    rule: Rule
    number: int | None
    packets: int = 0
    bytes: int = 0


Edit = NewChain | DeleteChain | Delete | Insert


def restore_input(edits: Iterable[Edit]) -> str:
    """The edits of one program as input for its `-restore --noflush --counters`: a transaction a table.

    The table in which the repair of checksums is, which not every kernel has, comes last.

    Raises:
        NotExpressibleError: iptables would take the name of an interface for something else.
    """
    ordered = sorted(edits, key=lambda edit: _TABLES.index(chain_of(edit).table))
    return "".join(
        f"{line}\n"
        for table, of_table in groupby(ordered, key=lambda edit: chain_of(edit).table)
        for line in (f"*{table}", *_lines(of_table), "COMMIT")
    )


def _lines(edits: Iterable[Edit]) -> Iterator[str]:
    for edit in edits:
        match edit:
            case NewChain(chain):
                yield f"-N {chain.name}"
            case DeleteChain(chain):
                yield f"-X {chain.name}"
            case Delete(rule):
                yield f"-D {rule.chain.name} {_words(rule)}"
            case Insert(rule, number, packets, octets):
                counted = f"[{packets}:{octets}] " if packets or octets else ""
                place = f"-A {rule.chain.name}" if number is None else f"-I {rule.chain.name} {number}"
                yield f"{counted}{place} {_words(rule)}"


def _words(rule: Rule) -> str:
    return " ".join(map(restore_word, rule_arguments(rule)))


def chain_of(edit: Edit) -> Chain:
    """The chain that an edit changes."""
    match edit:
        case NewChain(chain) | DeleteChain(chain):
            return chain
        case Delete(rule) | Insert(rule):
            return rule.chain
