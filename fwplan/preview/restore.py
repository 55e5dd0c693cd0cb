"""A plan as one file for both iptables-restore and ip6tables-restore, to be given with `--noflush`.

Each rule begins with `-4` or `-6`, by which each of the two programs passes over the rules of the other. Chains of
set-up are the same in both families. The one rule that libvirt does without where the kernel cannot have it, for
checksums, is in the table that is committed last. (Two transactions for one table are more than iptables-legacy-restore
takes in one run.)
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from fwplan.iptables import objects as iptables
from fwplan.iptables.text import restore_word, rule_arguments
from fwplan.plan.operations import Operation, Verb
from fwplan.preview.comment import one_line
from fwplan.preview.host_command import host_syntax

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.plan.plan import Plan

_TABLES: tuple[iptables.TableName, ...] = ("filter", "nat", "mangle")


def restore_file(plan: Plan) -> str:
    """Input for `iptables-restore --noflush` and `ip6tables-restore --noflush`.

    Raises:
        NotExpressibleError: iptables cannot say what an operation means.
    """
    return "".join(f"{line}\n" for line in _lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    for network in plan.networks:
        if network.why_empty:
            yield f"# network {one_line(network.network.name)}: no rules: {one_line(network.why_empty)}"
    for operation in plan.operations:
        if not isinstance(operation.object, iptables.Chain | iptables.Rule):
            program, arguments = host_syntax(operation.verb, operation.object)
            yield f"# not for iptables: {program} {arguments}"
    for table in _TABLES:
        chosen = [operation for operation in plan.operations if _table_of(operation) == table]
        if chosen:
            yield f"*{table}"
            yield from _transaction(chosen)
            yield "COMMIT"


def _table_of(operation: Operation) -> str | None:
    match operation.object:
        case iptables.Chain(_, table, _):
            return table
        case iptables.Rule(chain):
            return chain.table
        case _:
            return None


def _transaction(operations: list[Operation]) -> Iterator[str]:
    for reason, group in groupby(_once_a_chain(operations), key=lambda operation: operation.intent.reason):
        yield f"# {one_line(reason)}"
        for operation in group:
            match operation.object:
                case iptables.Chain(_, _, name):
                    yield f"{'-N' if operation.verb is Verb.MAKE else '-X'} {name}"
                case iptables.Rule() as rule:
                    yield _rule_line(operation.verb, rule)


def _once_a_chain(operations: list[Operation]) -> list[Operation]:
    """Without the second making of a chain of both families, or without the first taking away of it.

    A chain has to be there before the first rule that jumps to it, and until the last one is gone.
    """
    removal = operations[0].verb is Verb.TAKE_AWAY
    seen: set[str] = set()
    kept = []
    for operation in reversed(operations) if removal else operations:
        if isinstance(operation.object, iptables.Chain):
            if operation.object.name in seen:
                continue
            seen.add(operation.object.name)
        kept.append(operation)
    return kept[::-1] if removal else kept


def _rule_line(verb: Verb, rule: iptables.Rule) -> str:
    family = "-4" if rule.chain.program == "iptables" else "-6"
    words = map(restore_word, rule_arguments(rule))
    return " ".join((family, "-I" if verb is Verb.MAKE else "-D", rule.chain.name, *words))
