"""In what a host and a plan differ, as text for people and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from fwplan.iptables import objects as iptables
from fwplan.plan.difference import Step
from fwplan.plan.intents import SetUp
from fwplan.plan.operations import ChecksumFilter, Operation, Queue, Setting, Verb, ZoneMember
from fwplan.plan.plan import Backend
from fwplan.preview.commands import syntax_of
from fwplan.preview.comment import one_line
from fwplan.preview.host_command import host_thing
from fwplan.preview.layout import Line, Piece, Style, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fwplan.plan.difference import Difference
    from fwplan.plan.operations import Object
    from fwplan.plan.plan import Plan

JSON_VERSION = 1

_SIGNS = {
    Step.ADD: ("+", Style.ADDED),
    Step.DELETE: ("-", Style.DELETED),
    Step.MOVE: ("~", Style.NUMBER),
}
_VERBS = {Step.ADD: ("added", "add"), Step.DELETE: ("deleted", "delete"), Step.MOVE: ("moved", "move")}
_MARGIN = 4


def differences_text(differences: Iterable[Difference], plan: Plan | None, width: int) -> list[Line]:
    """Each difference as a line that begins with `+`, `-` or `~` (only at another place), its reason below it.

    Args:
        differences: in the order in which they are made.
        plan: what is applied, for its reasons; None where everything goes.
        width: columns.
    """
    reasons = _reasons(plan)
    lines: list[Line] = []
    said = ""
    for difference in differences:
        sign, style = _SIGNS[difference.step]
        place, text = _syntax(difference.object)
        first, *rest = wrap(f"{place} {text}", width - len(sign) - 1)
        lines.append((Piece(f"{sign} ", style), Piece(first, style)))
        lines.extend((Piece(" " * (_MARGIN + 2)), Piece(line, style)) for line in rest)
        reason = reasons.get(difference.object, "") if difference.step is not Step.DELETE else ""
        if reason and reason != said:
            lines.extend((Piece(" " * _MARGIN), Piece(f"# {line}", Style.REASON)) for line in wrap(reason, width - 6))
        said = reason
    return lines


def differences_json(
    differences: Iterable[Difference],
    plan: Plan | None,
    *,
    unchanged: int,
    dry_run: bool,
    notes: Iterable[str] = (),
) -> dict[str, Any]:
    """The differences as values for JSON.

    Args:
        differences: in the order in which they are made.
        plan: what is applied, for its reasons; None where everything goes.
        unchanged: how many rules are as they are wanted.
        dry_run: whether nothing was changed.
        notes: what the host is not able to, and was left out.
    """
    reasons = _reasons(plan)
    return {
        "fwplan": JSON_VERSION,
        "dry_run": dry_run,
        "unchanged": unchanged,
        "differences": [
            {
                "step": difference.step.value,
                "kind": difference.object.noun[0],
                "place": _syntax(difference.object)[0],
                "text": _syntax(difference.object)[1],
                "reason": reasons.get(difference.object) if difference.step is not Step.DELETE else None,
            }
            for difference in differences
        ],
        "notes": list(notes),
    }


def summary(differences: Iterable[Difference], *, unchanged: int, dry_run: bool) -> str:
    """What was done, or would be, in one line."""
    done = Counter((difference.step, difference.object.noun) for difference in differences)
    parts = []
    for step, (past, infinitive) in _VERBS.items():
        counts = [f"{number} {noun[number != 1]}" for (of, noun), number in done.items() if of is step]
        if counts:
            parts.append(f"{infinitive if dry_run else past} {', '.join(counts)}")
    rules = f"{unchanged} {'rule' if unchanged == 1 else 'rules'}"
    if not parts:
        return f"Nothing to do: {rules} as they are to be."
    text = f"{'; '.join(parts)}; {rules} unchanged."
    return f"Would {text}" if dry_run else f"{text[0].upper()}{text[1:]}"


def dumped(document: object) -> str:
    """A document as JSON text."""
    return f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"


def _reasons(plan: Plan | None) -> Mapping[Object, str]:
    if plan is None:
        return {}
    return {operation.object: one_line(operation.intent.reason) for operation in plan.operations}


def _syntax(object_: Object) -> tuple[str, str]:
    if isinstance(object_, Queue | ChecksumFilter | ZoneMember | Setting):
        return host_thing(object_)
    backend = Backend.IPTABLES if isinstance(object_, iptables.Chain | iptables.Rule) else Backend.NFTABLES
    return syntax_of(backend).syntax(Operation(Verb.MAKE, object_, SetUp("")))
