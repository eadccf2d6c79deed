"""Tables give way to a narrow console: texts first, then the gaps, then the last columns."""

import io

import pytest
from rich.console import Console

from coroscope.views.terminal.sheet import Sheet
from coroscope.views.terminal.tables import Column, print_table

COLUMNS = (Column("name", is_text=True), Column("first"), Column("last"))
ROW = ["abcdefghijklmnopqrst", "1234567", "7654321"]


def table(width: int, columns: tuple[Column, ...] = COLUMNS) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_table(Sheet(console), columns, [ROW])
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (80, "  abcdefghijklmnopqrst  1234567  7654321"),
        (40, "  abcdefghijklmnopqrst  1234567  7654321"),
        (39, "  abcdefghijklmnopqr…  1234567  7654321"),
        (32, "  abcdefghijk…  1234567  7654321"),
        (31, "  abcdefghijkl… 1234567 7654321"),
        (30, "  abcdefghijk… 1234567 7654321"),
        (29, "  abcdefghijklmnopq…  1234567"),
    ],
)
def test_what_does_not_fit_gives_way_in_order(width: int, row: str) -> None:
    assert table(width)[1] == row


def test_numbers_stand_below_the_end_of_their_title_and_texts_below_its_beginning() -> None:
    assert table(80)[0] == "  name                    first     last"


def test_a_text_that_says_most_at_its_end_is_cut_at_its_beginning() -> None:
    columns = (Column("file", is_text=True, keep_end=True), *COLUMNS[1:])
    assert table(32, columns)[1] == "  …jklmnopqrst  1234567  7654321"
