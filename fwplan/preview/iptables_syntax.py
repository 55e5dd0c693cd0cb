"""Operations of the iptables backend in iptables' syntax."""

from __future__ import annotations

import shlex

from fwplan.iptables import objects as iptables
from fwplan.iptables.text import rule_arguments
from fwplan.plan.operations import Operation, Verb
from fwplan.preview.comment import one_line
from fwplan.preview.host_command import host_command, host_syntax


def command(operation: Operation) -> list[str]:
    """The command that does an operation.

    Raises:
        NotExpressibleError: iptables would take the name of an interface for something else.
    """
    makes = operation.verb is Verb.MAKE
    match operation.object:
        case iptables.Chain(program, table, name):
            return [program, "-w", "--table", table, "--new-chain" if makes else "--delete-chain", name]
        case iptables.Rule(chain) as rule:
            where = ["--table", chain.table, "--insert" if makes else "--delete", chain.name]
            return [chain.program, "-w", *where, *rule_arguments(rule)]
        case object_:
            return host_command(operation.verb, object_)


def syntax(operation: Operation) -> tuple[str, str]:
    """Where an operation takes place, and what is there.

    Raises:
        NotExpressibleError: iptables would take the name of an interface for something else.
    """
    away = "" if operation.verb is Verb.MAKE else "delete "
    match operation.object:
        case iptables.Chain(program, table, name):
            return f"{away}{program} {table}", f"chain {name}"
        case iptables.Rule(chain) as rule:
            place = f"{away}{chain.program} {chain.table} {chain.name}:"
            return place, one_line(shlex.join(rule_arguments(rule)))
        case object_:
            return host_syntax(operation.verb, object_)
