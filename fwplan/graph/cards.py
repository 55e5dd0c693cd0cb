"""Base chains as cards: their names and policies, the tree of chains that each leads to, and rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from fwplan.graph.measure import broken, fitting, fixed_width, shortened, width
from fwplan.graph.words import base_meta, counted, policy_words
from fwplan.preview.comment import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fwplan.graph.picture import Base, Node, Outcome, ShownRule

PAD = 12
"""Between a card's edge and what is in it."""
_NAME, _META, _RULE = 13, 11.5, 11.5
"""Sizes of text."""
_NAME_LINE, _META_LINE, _ROW, _RULE_LINE = 19, 18, 25, 16
"""Heights of lines."""
_CHIP, _GAP = 21, 4
_STEP = 16
"""How far a chain stands to the right of the one that leads to it."""
_RULE_INDENT = 16
_MOST_LINES = 4
_WIDEST_RULE = 52
"""Characters that a column is made wide for."""
SIGNS: Mapping[Outcome, str] = {
    "accepts": "accepts",
    "refuses": "refuses",
    "translates": "translates",
    "leads": "other",
    "returns": "other",
    "other": "other",
}


@dataclass
class Drawing:
    """Elements of a picture, and how far down they reach."""

    elements: list[str] = field(default_factory=list)
    height: float = 0

    def add(self, element: str) -> None:
        """One more element."""
        self.elements.append(element)


def text(looks: str, x: float, y: float, content: str, more: str = "") -> str:
    """A text, whatever is in it."""
    return f'<text class="{looks}" x="{x:g}" y="{y:g}"{more}>{escape(one_line(content), quote=False)}</text>'


def rectangle(looks: str, x: float, y: float, wide: float, high: float, radius: float, more: str = "") -> str:
    """A rectangle."""
    return f'<rect class="{looks}" x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="{radius:g}"{more}/>'


def tip(content: str) -> str:
    """What a browser shows of an element that is pointed at."""
    return f"<title>{escape(one_line(content), quote=False)}</title>"


def wanted_width(base: Base) -> float:
    """Pixels that a card would like to have."""
    pill = _pill_width(base) + 6 if base.policy == "drop" else 0
    found = max(fixed_width(one_line(base.node.name), _NAME) + pill, width(" · ".join(base_meta(base)), _META))
    return max([found, *_wanted(base.node, 0)]) + 2 * PAD + 6


def _wanted(node: Node, depth: int) -> Iterator[float]:
    for rule in node.shown:
        characters = min(len(one_line(rule.text)), _WIDEST_RULE)
        yield depth * _STEP + _RULE_INDENT + characters * _RULE * 0.605
    for child in node.children:
        yield (depth + 1) * _STEP + fixed_width(one_line(child.name), _NAME - 1) + 64
        yield from _wanted(child, depth + 1)


def _pill_width(base: Base) -> float:
    return width(policy_words(base), _META) + 16


def card(base: Base, x: float, y: float, wide: float, marks: Mapping[str, int], *, dims: bool) -> Drawing:
    """A base chain.

    Args:
        base: the chain.
        x: its left edge.
        y: its upper edge.
        wide: its width.
        marks: the number by which each owner's colour is known.
        dims: whether what the network in question does not meet stands back.
    """
    node = base.node
    drawing = Drawing()
    inner, right = x + PAD + 4, x + wide - PAD
    room = right - inner
    if base.policy == "drop":
        wide_pill = min(_pill_width(base), room / 2)
        room -= wide_pill + 6
        pill = shortened(policy_words(base), int((wide_pill - 12) / (_META * 0.53)))
        looks = "drop met" if base.drops else "drop"
        drawing.add(rectangle(looks, right - wide_pill, y + 8, wide_pill, 18, 9))
        drawing.add(text(looks, right - wide_pill / 2, y + 21, pill))
    drawing.add(text("base", inner, y + 22, shortened(one_line(node.name), fitting(room, _NAME))))
    fits = int((right - inner) / (_META * 0.52))
    meta = base_meta(base)
    at = y + 22
    for line in [" · ".join(meta)] if len(" · ".join(meta)) <= fits else meta:
        at += _META_LINE
        drawing.add(text("meta", inner, at, shortened(line, fits)))
    at += 8
    at = _rules(drawing, node, inner, at, right)
    at = _tree(drawing, node, inner, at, right, marks)
    drawing.height = at + 6 - y
    edge = f"card{' met' if node.is_met else ''}"
    frame = [
        rectangle(edge, x, y, wide, drawing.height, 8),
        f'<path class="stripe o{marks[node.owner.name]}s" d="M{x + 5:g} {y + 9:g}V{y + drawing.height - 9:g}"/>',
    ]
    looks = ' class="dim"' if dims and not node.is_met else ""
    told = f"{base.table} {node.name}: {node.owner.name} ({node.owner.because}); policy {base.policy}"
    told += f", set by {base.policy_owner.name}" if base.policy == "drop" else ""
    drawing.elements = [f"<g{looks}>", tip(told), *frame, *(each for each in drawing.elements if each), "</g>"]
    return drawing


