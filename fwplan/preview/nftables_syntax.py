"""Operations of the nftables backend in nft's syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft import objects as nft
from fwplan.nft.grammar import interface_word, quoted_interface
from fwplan.nft.text import (
    chain_words,
    element_text,
    element_words,
    hook_text,
    map_text,
    map_words,
    rule_words,
    statements_words,
    table_words,
)
from fwplan.plan.operations import Operation, Verb
from fwplan.preview.host_command import host_command, host_syntax

if TYPE_CHECKING:
    from collections.abc import Callable


def command(operation: Operation) -> list[str]:
    """The command that does an operation; names of interfaces stand bare, as libvirt gives them, where they can.

    Raises:
        NotExpressibleError: nft's syntax cannot carry the name of an interface.
    """
    words = nft_words(operation, interface_word)
    return host_command(operation.verb, operation.object) if words is None else ["nft", *words]


def nft_words(operation: Operation, quote: Callable[[str], str]) -> list[str] | None:
    """One command of nft, or line of a script; None for what is no business of nft.

    Raises:
        NotExpressibleError: nft's syntax cannot carry the name of an interface.
    """
    makes = operation.verb is Verb.MAKE
    match operation.object:
        case nft.Table() as table:
            return ["add" if makes else "delete", "table", *table_words(table)]
        case nft.Chain(hook=hook) as chain:
            options = [hook_text(hook)] if makes and hook is not None else []
            return ["add" if makes else "delete", "chain", *chain_words(chain), *options]
        case nft.VerdictMap() as made:
            return ["add" if makes else "delete", "map", *map_words(made), *([map_text(made)] if makes else [])]
        case nft.Element() as element:
            text = element_text(element, with_verdict=makes)
            return ["add" if makes else "delete", "element", *element_words(element), text]
        case nft.Rule() as rule if makes:
            return ["insert", "rule", *rule_words(rule, quote)]
        case nft.Rule(table, chain_name, _, handle):
            return ["delete", "rule", *table_words(table), chain_name, "handle", str(handle)]
        case _:
            return None


def syntax(operation: Operation) -> tuple[str, str]:
    """Where an operation takes place, and what is there.

    Raises:
        NotExpressibleError: nft's syntax cannot carry the name of an interface.
    """
    away = "" if operation.verb is Verb.MAKE else "delete "
    match operation.object:
        case nft.Table(family, name):
            return f"{away}table", f"{family} {name}"
        case nft.Chain(table, name, hook):
            return f"{away}chain", f"{table.family} {name}{'' if hook is None else ' ' + hook_text(hook)}"
        case nft.VerdictMap(table, name) as made:
            return f"{away}map", f"{table.family} {name} {map_text(made)}"
        case nft.Element(table, name) as element:
            return f"{away}{table.family} {name}:", element_text(element)
        case nft.Rule(table, chain) as rule:
            return f"{away}{table.family} {chain}:", " ".join(statements_words(rule, quoted_interface))
        case object_:
            return host_syntax(operation.verb, object_)
