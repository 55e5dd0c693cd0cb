"""What the documentation shows is what the program does."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from rehearsal_cases import namespaces_are_permitted

from fwplan.cli.program import program

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parent.parent
_PAGES = [_ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(
    (_ROOT / "docs").glob("*.md")
)
_COMMANDS = program.list_commands(click.Context(program))


def _examples() -> Iterator[tuple[str, str, str]]:
    """(page, command, what the page shows of it) of each `console` block."""
    for page in _PAGES:
        for block in re.findall(r"^```console\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, shown = example.partition("\n")
                yield page.name, command, shown


@pytest.mark.parametrize(("page", "command", "shown"), list(_examples()))
def test_a_command_prints_what_its_example_shows(page: str, command: str, shown: str) -> None:
    if command.startswith("fwplan rehearse") and not namespaces_are_permitted():
        pytest.skip("needs user and network namespaces")
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "COLUMNS": "80", "PATH": f"{scripts}:{os.environ['PATH']}"}
    assert shlex.split(command)[0] == "fwplan", page
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.stdout == shown


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        linked = page.parent / file if file else page
        assert linked.exists(), f"{page.name} links to {target}"
        if heading:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {found.lower().replace(" ", "-") for found in headings}


@pytest.mark.parametrize("name", _COMMANDS)
def test_each_command_has_a_page_that_names_all_its_options(name: str) -> None:
    page = (_ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    command = program.get_command(click.Context(program), name)
    assert command is not None
    assert page.startswith(f"# fwplan {name}\n")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for option in parameter.opts:
                assert f"`{option}" in page or f" {option}" in page, f"docs/{name}.md does not tell of {option}"


def test_the_readme_leads_to_each_page() -> None:
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"docs/([a-z-]+)\.md", readme))
    of_a_page = {"schema"}
    assert linked | of_a_page == {page.stem for page in (_ROOT / "docs").glob("*.md")}


def test_the_python_of_the_api_page_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(_ROOT)
    names: dict[str, object] = {}
    for block in re.findall(
        r"^```python\n(.*?)^```$", (_ROOT / "docs/api.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        exec(block, names)  # noqa: S102 - the page is ours
    printed = capsys.readouterr().out
    assert "network default · nat, managed, bridge virbr0" in printed
    assert "because" in printed


def test_every_pages_fence_is_closed() -> None:
    for page in _PAGES:
        assert page.read_text(encoding="utf-8").count("```") % 2 == 0, page.name
