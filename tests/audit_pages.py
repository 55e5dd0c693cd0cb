"""The pages of findings in the documentation, and what they show of their examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_examples import ROOT

from fwplan.audit.report import findings_text
from fwplan.preview.layout import plain

if TYPE_CHECKING:
    from pathlib import Path

    from audit_examples import Example

FOLDER = ROOT / "docs/findings"


def page(example: Example) -> Path:
    """The page of the code that an example leads to."""
    return FOLDER / f"{example.code.value}.md"


def shown(example: Example) -> str:
    """What `fwplan audit` prints of that code, in 80 columns."""
    findings = [finding for finding in example.findings if finding.code is example.code]
    return plain(findings_text(findings, 80)).rstrip("\n") + "\n"
