"""A rehearsal for people: the matrix of who reaches whom, and what was promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.lab.matrix import Reach, besides, kept, pairs, places, rehearsed
from fwplan.lab.table import Row, Table
from fwplan.lab.words import SIGNS, in_words, listed
from fwplan.preview.comment import one_line
from fwplan.preview.layout import Line, Piece, Style, columns, paragraph
from fwplan.preview.way import way_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fwplan.lab.matrix import Cell, Count, Sight
    from fwplan.lab.rehearsal import Rehearsal
    from fwplan.lab.world import Place, Segment
    from fwplan.plan.intents import Family

_MEANINGS = {
    Reach.ANSWERED: "reached, and the answer came back",
    Reach.ARRIVES: "arrived, but no answer came back",
    Reach.REFUSED: "refused",
    Reach.SILENT: "nothing arrived, and the sender was not told",
}
_STYLES = {
    Reach.ANSWERED: Style.REASON,
    Reach.ARRIVES: Style.NUMBER,
    Reach.REFUSED: Style.REFUSAL,
    Reach.SILENT: Style.REFUSAL,
}
_NO_WAY = "\N{EN DASH}"
_BESIDE = "     "


def rehearsal_lines(rehearsal: Rehearsal, width: int, *, verbose: bool = False) -> list[Line]:
    """The rehearsal as lines of at most `width` columns.

    Args:
        rehearsal: what came of it.
        width: columns.
        verbose: whether every probe is listed.
    """
    lines = _heading(rehearsal, width)
    matrices = [_matrix(rehearsal, family) for family in rehearsal.world.families]
    lines += _side_by_side(matrices, width)
    lines += [(), *_legend(rehearsal, width), ()]
    lines += _side_by_side([table for table in (_besides(rehearsal), _kept(rehearsal)) if table.rows], width)
    if verbose:
        lines += [(), *listed(rehearsal, width)]
    return [*lines, (), *in_words(rehearsal, rehearsal.differing, width), *_closing(rehearsal, width)]


def _heading(rehearsal: Rehearsal, width: int) -> list[Line]:
    rules = way_text(rehearsal.plan)
    besides_it = ", beside rules of others" if rehearsal.others else ""
    lines: list[Line] = [(Piece("rehearsal", Style.HEADING), Piece(f" · {rules}{besides_it}"))]
    facts = [(_label(rehearsal, segment), _facts(segment)) for segment in rehearsal.world.segments]
    margin = max(len(label) for label, _ in facts) + 4
    for label, text in facts:
        left: list[Line] = [(Piece(f"  {label}", Style.PROMISE),)]
        lines += columns(left, paragraph(text, width - margin), margin)
    return [*lines, ()]


def _label(rehearsal: Rehearsal, segment: Segment) -> str:
    return next(
        (one_line(place.label) for place in rehearsal.world.places if place.segment == segment.number),
        segment.interface,
    )


def _facts(segment: Segment) -> str:
    own = ", ".join(str(address.ip) for address in segment.addresses) or "none"
    if segment.share is None:
        return f"behind {one_line(segment.interface)}, where the host is {own}"
    network = segment.share.network
    mode = "isolated" if network.forward is None else network.mode.value
    device = network.forward_device if network.meaning.forwards else None
    by = "" if device is None else f" by {one_line(device)}"
    rules = "" if network.meaning.filtered else ", no rules"
    why = " (the lab's own, to have a neighbour)" if segment.is_the_labs_own else ""
    where = (
        f"on {one_line(segment.interface)}, where the host is {own}"
        if segment.addresses
        else (f"on {one_line(segment.interface)}, where the host has no address")
    )
    return f"{mode}{by}{rules}, {where}{why}"


def _matrix(rehearsal: Rehearsal, family: Family) -> Table:
    cells = pairs(rehearsal, family)
    shown = places(rehearsal, family)
    return Table(
        f"{family.value}, from ↓ to →",
        tuple(one_line(place.label) for place in shown),
        tuple(
            Row(
                one_line(sender.label),
                tuple(_pair(sender, receiver, cells.get((sender.number, receiver.number))) for receiver in shown),
            )
            for sender in shown
        ),
    )


def _pair(sender: Place, receiver: Place, cell: Cell | None) -> Line:
    if cell is not None:
        return _cell(cell)
    return () if sender is receiver and len(sender.machines) == 1 else (Piece(_NO_WAY, Style.NUMBER),)


def _cell(cell: Cell) -> Line:
    if not cell.errors:
        return tuple(_sights(cell.got))
    got, promised = ("".join(piece.text for piece in _sights(sights)) for sights in (cell.got, cell.promised))
    what = got if cell.errors == cell.probes else f"{cell.errors} of {cell.probes}"
    return (Piece(f"! {what} not {promised}", Style.DELETED),)


def _sights(sights: Iterable[Sight]) -> Iterator[Piece]:
    """The most frequent one, and for others of what they are true."""
    for number, sight in enumerate(sights):
        text = f"{SIGNS[sight.reach]} {sight.source}".rstrip()
        yield Piece(text if number == 0 else f"; {text} {', '.join(map(one_line, sight.of))}", _STYLES[sight.reach])


def _legend(rehearsal: Rehearsal, width: int) -> list[Line]:
    """What the signs mean that stand in this matrix."""
    cells = [cell for family in rehearsal.world.families for cell in pairs(rehearsal, family).values()]
    sights = [sight for cell in cells for sight in (*cell.got, *(cell.promised if cell.errors else ()))]
    signs = {sight.reach for sight in sights}
    meanings = [f"{SIGNS[reach]} {_MEANINGS[reach]}" for reach in Reach if reach in signs]
    if any(sight.source for sight in sights):
        meanings.append("with an address: what the other side saw instead of the sender's own")
    if len(cells) < sum(
        len(shown) ** 2 - sum(len(place.machines) == 1 for place in shown)
        for shown in (places(rehearsal, family) for family in rehearsal.world.families)
    ):
        meanings.append(f"{_NO_WAY} the host knows no way there")
    if rehearsal.differing:
        meanings.append("! not as promised")
    return paragraph("; ".join(meanings) + ".", width, Style.NUMBER)


def _besides(rehearsal: Rehearsal) -> Table:
    segments = rehearsed(rehearsal.world)
    return Table(
        "guests besides",
        tuple(_label(rehearsal, segment) for segment in segments),
        tuple(
            Row(
                label,
                tuple(
                    _cell(cells[segment.number]) if segment.number in cells else (Piece(_NO_WAY, Style.NUMBER),)
                    for segment in segments
                ),
            )
            for label, cells in besides(rehearsal).items()
        ),
    )


def _kept(rehearsal: Rehearsal) -> Table:
    counts = kept(rehearsal)
    segments = [
        segment for segment in rehearsed(rehearsal.world) if any(segment.number in row for row in counts.values())
    ]
    return Table(
        "promises, and how often each decided",
        tuple(_label(rehearsal, segment) for segment in segments),
        tuple(
            Row(promise, tuple(_count(row.get(segment.number)) for segment in segments))
            for promise, row in counts.items()
        ),
    )


def _count(count: Count | None) -> Line:
    if count is None:
        return (Piece(_NO_WAY, Style.NUMBER),)
    if count.broken:
        return (Piece(f"! {count.broken} of {count.probes} broken", Style.DELETED),)
    return (Piece(f"✓ {count.probes}", Style.REASON),) if count.probes else (Piece("not tried", Style.NUMBER),)


def _side_by_side(tables: list[Table], width: int) -> list[Line]:
    """Tables beside each other if there is room, or else below each other."""
    if len(tables) > 1 and sum(table.width() for table in tables) + len(_BESIDE) <= width:
        left, right = tables[0].lines(width), tables[1].lines(width)
        return columns(left, right, tables[0].width() + len(_BESIDE))
    lines: list[Line] = []
    for table in tables:
        lines += [*([()] if lines else []), *table.lines(width)]
    return lines


def _closing(rehearsal: Rehearsal, width: int) -> list[Line]:
    tried, wrong = len(rehearsal.results), len(rehearsal.differing)
    if wrong:
        lines = paragraph(f"Not as promised: {wrong} of {tried} probes.", width, Style.DELETED)
    else:
        lines = paragraph(f"As promised: all {tried} probes, with TCP, UDP and ICMP.", width, Style.HEADING)
    others = sum(bool(result.different) for result in rehearsal.results) - wrong
    if others:
        lines += paragraph(f"The rules of others decided {others} more, of which nothing is promised.", width)
    return lines
