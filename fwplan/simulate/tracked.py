"""Whether rules make the kernel track connections.

It does so in a network namespace only for the sake of a rule that asks for it, or translates: a chain of type nat
without any such rule sees no packet. Source: the callers of `nf_ct_netns_get` in Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.iptables.extension_names import OUT_OF_SIGHT
from fwplan.nft.expressions import AnonymousSet, Concatenation, Ct, Element, Flags, Jhash, Map, Operation, Unknown
from fwplan.nft.statements import (
    AllOf,
    AnyOf,
    ConnectionLimit,
    Match,
    Meter,
    Nat,
    Not,
    Offload,
    Set,
    SynProxy,
    Unsure,
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
    from fwplan.nft.statements import Condition, Statement

_OBJECTS = frozenset(("ct helper", "ct timeout", "ct expectation", "synproxy"))
_XT = frozenset(
    (
        "cluster",
        "connbytes",
        "connlabel",
        "connlimit",
        "connmark",
        "conntrack",
        "helper",
        "state",
        "CONNMARK",
        "CONNSECMARK",
        "CT",
        "DNAT",
        "MASQUERADE",
        "NETMAP",
        "REDIRECT",
        "SNAT",
        "SYNPROXY",
    )
)


def any_tracks(rules: Iterable[Rule], family: str) -> bool:
    """Whether one of the rules needs connections of a family to be tracked."""
    known: dict[int, bool] = {}
    for rule in rules:
        for statement in rule.statements:
            found = known.get(id(statement))
            if found is None:
                found = known[id(statement)] = _tracks(statement) and not _is_for_other(statement, family)
            if found:
                return True
    return False


def _is_for_other(statement: Statement, family: str) -> bool:
    """Whether a statement translates to an address of the other version of IP."""
    return isinstance(statement, Nat) and statement.family not in {None, "inet", family}


def _tracks(statement: Statement) -> bool:
    match statement:
        case Match(_, left, right):
            return _asks(left) or _asks(right)
        case Set(key, value):
            return _asks(key) or _asks(value)
        case VerdictMap(key):
            return _asks(key)
        case UpdateSet(_, _, Element(key), data, statements):
            return _asks(key) or _asks(data) or any(map(_tracks, statements))
        case Meter(_, key, of_each):
            return _asks(key) or _tracks(of_each)
        case UseObject(kind):
            return kind in _OBJECTS
        case Xt(_, name):
            return name in _XT
        case XtMatch(_, condition):
            return _condition_tracks(condition)
        case XtTarget(written, statements):
            return statements is None or _extension(written) in _XT or any(map(_tracks, statements))
        case _:
            # what is not understood may be anything
            return isinstance(statement, Nat | ConnectionLimit | Offload | SynProxy | Unknown)


def _condition_tracks(condition: Condition) -> bool:
    match condition:
        case Match():
            return _tracks(condition)
        case Not(inner):
            return _condition_tracks(inner)
        case AllOf(conditions) | AnyOf(conditions):
            return any(map(_condition_tracks, conditions))
        case Unsure(written):
            extension = _extension(written)
            return extension in _XT or extension not in OUT_OF_SIGHT


def _extension(written: str) -> str:
    """The name after the `-m` or `-j`."""
    return written.split(" ", 2)[1] if written.startswith("-") and " " in written else ""


def _asks(expression: Expression | None) -> bool:
    match expression:
        case Ct() | Unknown():
            return True
        case Concatenation(parts) | Operation(_, parts) | Flags(parts):
            return any(map(_asks, parts))
        case Map(key):
            return _asks(key)
        case Jhash(of):
            return _asks(of)
        case AnonymousSet(elements):
            return any(_asks(element.key) for element in elements)
        case _:
            return False
