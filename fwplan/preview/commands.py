"""A plan as commands, one a line: for a shell, and for comparison with what libvirt runs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from fwplan.iptables import objects as iptables
from fwplan.iptables.text import rule_arguments
from fwplan.nft import objects as nft
from fwplan.nft.grammar import interface_word
from fwplan.nft.text import chain_words, hook_text, rule_words, table_words
from fwplan.plan.operations import ChecksumFilter, Operation, Queue, Verb, ZoneMember
from fwplan.preview.removal import executable

if TYPE_CHECKING:
    from fwplan.plan.plan import Plan


def commands(plan: Plan) -> str:
    """One command a line, quoted for a POSIX shell, in order; nothing for a plan without operations.

    Raises:
        NotExpressibleError: a command cannot say what an operation means.
    """
    return "".join(f"{shlex.join(command(operation))}\n" for operation in executable(plan).operations)


def command(operation: Operation) -> list[str]:
    """The command that does an operation.

    Raises:
        NotExpressibleError: no command says what it means.
    """
    makes = operation.verb is Verb.MAKE
    match operation.object:
        case nft.Table() as table:
            return ["nft", "add" if makes else "delete", "table", *table_words(table)]
        case nft.Chain() as chain:
            hook = [hook_text(chain.hook)] if makes and chain.hook is not None else []
            return ["nft", "add" if makes else "delete", "chain", *chain_words(chain), *hook]
        case nft.Rule() as rule:
            if makes:
                return ["nft", "insert", "rule", *rule_words(rule, interface_word)]
            return ["nft", "delete", "rule", *table_words(rule.table), rule.chain, "handle", str(rule.handle)]
        case iptables.Chain(program, table_name, name):
            return [program, "-w", "--table", table_name, "--new-chain" if makes else "--delete-chain", name]
        case iptables.Rule(chain) as rule:
            verb = "--insert" if makes else "--delete"
            return [chain.program, "-w", "--table", chain.table, verb, chain.name, *rule_arguments(rule)]
        case Queue() | ChecksumFilter() as object_:
            return tc_command(object_, makes=makes)
        case ZoneMember(zone, bridge):
            verb = "change" if makes else "remove"
            return ["firewall-cmd", f"--zone={zone}", f"--{verb}-interface={bridge}"]


def tc_command(object_: Queue | ChecksumFilter, *, makes: bool) -> list[str]:
    """The tc command that makes or takes away a queue or a filter."""
    verb = "add" if makes else "del"
    match object_:
        case Queue(bridge):
            tail = ["default", "2"] if makes else []
            return ["tc", "qdisc", verb, "dev", bridge, "root", "handle", "1:", "htb", *tail]
        case ChecksumFilter(bridge):
            where = ["tc", "filter", verb, "dev", bridge, "prio", "2", "protocol", "ip", "parent", "1:"]
            return [*where, *"u32 match ip dport 68 ffff action csum ip and udp".split()]
