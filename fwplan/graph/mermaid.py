"""A picture for Mermaid, as in Markdown. Source: https://mermaid.js.org/syntax/flowchart.html."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fwplan.graph.colours import colours, mixed
from fwplan.graph.words import WAYS, base_lines, hooks_of, node_lines
from fwplan.preview.comment import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fwplan.graph.picture import Node, Picture

_AS_THEY_ARE = frozenset(" ._-/:,=!@+*")
"""Of ASCII, besides letters and digits; any other character is written as its number."""


def mermaid(picture: Picture) -> str:
    """A picture as a flowchart."""
    return "".join(f"{line}\n" for line in _lines(picture))


def escaped(text: str) -> str:
    """A text within quotation marks, whatever is in it."""
    return "".join(
        character if character.isalnum() or character in _AS_THEY_ARE or ord(character) > 127 else f"#{ord(character)};"
        for character in one_line(text)
    )


def _lines(picture: Picture) -> Iterator[str]:
    owners = list(picture.owners)
    names: dict[tuple[str, str], str] = {}
    classes: dict[str, list[str]] = {}
    yield "---"
    yield f"title: {json.dumps(one_line(picture.title), ensure_ascii=False)}"
    yield "---"
    yield "flowchart LR"
    for number, (name, lane, hook) in enumerate(hooks_of(picture)):
        names[lane.name, hook.name] = f"hook{number}"
        yield f'  subgraph hook{number}["{escaped(name)}"]'
        if not hook.bases:
            yield f'    none{number}["no chain"]'
        for place, base in enumerate(hook.bases):
            own = f"chain{number}_{place}"
            yield f'    {own}["{_label(base_lines(base))}"]'
            _note(classes, base.node, own)
            yield from _tree(base.node, own, classes)
        yield "  end"
    for (lane_name, hook_name), begin in names.items():
        for first, second in WAYS:
            end = names.get((lane_name, second))
            if first == hook_name and end is not None:
                yield f"  {begin} ==> {end}"
    for number, (owner, colour) in enumerate(colours(owners).items()):
        yield f"  classDef owner{number} fill:{mixed(colour, '#ffffff', 0.12)},stroke:{colour},color:#1b2430"
        if owner in classes:
            yield f"  class {','.join(classes[owner])} owner{number}"
    if "" in classes:
        yield "  classDef met stroke-width:3px"
        yield f"  class {','.join(classes[''])} met"


def _tree(node: Node, own: str, classes: dict[str, list[str]]) -> Iterator[str]:
    for place, child in enumerate(node.children):
        name = f"{own}_{place}"
        lines = [one_line(child.name), "as above"] if child.is_elsewhere else node_lines(child)
        yield f'    {name}["{_label(lines)}"]'
        yield f"    {own} --> {name}"
        _note(classes, child, name)
        yield from _tree(child, name, classes)


def _note(classes: dict[str, list[str]], node: Node, name: str) -> None:
    """Remember whose a chain is, and under no name those that packets of the network in question meet."""
    classes.setdefault(node.owner.name, []).append(name)
    if node.is_met:
        classes.setdefault("", []).append(name)


def _label(lines: list[str]) -> str:
    return "<br/>".join(map(escaped, lines))
