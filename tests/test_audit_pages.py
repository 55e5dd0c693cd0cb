"""Each code of an audit has a page, and what the page shows is what the program says.

`FWPLAN_GOLDEN=write pytest` writes the examples anew.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from audit_examples import EXAMPLES
from audit_pages import FOLDER, page, shown

from fwplan.audit.finding import Code

if TYPE_CHECKING:
    from audit_examples import Example

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.code.value)
SECTIONS = ["How it comes about", "Example", "What to do"]


def test_there_is_a_page_for_each_code_and_no_other() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.md")) == sorted([*(code.value for code in Code), "README"])


@each_example
def test_a_page_has_the_title_the_level_and_all_sections(example: Example) -> None:
    text = page(example).read_text(encoding="utf-8")
    code = example.code
    assert text.startswith(f"# {code.value}: {code.title}\n\n*{code.level.value.capitalize()}")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert all(len(section.strip()) > 40 for section in re.split(r"^#.*$", text, flags=re.MULTILINE)[1:])
    other = {finding.level for finding in example.findings if finding.code is code} - {code.level}
    assert all(level.value in text.partition("##")[0] for level in other)


@each_example
def test_a_page_shows_what_the_program_says_of_the_example(example: Example) -> None:
    text = page(example).read_text(encoding="utf-8")
    block = re.compile(r"(?<=^## Example\n\n).*?^```$", re.DOTALL | re.MULTILINE)
    wanted = f"{example.what}\n\n```text\n{shown(example)}```"
    if os.environ.get("FWPLAN_GOLDEN") == "write":
        page(example).write_text(block.sub(lambda _: wanted, text, count=1), encoding="utf-8")
        return
    found = block.search(text)
    assert found is not None
    assert found[0] == wanted


def test_the_index_lists_each_code_with_its_level_and_title() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(FW\d+)\]\(\1\.md\) \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(code.value, code.level.value, code.title) for code in Code]


def test_codes_are_numbered_by_what_they_are_about() -> None:
    assert all(re.fullmatch(r"FW[1-4]\d\d", code.value) for code in Code)
    assert [code.value for code in Code] == sorted(code.value for code in Code)
