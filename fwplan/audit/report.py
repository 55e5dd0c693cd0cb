"""Findings for people, as lines of styled text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fwplan.audit.finding import Level
from fwplan.audit.owners import UNKNOWN
from fwplan.preview.comment import one_line
from fwplan.preview.layout import Line, Piece, Style, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fwplan.audit.finding import Finding

_STYLES = {Level.ERROR: Style.DELETED, Level.WARNING: Style.REFUSAL, Level.NOTE: Style.NUMBER}
_MOST_DETAILS = 6
"""Of a finding, unless all are asked for."""


def findings_text(findings: Sequence[Finding], width: int, *, everything: bool = False) -> list[Line]:
    """Each finding with its code, its details and what helps.

    Args:
        findings: in order.
        width: columns.
        everything: whether all details are shown.
    """
    lines: list[Line] = []
    for finding in findings:
        lines.extend(_finding(finding, width, everything=everything))
        lines.append(())
    return lines


def summary(findings: Sequence[Finding], networks: int, rules: int) -> str:
    """How many there are, in one line."""
    counts = Counter(finding.level for finding in findings)
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
