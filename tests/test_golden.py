"""Whole previews of the examples, kept as files: what a change of fwplan does to them shows in a review.

`FWPLAN_GOLDEN=write` writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import fwplan
from fwplan.plan.plan import WAYS, Backend, Layout
from fwplan.preview.render import Format

_HERE = Path(__file__).parent
_EXAMPLES = sorted((_HERE.parent / "examples").glob("*.xml"))
_GOLDEN = _HERE / "golden"


def _cases() -> list[tuple[str, Backend, Layout, Format]]:
    return [
        (example.stem, backend, layout, format_)
        for example in _EXAMPLES
        for backend, layout in WAYS
        for format_ in Format
        if format_.backend in {None, backend}
    ]


def _name(example: str, backend: Backend, layout: Layout, format_: Format) -> str:
    way = backend.value if layout is Layout.LIBVIRT else layout.value
    return f"{example}.{way}.{format_.value}"


def _preview(example: str, backend: Backend, layout: Layout, format_: Format) -> str:
    network = fwplan.load(_HERE.parent / "examples" / f"{example}.xml")
    return fwplan.render(fwplan.make_plan([network], backend=backend, layout=layout), format_)


@pytest.mark.parametrize(("example", "backend", "layout", "format_"), _cases())
def test_a_preview_is_as_it_was(example: str, backend: Backend, layout: Layout, format_: Format) -> None:
    golden = _GOLDEN / _name(example, backend, layout, format_)
    actual = _preview(example, backend, layout, format_)
    if os.environ.get("FWPLAN_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(actual, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == actual


def test_no_golden_file_is_of_an_example_that_is_gone() -> None:
    assert {path.name for path in _GOLDEN.iterdir()} == {_name(*case) for case in _cases()}
