"""Problems of definitions, in writing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fwplan.network.problems import Problem, Severity
from fwplan.preview.comment import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

SHAPE = 1
"""Version of the JSON; it grows when a field changes its meaning or goes."""


def problem_line(file: str, problem: Problem) -> str:
    """`FILE:LINE: <element>: what is wrong; what to do`, as compilers and linters write it."""
    place = file if problem.line is None else f"{file}:{problem.line}"
    kind = "" if problem.severity is Severity.ERROR else "warning: "
    return one_line(f"{place}: {kind}{problem}")


def problems_json(found: Iterable[tuple[str, Problem]]) -> str:
    """The problems of several files as JSON."""
    document = {"fwplan": SHAPE, "problems": [_document(file, problem) for file, problem in found]}
    return f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"


def _document(file: str, problem: Problem) -> dict[str, Any]:
    return {
        "file": file,
        "line": problem.line,
        "severity": problem.severity.value,
        "path": problem.path,
        "element": problem.element,
        "message": problem.message,
        "advice": problem.advice,
    }
