"""A picture for Graphviz. Source: the DOT language, https://graphviz.org/doc/info/lang.html."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from fwplan.graph.colours import colours, mixed
from fwplan.graph.words import WAYS, base_lines, hooks_of, node_lines
from fwplan.preview.comment import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fwplan.graph.picture import Node, Picture

_T = TypeVar("_T")
_HEAD = """\
  graph [rankdir=LR, ordering=out, nodesep=0.12, ranksep=0.5, fontname="Helvetica", fontsize=16, labelloc=t];
  node [shape=box, style="rounded,filled", fontname="Courier", fontsize=11, margin="0.12,0.06"];
  edge [color="#8a94a3", arrowsize=0.7, fontname="Helvetica", fontsize=10];"""


_BOLD = 'fontname="Helvetica-Bold", fontsize=14'


def dot(picture: Picture) -> str:
    """A picture as a directed graph."""
    return "".join(f"{line}\n" for line in _lines(picture))


def quoted(text: str) -> str:
    """A text as a string of DOT, whatever is in it."""
    return '"' + one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _label(lines: list[str]) -> str:
    """Several lines: the first in the middle if it is alone, all at the left otherwise."""
    end = "\\l" if len(lines) > 1 else ""
    return '"' + "".join(quoted(line)[1:-1] + end for line in lines) + '"'


def _lines(picture: Picture) -> Iterator[str]:
    colour_of = colours(picture.owners)
    names: dict[tuple[str, str], str] = {}
    yield "digraph ruleset {"
    yield _HEAD
    yield f"  label={quoted(picture.title)};"
    for number, (name, lane, hook) in enumerate(hooks_of(picture)):
        names[lane.name, hook.name] = f"hook{number}"
        yield f"  subgraph cluster{number} {{"
        yield '    label=""; style="rounded,filled"; color="#dde3ea"; fillcolor="#f4f6f9";'
        yield f'    hook{number} [label={quoted(name)}, shape=plaintext, style="", {_BOLD}];'
        for place, base in _upwards(hook.bases):
            own = f"chain{number}_{place}"
            yield f"    {own} [label={_label(base_lines(base))}, {_looks(base.node, colour_of, bold=True)}];"
            yield f"    hook{number} -> {own} [style=dashed, label={quoted(str(base.priority))}];"
            yield from _tree(base.node, own, colour_of)
        yield "  }"
    for (lane_name, hook_name), begin in names.items():
        for first, second in WAYS:
            end = names.get((lane_name, second))
            if first == hook_name and end is not None:
                yield f'  {begin} -> {end} [penwidth=2, color="#2f3b4c"];'
    yield from _legend(picture, colour_of)
    yield "}"


def _upwards(several: Sequence[_T]) -> list[tuple[int, _T]]:
    """Several, each with its number: where a graph is drawn from left to right, the first edge is the lowest."""
    return list(reversed(list(enumerate(several))))


def _tree(node: Node, own: str, colour_of: Mapping[str, str]) -> Iterator[str]:
    for place, child in _upwards(node.children):
        name = f"{own}_{place}"
        lines = [one_line(child.name), "as above"] if child.is_elsewhere else node_lines(child)
        yield f"    {name} [label={_label(lines)}, {_looks(child, colour_of)}];"
        yield f"    {own} -> {name};"
        yield from _tree(child, name, colour_of)


def _looks(node: Node, colour_of: Mapping[str, str], *, bold: bool = False) -> str:
    colour = colour_of.get(node.owner.name, "#8a94a3")
    pen = 2.5 if node.is_met else 1.5 if bold else 1
    return (
        f'color="{colour}", fillcolor="{mixed(colour, "#ffffff", 0.12)}", penwidth={pen:g},'
        f" tooltip={quoted(f'{node.owner.name}: {node.owner.because}')}"
    )


def _legend(picture: Picture, colour_of: Mapping[str, str]) -> Iterator[str]:
    yield '  subgraph clusterlegend { label="whose"; color="#dde3ea"; style=rounded;'
    for number, owner in enumerate(picture.owners):
        colour = colour_of[owner]
        looks = f'color="{colour}", fillcolor="{mixed(colour, "#ffffff", 0.12)}", fontname="Helvetica"'
        yield f"    owner{number} [label={quoted(owner)}, {looks}];"
    yield "  }"
