"""A picture as SVG: hooks from left to right in the order of a packet's way, in each the base chains by priority."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from fwplan.graph.cards import PAD, Drawing, card, rectangle, text, wanted_width
from fwplan.graph.colours import colours, mixed
from fwplan.graph.measure import width
from fwplan.graph.words import LANES, WAYS
from fwplan.preview.comment import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fwplan.graph.picture import Hook, Lane, Picture

_MARGIN, _GAP, _BETWEEN = 20, 40, 8
_WIDEST, _NARROWEST = 1040, 640
_COLUMN, _PANEL_HEAD = 176, 34
_TITLE = 62
_HOST = 30
_LANE_HEAD = 30
_LEGEND_LINE = 22
_COLUMNS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ip": (("ingress", "prerouting"), ("forward", "input", "output"), ("postrouting",)),
    "bridge": (("prerouting",), ("forward", "input", "output"), ("postrouting",)),
    "arp": (("input",), ("output",)),
    "netdev": (("ingress",), ("egress",)),
}
_SANS = 'system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
_MONO = 'ui-monospace, "SFMono-Regular", Menlo, "DejaVu Sans Mono", monospace'


@dataclass
class _Panel:
    """A hook at its place."""

    hook: Hook
    x: float
    y: float
    wide: float
    high: float

    @property
    def level(self) -> float:
        """Where arrows come and go."""
        return self.y + _PANEL_HEAD / 2


def svg(picture: Picture) -> str:
    """A picture as an SVG document."""
    owners = list(picture.owners)
    marks = {owner: number for number, owner in enumerate(owners)}
    # policies of chains whose owner is another are told in words only
    wides = _column_widths(picture)
    wide = max(sum(wides) + _GAP * (len(wides) - 1) + 2 * _MARGIN, _NARROWEST)
    body: list[str] = []
    y: float = _MARGIN + _TITLE
    for lane in picture.lanes:
        if len(picture.lanes) > 1:
            body.append(text("lane", _MARGIN, y + 14, LANES[lane.name]))
            y += _LANE_HEAD
        drawing = _lane(lane, y, wides, marks, dims=bool(picture.network))
        body += drawing.elements
        y += drawing.height + _MARGIN
    if not picture.lanes:
        body.append(text("meta", _MARGIN, y + 12, "There is no base chain: rules see no packet."))
        y += 30
    legend = _legend(picture, owners, y, wide)
    body += legend.elements
    high = y + legend.height + _MARGIN / 2
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {_size(wide, high)} role="img" aria-labelledby="title description">',
        f'<title id="title">{_safe(picture.title)}</title>',
        f'<desc id="description">{_safe(" ".join(_sentences(picture)))}</desc>',
        _style([colours(owners)[owner] for owner in owners]),
        f"<defs>{_marker('tip', 7)}{_marker('mettip', 4.5)}</defs>",
        rectangle("page", 0, 0, wide, high, 0),
        text("title", _MARGIN, _MARGIN + 20, picture.title),
        text("meta", _MARGIN, _MARGIN + 42, picture.subtitle),
    ]
    return "\n".join([*head, *body, "</svg>", ""])


def _size(wide: float, high: float) -> str:
    return f'width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}"'


def _marker(name: str, size: float) -> str:
    """The tip of an arrow."""
    looks = "tip met" if name == "mettip" else "tip"
    placed = f'refX="7" refY="4" markerWidth="{size:g}" markerHeight="{size:g}" orient="auto"'
    return f'<marker id="{name}" viewBox="0 0 8 8" {placed}><path class="{looks}" d="M0 0L8 4L0 8z"/></marker>'


def _safe(content: str) -> str:
    return escape(one_line(content), quote=False)


def _column_widths(picture: Picture) -> list[float]:
    """The width of each column: what is in it, as far as there is room for it."""
    wanted = [float(_COLUMN)] * max((len(_COLUMNS[lane.name]) for lane in picture.lanes), default=0)
    for lane in picture.lanes:
        by_name = {hook.name: hook for hook in lane.hooks}
        for number, names in enumerate(_COLUMNS[lane.name]):
            for base in (base for name in names for base in by_name[name].bases):
                wanted[number] = max(wanted[number], wanted_width(base) + 2 * PAD)
    room = _WIDEST - 2 * _MARGIN - _GAP * (len(wanted) - 1)
    for most in range(_WIDEST, _COLUMN, -4):
        capped = [min(each, most) for each in wanted]
        if sum(capped) <= room:
            return [round(each) for each in capped]
    return [room / len(wanted)] * len(wanted)


def _lane(lane: Lane, y: float, wides: list[float], marks: Mapping[str, int], *, dims: bool) -> Drawing:
    """Hooks of one kind of packets."""
    by_name = {hook.name: hook for hook in lane.hooks}
    panels: dict[str, _Panel] = {}
    drawn: list[str] = []
    lowest = y
    x: float = _MARGIN
    for number, names in enumerate(_COLUMNS[lane.name]):
        wide = wides[number]
        at = y
        for name in names:
            hook = by_name[name]
            if name == "ingress" and lane.name == "ip" and not hook.bases:
                continue
            if name == "output" and "input" in panels and lane.name != "arp":
                drawn += _host(x, at - 2, wide)
                at += _HOST + 22
            drawing = _panel(hook, x, at, wide, marks, dims=dims)
            panels[name] = _Panel(hook, x, at, wide, drawing.height)
            drawn += drawing.elements
            at += drawing.height + 18
        lowest = max(lowest, at - 18)
        x += wide + _GAP
    return Drawing([*_arrows(panels, lane), *drawn], lowest - y)


def _panel(hook: Hook, x: float, y: float, wide: float, marks: Mapping[str, int], *, dims: bool) -> Drawing:
    """A hook, and what is hooked there."""
    elements = []
    at = y + _PANEL_HEAD
    for base in hook.bases:
        drawing = card(base, x + PAD, at, wide - 2 * PAD, marks, dims=dims)
        elements += drawing.elements
        at += drawing.height + _BETWEEN
    if hook.left_out:
        more = (
            f"{hook.left_out:,} more"
            if hook.bases
            else "1 chain"
            if hook.left_out == 1
            else f"{hook.left_out:,} chains"
        )
        elements.append(text("more", x + PAD + 2, at + 9, f"{more}, not about it"))
        at += 22
    elif not hook.bases:
        elements.append(text("more", x + PAD + 2, at + 7, "no chain"))
        at += 18
    high = at + 4 - y
    looks = "panel" if hook.is_met or not dims else "panel away"
    frame = rectangle(looks, x, y, wide, high, 12)
    return Drawing([frame, text("hook", x + PAD + 2, y + 22, hook.name), *elements], high)


def _host(x: float, y: float, wide: float) -> Iterator[str]:
    """The programs of the host, between input and output."""
    middle = x + wide / 2
    yield f'<path class="way" d="M{middle:g} {y - 14:g}V{y + 1:g}" marker-end="url(#tip)"/>'
    yield rectangle("host", middle - 90, y + 2, 180, _HOST, _HOST / 2)
    yield text("programs", middle, y + 2 + _HOST / 2 + 4, "programs of the host")
    yield f'<path class="way" d="M{middle:g} {y + 2 + _HOST:g}v17" marker-end="url(#tip)"/>'


def _arrows(panels: Mapping[str, _Panel], lane: Lane) -> Iterator[str]:
    """The ways between hooks."""
    for begin, end in WAYS:
        if begin == "input" or begin not in panels or end not in panels:
            continue
        first, second = panels[begin], panels[end]
        looks, arrow = ("way met", "mettip") if (begin, end) in lane.moves else ("way", "tip")
        if first.x == second.x:
            middle = first.x + first.wide / 2
            path = f"M{middle:g} {first.y + first.high:g}V{second.y:g}"
        else:
            x1, x2 = first.x + first.wide, second.x
            bend = (x1 + x2) / 2
            path = f"M{x1:g} {first.level:g}C{bend:g} {first.level:g} {bend:g} {second.level:g} {x2:g} {second.level:g}"
        yield f'<path class="{looks}" d="{path}" marker-end="url(#{arrow})"/>'


def _legend(picture: Picture, owners: list[str], y: float, wide: float) -> Drawing:
    """Whose the chains are, what the signs mean, and what else is to be said."""
    drawing, top = Drawing(), y
    counts = picture.owners
    entries = [
        (
            f'<rect class="o{number}b" x="{{x}}" y="{{y}}" width="14" height="14" rx="3"/>',
            f"{owner} ({counts[owner]:,})",
        )
        for number, owner in enumerate(owners)
    ]
    y = _row(drawing, entries, y, wide)
    rules = [rule for node in picture.nodes for rule in node.shown]
    kinds = [name for name in ("accepts", "refuses", "translates") if any(rule.does == name for rule in rules)]
    signs = [(f'<circle class="{name} met" cx="{{cx}}" cy="{{cy}}" r="4"/>', f"a rule that {name}") for name in kinds]
    if any(rule.does not in kinds for rule in rules):
        signs.append(('<circle class="other met" cx="{cx}" cy="{cy}" r="4"/>', "any other rule"))
    if picture.network and any(not rule.is_met for rule in rules):
        signs.append(('<circle class="other" cx="{cx}" cy="{cy}" r="4"/>', "hollow: names the network, not met"))
    y = _row(drawing, signs, y, wide)
    said = list(picture.notes)
    if any(node.is_elsewhere for node in picture.nodes):
        said.append("↑ what is in the chain is shown above")
    if any(base.policy == "drop" for lane in picture.lanes for hook in lane.hooks for base in hook.bases):
        said.append("drop: what no rule decides is dropped; in other base chains it is accepted")
    if any(base.drops for lane in picture.lanes for hook in lane.hooks for base in hook.bases):
        said.append("drop, filled: there packets of the network end")
    for note in said:
        drawing.add(text("meta", _MARGIN, y + 12, f"{note}."))
        y += _LEGEND_LINE - 3
    drawing.height = y - top
    return drawing


def _row(drawing: Drawing, entries: Iterable[tuple[str, str]], y: float, wide: float) -> float:
    """Signs with their meanings beside each other; gives where the next row may stand."""
    x: float = _MARGIN
    placed = False
    for sign, meaning in entries:
        needed = 20 + width(one_line(meaning), 12.5) + 18
        if placed and x + needed > wide - _MARGIN:
            x, y = _MARGIN, y + _LEGEND_LINE
        drawing.add(sign.format(x=f"{x:g}", y=f"{y + 1:g}", cx=f"{x + 7:g}", cy=f"{y + 8:g}"))
        drawing.add(text("legend", x + 21, y + 12.5, meaning))
        x += needed
        placed = True
    return y + _LEGEND_LINE if placed else y


def _sentences(picture: Picture) -> Iterator[str]:
    """The picture in words."""
    yield f"{picture.subtitle}."
    for lane in picture.lanes:
        for hook in lane.hooks:
            for base in hook.bases:
                chains = sum(node.chains for node in base.node.all) - 1
                leads = f", leading to {chains:,} chain{'' if chains == 1 else 's'}" if chains else ""
                yield (
                    f"{lane.name} {hook.name}: {base.table} {base.node.name} of {base.node.owner.name}, priority"
                    f" {base.priority}, policy {base.policy}{leads}."
                )


_LIGHT, _DARK = "#ffffff", "#12161c"


def _style(of_owners: list[str]) -> str:
    """How everything looks, on light and on dark screens."""
    light = [_of_owner(number, colour, _LIGHT, 0.11, colour) for number, colour in enumerate(of_owners)]
    dark = [
        _of_owner(number, mixed(colour, "#ffffff", 0.6), _DARK, 0.2, mixed(colour, "#ffffff", 0.55))
        for number, colour in enumerate(of_owners)
    ]
    return "\n".join(
        [
            "<style>",
            _BASE_STYLE.replace("SANS", _SANS).replace("MONO", _MONO),
            *light,
            "@media (prefers-color-scheme: dark) {",
            _DARK_STYLE,
            *dark,
            "}",
            "</style>",
        ]
    )


def _of_owner(number: int, colour: str, page: str, share: float, line: str) -> str:
    tint, edge = mixed(colour, page, share), mixed(colour, page, 0.45)
    return (
        f".o{number} .chip {{ fill: {tint}; stroke: {edge}; }} .o{number} .chip.met {{ stroke: {line}; }}"
        f" .o{number}s {{ stroke: {line}; }} .o{number}b {{ fill: {mixed(colour, page, 0.85)}; }}"
    )


_BASE_STYLE = """\
text { font-family: SANS; fill: #1b2430; font-size: 12.5px; }
.page { fill: #ffffff; }
.title { font-size: 19px; font-weight: 650; }
.lane { font-size: 14px; font-weight: 600; fill: #4b5768; }
.hook { font-size: 14.5px; font-weight: 650; fill: #2a3546; }
.base, .chain, .rule, .rule.met { font-family: MONO; }
.base { font-size: 13px; font-weight: 700; }
.chain { font-size: 12px; }
.rule { font-size: 11.5px; fill: #7a8494; }
.rule.met { fill: #1b2430; }
.meta, .more, .count { font-size: 11.5px; fill: #66717f; }
.more { font-style: italic; }
.count { text-anchor: end; }
.legend { fill: #3d4857; }
.panel { fill: #f4f6f9; stroke: #dde3ea; }
.panel.away { fill: #fafbfc; stroke: #e8ecf1; stroke-dasharray: 4 4; }
.card { fill: #ffffff; stroke: #d5dce5; }
.card.met { stroke: #8794a8; stroke-width: 1.4; }
.chip { stroke-width: 1; }
.chip.met { stroke-width: 1.6; }
path { fill: none; }
.stripe { stroke-width: 4; stroke-linecap: round; }
.branch { stroke: #b9c3cf; stroke-width: 1.2; }
.way { stroke: #a3afbd; stroke-width: 1.8; }
.way.met { stroke: #2f3b4c; stroke-width: 2.8; }
.tip { fill: #a3afbd; }
.tip.met { fill: #2f3b4c; }
.host { fill: #ffffff; stroke: #c4cdd8; stroke-dasharray: 3 3; }
.programs, text.drop { text-anchor: middle; }
.programs { fill: #66717f; font-size: 12px; }
rect.drop { fill: #fde8e6; stroke: #e2a29c; }
text.drop { fill: #a3261b; font-size: 11.5px; font-weight: 600; }
rect.drop.met { fill: #c0392b; stroke: #c0392b; }
text.drop.met { fill: #ffffff; }
circle { fill: #ffffff; stroke-width: 1.6; }
.accepts { stroke: #2f8f4e; } .accepts.met { fill: #2f8f4e; }
.refuses { stroke: #c0392b; } .refuses.met { fill: #c0392b; }
.translates { stroke: #7c3aed; } .translates.met { fill: #7c3aed; }
.other { stroke: #8a94a3; } .other.met { fill: #8a94a3; }
.dim { opacity: 0.5; }"""
_DARK_STYLE = """\
text, .rule.met { fill: #e3e8ee; }
.page { fill: #12161c; }
.lane, .legend { fill: #b7c1cd; }
.hook { fill: #dbe2ea; }
.rule { fill: #8d98a6; }
.meta, .more, .count, .programs { fill: #98a4b3; }
.panel { fill: #1a2028; stroke: #2c3642; }
.panel.away { fill: #151a21; stroke: #262e38; }
.card { fill: #12161c; stroke: #36414e; }
.card.met { stroke: #75839a; }
.branch { stroke: #4a5665; }
.way, .host { stroke: #5f6d7e; }
.way.met { stroke: #d5dde7; }
.tip { fill: #5f6d7e; }
.tip.met { fill: #d5dde7; }
.host, circle { fill: #12161c; }
rect.drop { fill: #4a1d19; stroke: #8f3d34; }
text.drop { fill: #ffb4ab; }
rect.drop.met { fill: #d8574a; stroke: #d8574a; }
text.drop.met { fill: #ffffff; }"""