def _tree(drawing: Drawing, node: Node, x: float, at: float, right: float, marks: Mapping[str, int]) -> float:
    """The chains that a chain leads to, below each other; gives where the next thing may stand."""
    stem = x + 5
    joints = []
    for child in node.children:
        joints.append(at + _CHIP / 2)
        at = _chain(drawing, child, x + _STEP, at, right, marks)
    if joints:
        branches = "".join(f"M{stem:g} {joint - 5:g}q0 5 5 5H{x + _STEP:g}" for joint in joints)
        drawing.add(f'<path class="branch" d="M{stem:g} {joints[0] - _CHIP / 2 - 3:g}V{joints[-1] - 5:g}{branches}"/>')
    return at


def _chain(drawing: Drawing, node: Node, x: float, at: float, right: float, marks: Mapping[str, int]) -> float:
    """A chain that is led to."""
    mark = marks[node.owner.name]
    aside = "↑" if node.is_elsewhere else f"{node.rules:,}" if node.chains == 1 else f"{node.chains:,} chains"
    name_room = right - x - 18 - width(aside, _META)
    drawing.add(f'<g class="o{mark}">')
    told = f"{node.name}: {node.owner.name} ({node.owner.because}), {counted(node.rules)}"
    drawing.add(tip(f"{told}; what is in it is shown above" if node.is_elsewhere else told))
    drawing.add(rectangle(f"chip{' met' if node.is_met else ''}", x, at, right - x, _CHIP, 5))
    name = shortened(one_line(node.name), fitting(name_room, _NAME - 1), from_start=node.chains > 1)
    drawing.add(text("chain", x + 8, at + 15, name))
    drawing.add(text("count", right - 8, at + 15, aside))
    drawing.add("</g>")
    at += _CHIP + _GAP
    at = _rules(drawing, node, x + 2, at + (2 if node.shown else 0), right)
    return _tree(drawing, node, x + 3, at, right, marks)


def _rules(drawing: Drawing, node: Node, x: float, at: float, right: float) -> float:
    """The rules that are written out."""
    if not node.shown:
        return at
    fits = fitting(right - x - _RULE_INDENT, _RULE)
    for rule in node.shown:
        at = _rule(drawing, rule, x, at, fits)
    more = node.rules - len(node.shown)
    if more:
        what = f"{more:,} more" if len(node.shown) else counted(more)
        drawing.add(text("more", x + _RULE_INDENT, at + 10, f"… {what}"))
        at += _RULE_LINE
    return at + 5


def _rule(drawing: Drawing, rule: ShownRule, x: float, at: float, fits: int) -> float:
    looks = f"{SIGNS[rule.does]}{' met' if rule.is_met else ''}"
    drawing.add("<g>")
    drawing.add(tip(f"{rule.text}: {rule.reason}" if rule.reason else rule.text))
    drawing.add(f'<circle class="{looks}" cx="{x + 6:g}" cy="{at + 6.5:g}" r="3.4"/>')
    for line in broken(one_line(rule.text), fits, _MOST_LINES):
        indent = (len(line) - len(line.lstrip(" "))) * _RULE * 0.605
        drawing.add(text("rule met" if rule.is_met else "rule", x + _RULE_INDENT + indent, at + 10.5, line.lstrip(" ")))
        at += _RULE_LINE
    drawing.add("</g>")
    return at
