"""Findings for people, as lines of styled text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fwplan.audit.finding import Level
from fwplan.audit.owners import UNKNOWN
from fwplan.iptables import objects as iptables
from fwplan.nft import objects as nft
from fwplan.preview.comment import one_line
from fwplan.preview.layout import Line, Piece, Style, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.audit.finding import Finding
    from fwplan.plan.plan import Plan

_STYLES = {Level.ERROR: Style.DELETED, Level.WARNING: Style.REFUSAL, Level.NOTE: Style.NUMBER}
_MOST_DETAILS = 6
"""Of a finding, unless all are asked for."""
_MOST_ALIKE = 3
"""Findings of different networks that are shown each for itself, unless all are asked for."""
_MOST_NAMES = 6
"""Of networks of which the same is told."""


def findings_text(findings: Sequence[Finding], width: int, *, everything: bool = False) -> list[Line]:
    """Each finding with its code, its details and what helps.

    Args:
        findings: in order.
        width: columns.
        everything: whether all details are shown.
    """
    lines: list[Line] = []
    for alike in _alike(findings):
        shown = alike if everything else alike[:_MOST_ALIKE]
        for finding in shown:
            lines.extend(_finding(finding, width, everything=everything))
            lines.append(())
        if len(shown) < len(alike):
            lines.extend(_others(alike[len(shown) :], width))
            lines.append(())
    return lines


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of different networks with the same code, at the same place and by the same owner."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for number, finding in enumerate(findings):
        alone = number if finding.network is None else None
        groups.setdefault((alone, finding.code, finding.place, finding.owner, finding.level), []).append(finding)
    return list(groups.values())


def _others(rest: Sequence[Finding], width: int) -> Iterator[Line]:
    names = [f"{finding.network!r}" for finding in rest[:_MOST_NAMES]]
    more = f" and {len(rest) - len(names)} more" if len(rest) > len(names) else ""
    head = f"{rest[0].code.value} "
    first, *following = wrap(one_line(f"the same of network {', '.join(names)}{more} (--all)"), width - len(head))
    yield Piece(head, _STYLES[rest[0].level]), Piece(first, Style.HEADING)
    for line in following:
        yield Piece(" " * len(head)), Piece(line, Style.HEADING)


def summary(findings: Sequence[Finding], plan: Plan) -> str:
    """How many there are, in one line."""
    counts = Counter(finding.level for finding in findings)
    networks = len(plan.networks)
    rules = sum(isinstance(operation.object, nft.Rule | iptables.Rule) for operation in plan.operations)
    parts = [f"{counts[level]} {level.value}{'' if counts[level] == 1 else 's'}" for level in Level if counts[level]]
    held = f"{networks} {'network' if networks == 1 else 'networks'}, {rules} {'rule' if rules == 1 else 'rules'}"
    return f"{held}: {', '.join(parts) if parts else 'nothing to find'}."


def _finding(finding: Finding, width: int, *, everything: bool) -> Iterator[Line]:
    head = f"{finding.code.value} "
    style = _STYLES[finding.level]
    first, *rest = wrap(one_line(finding.message), width - len(head))
    yield Piece(head, style), Piece(first, Style.HEADING)
    for line in rest:
        yield Piece(" " * len(head)), Piece(line, Style.HEADING)
    if finding.place:
        yield from _labelled("at", finding.place, width, Style.PLACE)
    if finding.owner is not None:
        guess = "" if finding.owner.is_sure or finding.owner.name == UNKNOWN else ", probably"
        yield from _labelled("whose", f"{finding.owner}{guess}: {finding.owner.because}", width, Style.PLAIN)
    shown = finding.details if everything else finding.details[:_MOST_DETAILS]
    for detail in shown:
        yield from _labelled("-", detail, width, Style.RULE)
    if len(shown) < len(finding.details):
        yield Piece("  "), Piece(f"and {len(finding.details) - len(shown)} more (--all)", Style.NUMBER)
    for command in finding.remedy:
        yield from _command(one_line(command), width)


def _command(command: str, width: int) -> Iterator[Line]:
    """A command in one line, to be copied; a comment as text."""
    lines = [command]
    if command.startswith("# "):
        lines = [f"# {line}" for line in wrap(command[2:], width - 4)]
    for line in lines:
        yield Piece("  "), Piece(line, Style.REASON)


def _labelled(label: str, text: str, width: int, style: Style) -> Iterator[Line]:
    first, *rest = wrap(one_line(text), width - len(label) - 3)
    yield Piece(f"  {label} ", Style.NUMBER), Piece(first, style)
    for line in rest:
        yield Piece(" " * (len(label) + 3)), Piece(line, style)
