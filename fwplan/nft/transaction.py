"""A transaction: edits of a ruleset that take effect together or not at all, and the script that is them.

Source: nft(8), "Input file formats": what one `nft -f` reads is one transaction of the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from fwplan.nft.grammar import quoted_interface
from fwplan.nft.objects import Chain, Counter, Element, Hook, Rule, Table, VerdictMap
from fwplan.nft.text import (
    chain_words,
    element_text,
    element_words,
    hook_text,
    map_text,
    map_words,
    statements_words,
    table_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Make:
    """`add table`, `add chain`, `add map` or `add element`: no change where it is there already."""

    object: Table | Chain | VerdictMap | Element


@dataclass(frozen=True, slots=True)
class TakeAway:
    """`delete table` or `delete chain`, with all that is in it, `delete map`, or `delete element`, by its key.

    A chain that something leads to cannot go.
    """

    object: Table | Chain | VerdictMap | Element


@dataclass(frozen=True, slots=True)
class Insert:
    """`insert rule`: before the rule with the handle, or without one at the head of the chain."""

    rule: Rule
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """`add rule`: after the rule with the handle, or without one at the end of the chain."""

    rule: Rule
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """`delete rule`, by its handle."""

    rule: Rule


Edit = Make | TakeAway | Insert | Append | Delete


def script(edits: Iterable[Edit]) -> str:
    """The transaction in nft's syntax.

    Raises:
        NotExpressibleError: nft's syntax cannot carry the name of an interface.
    """
    lines = (line for _, together in groupby(edits, _place_of_many) for line in _lines(list(together)))
    return "".join(f"{line}\n" for line in lines)


def _place_of_many(edit: Edit) -> tuple[type[Edit], Table, str] | None:
    """The table, and map, whose edits are best told together: each command takes nft the longer, the more there are."""
    match edit:
        case Append(rule, None):
            return Append, rule.table, ""
        case Make(Element() as element) | TakeAway(Element() as element):
            return type(edit), element.table, element.map
        case _:
            return None


def _lines(together: Sequence[Edit]) -> Iterator[str]:
    """Edits of one table or map, or any that are told one by one."""
    match together:
        case [Append(Rule(table), None), _, *_]:
            yield f"table {table.family} {table.name} {{"
            rules = (edit.rule for edit in together if isinstance(edit, Append))
            for chain, of_chain in groupby(rules, attrgetter("chain")):
                yield f"chain {chain} {{"
                yield from map(_statements, of_chain)
                yield "}"
            yield "}"
        case [Make(Element() as first), *_]:
            yield f"add {_object(first)} {element_text(*_elements(together))}"
        case [TakeAway(Element() as first), *_]:
            yield f"delete {_object(first)} {element_text(*_elements(together), with_verdict=False)}"
        case _:
            yield from map(_line, together)


def _elements(edits: Iterable[Edit]) -> Iterator[Element]:
    for edit in edits:
        if isinstance(edit, Make | TakeAway) and isinstance(edit.object, Element):
            yield edit.object


def _line(edit: Edit) -> str:
    """An edit that is told by itself; elements never are."""
    match edit:
        case Insert(rule, place):
            return f"insert rule {_place(rule, place)} {_statements(rule)}"
        case Append(rule, place):
            return f"add rule {_place(rule, place)} {_statements(rule)}"
        case Delete(rule):
            return f"delete rule {_place(rule, None)} handle {rule.handle}"
        case Make(object_):
            return f"add {_object(object_)}{_content(object_)}"
        case TakeAway(object_):
            return f"delete {_object(object_)}"


def _object(object_: Table | Chain | VerdictMap | Element) -> str:
    match object_:
        case Table() as table:
            return " ".join(("table", *table_words(table)))
        case Chain() as chain:
            return " ".join(("chain", *chain_words(chain)))
        case VerdictMap() as made:
            return " ".join(("map", *map_words(made)))
        case Element() as element:
            return " ".join(("element", *element_words(element)))


def _content(object_: Table | Chain | VerdictMap | Element) -> str:
    match object_:
        case Chain(hook=Hook() as hook):
            return f" {hook_text(hook)}"
        case VerdictMap() as made:
            return f" {map_text(made)}"
        case _:
            return ""


def _place(rule: Rule, handle: int | None) -> str:
    table = rule.table
    position = "" if handle is None else f" handle {handle}"
    return f"{table.family} {table.name} {rule.chain}{position}"


def _statements(rule: Rule) -> str:
    words = statements_words(rule, quoted_interface)
    for statement in rule.statements:
        if isinstance(statement, Counter) and (statement.packets or statement.bytes):
            # a rule that only changes its place goes on counting where it stood
            words[words.index("counter")] = f"counter packets {statement.packets} bytes {statement.bytes}"
    return " ".join(words)
