"""Many files are read by two processes: what comes of it is the same, whatever is wrong with some of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fwplan.cli import reading
from fwplan.cli.definitions import read_definitions

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = 240


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Definitions, of which some in each half are broken, missing, or have the bridge of another."""
    found = []
    for number in range(NUMBER):
        file = tmp_path / f"net{number:03}.xml"
        bridge = number if number % 100 != 99 else number - 1
        file.write_text(f"<network>\n<name>net{number}</name>\n<bridge name='virbr{bridge}'/>\n</network>\n")
        found.append(str(file))
    for number in (7, NUMBER - 7):
        (tmp_path / f"net{number:03}.xml").write_text("<network>\n<name>a/b</name>\n</network>\n")
        (tmp_path / f"net{number + 1:03}.xml").unlink()
    return found


def test_what_two_processes_read_is_what_one_reads(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.active_count", lambda: 1)
    by_two = read_definitions(files)
    monkeypatch.setattr(reading, "_MANY", NUMBER + 1)
    assert by_two == read_definitions(files)
    assert len(by_two.networks) == NUMBER - 4
    assert [problem.line for _, problem in by_two.problems] == [2, 2, 3, 3]
    assert len(by_two.unreadable) == 2


def test_a_second_process_that_dies_loses_nothing(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.active_count", lambda: 1)
    monkeypatch.setattr(reading, "_without_document", lambda _: os._exit(3))
    assert len(read_definitions(files).networks) == NUMBER - 4
