"""Rules in nft's syntax, for people.

nft reads it back as the same rule, but for what it lists of iptables' extensions and what fwplan does not understand:
that is shown as it came. What counters have counted is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.nft.datatypes import DATATYPES, Form, datatypes_of
from fwplan.nft.expression_text import element_text, expression_text
from fwplan.nft.expressions import (
    AnonymousSet,
    Concatenation,
    Flags,
    Goto,
    Jump,
    Map,
    Operation,
    SetReference,
    Unknown,
    Verdict,
    Word,
)
from fwplan.nft.statements import (
    ConnectionLimit,
    Counter,
    Duplicate,
    Forward,
    Last,
    Limit,
    Log,
    Match,
    Meter,
    Nat,
    Notrack,
    Offload,
    Queue,
    Quota,
    Reject,
    ResetOption,
    Set,
    SynProxy,
    TransparentProxy,
    UpdateSet,
    UseObject,
    VerdictMap,
    Xt,
    XtMatch,
    XtTarget,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.nft.expressions import Expression
    from fwplan.nft.ruleset import Rule
    from fwplan.nft.statements import Statement


_USES = {
    "ct helper": "ct helper set",
    "ct timeout": "ct timeout set",
    "ct expectation": "ct expectation set",
    "secmark": "meta secmark set",
}


def rule_text(rule: Rule) -> str:
    """A rule as its own program writes it, without the place that it is at."""
    if rule.written:
        return rule.written
    words = [statement_text(statement, rule.place.family) for statement in rule.statements]
    if rule.comment is not None:
        words.append(f'comment "{rule.comment}"')
    return " ".join(words)


def statement_text(statement: Statement, family: str = "inet") -> str:
    """One statement; `family` is that of the table."""
    match statement:
        case Match():
            return _match(statement)
        case Counter():
            return "counter"
        case Verdict() | Jump() | Goto() | Unknown():
            return expression_text(statement)
        case Set(key, value):
            return f"{expression_text(key)} set {expression_text(value, datatypes_of(key))}"
        case Nat():
            return _nat(statement)
        case Reject():
            return _reject(statement, family)
        case VerdictMap(key, data):
            return f"{expression_text(key)} vmap {expression_text(data, datatypes_of(key))}"
        case Log(prefix, options):
            return _log(prefix, options)
        case Limit() | Quota() | ConnectionLimit() | Last():
            return _limiting(statement)
        case UpdateSet():
            return _update(statement)
        case UseObject(kind, name):
            return f"{_USES.get(kind, f'{kind} name')} {_named(name)}"
        case _:
            return _rarer(statement)


def _match(match: Match) -> str:
    types = datatypes_of(match.left)
    flags = len(types) == 1 and types[0] is not None and types[0].form is Form.FLAGS
    right = expression_text(match.right, types)
    operator = match.operator
    if operator == "in" or (operator == "==" and not flags and not isinstance(match.left, Operation)):
        return f"{expression_text(match.left)} {right}"
    if isinstance(match.right, Flags) and operator in {"==", "!="}:
        right = " | ".join(expression_text(value, types) for value in match.right.values)
    if operator == "==" and isinstance(match.right, AnonymousSet | SetReference):
        return f"{expression_text(match.left)} {right}"
    return f"{expression_text(match.left)} {operator} {right}"


def _nat(nat: Nat) -> str:
    concatenated = isinstance(nat.address, Map) and isinstance(nat.address.key, Concatenation)
    words = [nat.kind, nat.family if nat.family != "inet" else None, "prefix" if "prefix" in nat.type_flags else None]
    if nat.address is not None or nat.port is not None:
        address = "" if nat.address is None else expression_text(nat.address)
        if nat.port is not None:
            address = f"[{address}]" if ":" in address and not concatenated else address
            address += f":{expression_text(nat.port)}"
        words += ["to", address]
    words.append(",".join(flag for flag in nat.flags if flag != "netmap"))
    return " ".join(word for word in words if word)


def _reject(reject: Reject, family: str) -> str:
    usual = {"ip": "icmp", "ip6": "icmpv6"}.get(family, "icmpx")
    if reject.type is None or (reject.type == usual and reject.reason == Word("port-unreachable")):
        return "reject"
    reason = "" if reject.reason is None else f" {expression_text(reject.reason)}"
    return f"reject with {reject.type}{reason}"


def _log(prefix: str | None, options: Iterable[tuple[str, str | int | tuple[str, ...]]]) -> str:
    words = ["log"]
    if prefix is not None:
        words.append(f'prefix "{prefix}"')
    for name, value in options:
        words += [f"flags {flag}" for flag in value] if isinstance(value, tuple) else [f"{name} {value}"]
    return " ".join(words)


def _limiting(statement: Limit | Quota | ConnectionLimit | Last) -> str:
    match statement:
        case Limit(rate, per, over, unit, burst, burst_unit):
            amount = f"{rate}/{per}" if unit == "packets" else f"{rate} {unit}/{per}"
            more = f" burst {burst} {burst_unit}" if burst else ""
            return f"limit rate {'over ' if over else ''}{amount}{more}"
        case Quota(value, unit, over):
            return f"quota {'over ' if over else ''}{value} {unit}"
        case ConnectionLimit(value, over):
            return f"ct count {'over ' if over else ''}{value}"
        case Last():
            return "last"


def _update(update: UpdateSet) -> str:
    words = [element_text(update.element)]
    words += [statement_text(statement) for statement in update.statements]
    if update.data is not None:
        words += [":", expression_text(update.data)]
    return f"{update.operation} @{update.set.name} {{ {' '.join(words)} }}"


def _named(name: Expression) -> str:
    return f'"{name.text}"' if isinstance(name, Word) else expression_text(name)


def _rarer(statement: Statement) -> str:
    match statement:
        case Notrack():
            return "notrack"
        case Meter(name, key, of_each, size):
            sized = "" if size is None else f" size {size}"
            return f"meter {name}{sized} {{ {expression_text(key)} {statement_text(of_each)} }}"
        case SynProxy(options):
            words = ["synproxy"]
            for name, value in options:
                words += value if isinstance(value, tuple) else (name, str(value))
            return " ".join(words)
        case Offload(flowtable):
            return f"flow add @{flowtable}"
        case ResetOption(option):
            return f"reset {expression_text(option)}"
        case Xt(kind, name):
            return f'xt {kind} "{name}"'
        case XtMatch(written) | XtTarget(written):
            return written
        case _:
            return _elsewhere(statement)


def _elsewhere(statement: Statement) -> str:
    """What sends the packet somewhere else."""
    match statement:
        case Queue(number, flags):
            words = ["queue"]
            words += [f"flags {','.join(flags)}"] if flags else []
            words += [f"to {expression_text(number)}"] if number is not None else []
            return " ".join(words)
        case Forward(device, None):
            return f"fwd to {_interface(device)}"
        case Forward(device, address, family):
            to = expression_text(address) if address is not None else ""
            return f"fwd {f'{family} ' if family else ''}to {to} device {_interface(device)}"
        case Duplicate(address, None):
            # at ingress it is the interface that stands in the place of the address
            return f"dup to {_interface(address)}"
        case Duplicate(address, device):
            return f"dup to {expression_text(address)}{f' device {_interface(device)}' if device else ''}"
        case TransparentProxy(family, address, port):
            to = "" if address is None else expression_text(address)
            to += "" if port is None else f":{expression_text(port)}"
            return " ".join(word for word in ("tproxy", family, "to", to) if word)
        case _:
            return str(statement)


def _interface(expression: Expression) -> str:
    if isinstance(expression, Word) and not _is_address(expression.text):
        return expression_text(expression, (DATATYPES["ifname"],))
    return expression_text(expression)


def _is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()
