"""iptables' rules as the arguments of a command and as lines for iptables-restore."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fwplan.errors import NotExpressibleError
from fwplan.iptables.objects import (
    BelongsToConnection,
    Destination,
    FillChecksum,
    InInterface,
    JumpTo,
    Masquerade,
    OutInterface,
    ProtocolIs,
    Snat,
    Source,
)

if TYPE_CHECKING:
    from fwplan.iptables.objects import Match, Ports, Rule, Target

_PLAIN = re.compile(r"[A-Za-z0-9_.,:/!+@%^=-]+")


def rule_arguments(rule: Rule) -> list[str]:
    """What follows the name of the chain.

    Raises:
        NotExpressibleError: iptables would take the name of an interface for something else.
    """
    arguments = [argument for match in rule.matches for argument in _match_arguments(match)]
    return arguments + _target_arguments(rule.target)


_REJECT_REASON = {"iptables": "icmp-port-unreachable", "ip6tables": "icmp6-port-unreachable"}


def saved_text(rule: Rule) -> str:
    """A rule as iptables-save prints it, without the name of its chain; it has the order of `saved.as_saved`."""
    words = [word for match in rule.matches for word in _saved_match(match)]
    match rule.target:
        case JumpTo("REJECT"):
            words += ["-j", "REJECT", "--reject-with", _REJECT_REASON[rule.chain.program]]
        case target:
            words += ["-j", *_target_arguments(target)[1:]]
    return " ".join(words)


def _saved_match(match: Match) -> list[str]:
    match match:
        case InInterface(name):
            return ["-i", name]
        case OutInterface(name):
            return ["-o", name]
        case Source(subnet):
            return ["-s", str(subnet)]
        case Destination(subnet, negated):
            return [*(["!"] if negated else []), "-d", str(subnet)]
        case ProtocolIs(protocol, port):
            return ["-p", protocol, *([] if port is None else ["-m", protocol, "--dport", str(port)])]
        case BelongsToConnection():
            return ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]


def _match_arguments(match: Match) -> list[str]:
    match match:
        case InInterface(name):
            return ["--in-interface", _interface(name)]
        case OutInterface(name):
            return ["--out-interface", _interface(name)]
        case Source(subnet):
            return ["--source", str(subnet)]
        case Destination(subnet, negated):
            return [*(["!"] if negated else []), "--destination", str(subnet)]
        case ProtocolIs(protocol, None):
            return ["-p", protocol]
        case ProtocolIs(protocol, port):
            return ["--protocol", protocol, "--destination-port", str(port)]
        case BelongsToConnection():
            return ["--match", "conntrack", "--ctstate", "ESTABLISHED,RELATED"]


def _target_arguments(target: Target) -> list[str]:
    match target:
        case JumpTo(name):
            return ["--jump", name]
        case Masquerade(ports):
            return ["--jump", "MASQUERADE", *([] if ports is None else ["--to-ports", _ports(ports)])]
        case Snat(start, end, ports):
            return ["--jump", "SNAT", "--to-source", f"{start}-{end}{'' if ports is None else ':' + _ports(ports)}"]
        case FillChecksum():
            return ["--jump", "CHECKSUM", "--checksum-fill"]


def _ports(ports: Ports) -> str:
    return f"{ports.start}-{ports.end}"


def _interface(name: str) -> str:
    """The name, unless iptables reads it otherwise: `+` at the end stands for any ending, `!` for a negation."""
    if name.endswith("+") or name == "!" or not name.isprintable():
        message = f"the interface name {name!r} cannot be written for iptables, which would read it as a pattern"
        raise NotExpressibleError(message)
    return name


def restore_word(word: str) -> str:
    """A word of a line for iptables-restore, in quotes where it needs them.

    Source: `add_param_to_argv` of iptables: within `"`, a backslash keeps the next character as it is.
    """
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
