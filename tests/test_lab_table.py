"""Tables of a terminal: as wide as there is room for, and nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fwplan.lab.table import Row, Table
from fwplan.preview.layout import Piece, plain


def table(columns: int, *rows: str) -> Table:
    cells = tuple((Piece("yes"),) for _ in range(columns))
    return Table("from", tuple(f"column{number}" for number in range(columns)), tuple(Row(row, cells) for row in rows))


def test_a_table_that_fits_is_written_as_one() -> None:
    assert plain(table(2, "one", "two").lines(80)) == (
        "from   column0   column1\n"
        "one    yes       yes\n"
        "two    yes       yes\n"
    )  # fmt: skip


def test_gaps_are_smaller_before_it_is_broken() -> None:
    assert plain(table(2, "one").lines(23)) == "from  column0  column1\none   yes      yes\n"


def test_one_that_is_too_wide_is_broken_and_labels_come_again() -> None:
    assert plain(table(3, "one").lines(23)) == (
        "from  column0  column1\n"
        "one   yes      yes\n"
        "\n"
        "from   column2\n"
        "one    yes\n"
    )  # fmt: skip


words = st.text("abcdefgh", min_size=1, max_size=30)


@given(st.lists(words, min_size=1, max_size=8, unique=True), words, st.integers(1, 120))
def test_no_column_is_lost_and_lines_are_as_wide_as_may_be(columns: list[str], label: str, width: int) -> None:
    cells = tuple((Piece(name.upper()),) for name in columns)
    lines = plain(Table("", tuple(columns), (Row(label, cells),)).lines(width)).splitlines()
    found = [word for line in lines for word in line.split()]
    assert [word for word in found if word.isupper()] == [name.upper() for name in columns]
    widest = max(len(label) + 2 + len(name) for name in columns)
    assert all(len(line) <= max(width, widest) for line in lines)
