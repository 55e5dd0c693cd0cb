"""A plan for people: by network and by promise, each operation with its reason beside it, or below it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.plan.operations import ChecksumFilter
from fwplan.preview.commands import syntax_of
from fwplan.preview.comment import one_line
from fwplan.preview.layout import Line, Piece, Style, columns, paragraph, wrap
from fwplan.preview.removal import goes_with_its_table
from fwplan.preview.way import way_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fwplan.plan.operations import Operation
    from fwplan.plan.plan import NetworkPlan, Plan
    from fwplan.preview.commands import Syntax

_WIDE = 120
"""From this width on, reasons stand in a column of their own."""

_MARGIN = 6
_HANGING = 4


def explained(plan: Plan, width: int) -> list[Line]:
    """The plan as lines of at most `width` columns.

    Raises:
        NotExpressibleError: a rule cannot be written in its backend's syntax.
    """
    return _Page(plan, width).lines()


@dataclass(frozen=True, slots=True)
class _Entry:
    """An operation with its number, and its syntax in two parts."""

    number: int
    place: str
    rule: str
    operation: Operation


def _entries(operations: Iterable[Operation], syntax: Syntax) -> list[_Entry]:
    return [
        _Entry(number, *syntax.syntax(operation), operation) for number, operation in enumerate(operations, start=1)
    ]


class _Page:
    """One plan while it is laid out."""

    def __init__(self, plan: Plan, width: int) -> None:
        self._plan = plan
        self._syntax = syntax_of(plan.backend)
        self._width = width

    def lines(self) -> list[Line]:
        plan = self._plan
        parts = [self._network(share) for share in plan.networks]
        if plan.set_up:
            parts.append(self._set_up())
        return [*(line for part in parts for line in (*part, ())), *self._closing()]

    def _set_up(self) -> list[Line]:
        plan = self._plan
        when = "after the last network" if plan.removal else "once on a host, before the first network"
        heading = self._heading("set-up", f" · {when} · {_count(plan.set_up, removal=plan.removal)}")
        entries = _entries(plan.set_up, self._syntax)
        return [*heading, *self._listing(entries, self._left_width(entries))]

    def _network(self, share: NetworkPlan) -> list[Line]:
        network = share.network
        count = _count(share.operations, removal=self._plan.removal)
        lines = self._heading(f"network {one_line(network.name)}", f" · {self._what(share)} · {count}")
        if share.why_empty:
            lines += paragraph(f"No rules: {share.why_empty}.", self._width, Style.REFUSAL, indent=2)
        lines += paragraph(_sentence(network.meaning.summary), self._width, indent=2)
        by_promise: dict[str, list[_Entry]] = {}
        entries = _entries(share.operations, self._syntax)
        for entry in entries:
            by_promise.setdefault(entry.operation.intent.promise, []).append(entry)
        left_width = self._left_width(entries)
        for promise, kept_by in by_promise.items():
            lines += [(), *paragraph(promise, self._width, Style.PROMISE, indent=2)]
            lines += self._listing(kept_by, left_width)
        return lines

    def _heading(self, title: str, rest: str) -> list[Line]:
        first, *more = wrap(f"{title}{rest}", self._width)
        lines: list[Line] = [(Piece(first[: len(title)], Style.HEADING), Piece(first[len(title) :]))]
        if more:
            lines += paragraph(" ".join(more), self._width, indent=_HANGING)
        return lines

    @staticmethod
    def _what(share: NetworkPlan) -> str:
        kind = share.network.kind.value.replace("-", " ")
        mode = share.network.mode.value if share.network.forward is not None else "isolated"
        if share.bridge is None:
            device = share.network.forward_device
            return f"{mode}, {kind}" + ("" if device is None else f" on {one_line(device)}")
        chosen = "" if share.bridge == share.network.bridge_name else ", a name that libvirt chooses"
        return f"{mode}, {kind}, bridge {one_line(share.bridge)}{chosen}"

    def _left_width(self, entries: list[_Entry]) -> int:
        longest = max((len(entry.place) + 1 + len(entry.rule) for entry in entries), default=0)
        return min(_MARGIN + longest, self._width * 3 // 5)

    def _listing(self, entries: list[_Entry], left_width: int) -> list[Line]:
        lines: list[Line] = []
        said = ""
        for entry in entries:
            reason = entry.operation.intent.reason
            new = "" if reason == said else one_line(reason)
            said = reason
            if self._width < _WIDE:
                lines += self._rule(entry, self._width) + self._reason(new, self._width, _MARGIN)
            else:
                right = self._reason(new, self._width - left_width - 2, 0)
                lines += columns(self._rule(entry, left_width), right, left_width + 2)
        return lines

    @staticmethod
    def _reason(reason: str, width: int, margin: int) -> list[Line]:
        if not reason:
            return []
        return [
            (Piece(" " * margin), Piece(f"# {line}", Style.REASON)) for line in wrap(reason, width - margin - len("# "))
        ]

    @staticmethod
    def _rule(entry: _Entry, width: int) -> list[Line]:
        place = entry.place
        first, *rest = wrap(f"{place} {entry.rule}", width - _MARGIN)
        if rest:
            rest = wrap(" ".join(rest), width - _MARGIN - _HANGING)
        head = (
            Piece(f"{entry.number:>{_MARGIN - 2}}  ", Style.NUMBER),
            Piece(first[: len(place)], Style.PLACE),
            Piece(first[len(place) :], Style.RULE),
        )
        return [head, *((Piece(" " * (_MARGIN + _HANGING)), Piece(line, Style.RULE)) for line in rest)]

    def _closing(self) -> list[Line]:
        plan = self._plan
        total = _count(plan.operations, removal=plan.removal)
        networks = len(plan.networks)
        lines = paragraph(
            f"{networks} network{'s' if networks != 1 else ''}, {total}; {way_text(plan)}.",
            self._width,
        )
        if goes_with_its_table(plan):
            text = "The tables go with all that is in them, the rules of networks not listed here included."
            lines += paragraph(text, self._width, Style.REFUSAL)
        elif not plan.removal and any(operation.object.noun[0] == "rule" for operation in plan.operations):
            text = "Each rule goes to the head of its chain: of two, a packet meets the later one first."
            lines += paragraph(text, self._width)
        if not plan.removal and any(isinstance(operation.object, ChecksumFilter) for operation in plan.operations):
            text = "The tc filter needs the kernel's act_csum; where it is missing libvirt does not start the network."
            lines += paragraph(text, self._width)
        return lines


def _sentence(text: str) -> str:
    if text.startswith("libvirt"):
        return f"{text}."
    return f"{text[0].upper()}{text[1:]}."


_ORDER = ("rule", "element", "chain", "map", "table", "tc step", "zone membership")


def _count(operations: Iterable[Operation], *, removal: bool) -> str:
    counts = Counter(operation.object.noun for operation in operations)
    if not counts:
        return "no operations"
    listed = ", ".join(
        f"{number} {one if number == 1 else many}"
        for (one, many), number in sorted(counts.items(), key=lambda item: _ORDER.index(item[0][0]))
    )
    return f"{listed} to take away" if removal else listed
