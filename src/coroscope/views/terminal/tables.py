"""Tables: numbers as wide as they are, texts cut to the room that is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from coroscope.views.terminal.glyphs import QUIET
from coroscope.views.terminal.sheet import INDENT, Sheet

_WIDE_GAP, _NARROW_GAP = 2, 1
_LEAST_TEXT = 12


@dataclass(frozen=True, slots=True)
class Column:
    """One column; of its texts, unlike its numbers, a part can be left out."""

    title: str
    is_text: bool = False
    keep_end: bool = False
    """Of a text that is too long, the end is shown."""
    is_whole: bool = False
    """The text is shortened last of all, where not even one column would fit."""


Row = Sequence[str | Text]
"""A cell a column, of text that is inert."""


def print_table(sheet: Sheet, columns: Sequence[Column], rows: Sequence[Row], *, left_out: int = 0) -> None:
    """Print as many of the columns as there is room for, from the first on, and how many rows were `left_out`."""
    widths = [
        max(cell_len(column.title), *(cell_len(_plain(row[number])) for row in rows))
        for number, column in enumerate(columns)
    ]
    shown, gap = _fitting(columns, widths, sheet.width - INDENT)
    widths = _shrunk(columns[:shown], widths[:shown], sheet.width - INDENT - gap * (shown - 1))
    sheet.line(_line(sheet, columns, [Text(column.title, QUIET) for column in columns], widths, gap))
    for row in rows:
        sheet.line(_line(sheet, columns, row, widths, gap))
    if left_out:
        sheet.line(Text(f"{sheet.glyphs.ellipsis} {left_out} more: --rows prints more of them", QUIET))


def _plain(cell: str | Text) -> str:
    return cell if isinstance(cell, str) else cell.plain


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> tuple[int, int]:
    """How many columns there is room for, and how far apart: rather close together than left out."""
    least = [
        min(width, _LEAST_TEXT) if column.is_text and not column.is_whole else width
        for column, width in zip(columns, widths, strict=True)
    ]
    for shown in range(len(columns), 1, -1):
        for gap in (_WIDE_GAP, _NARROW_GAP):
            if sum(least[:shown]) + gap * (shown - 1) <= room:
                return shown, gap
    return 1, _NARROW_GAP


def _shrunk(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The widths with the widest text made smaller, cell by cell, until all of them fit."""
    widths = list(widths)
    texts = [number for number, column in enumerate(columns) if column.is_text]
    while texts and sum(widths) > room:
        widest = max(texts, key=lambda number: widths[number])
        if widths[widest] <= 1:
            break
        widths[widest] -= 1
    return widths


def _line(sheet: Sheet, columns: Sequence[Column], cells: Row, widths: Sequence[int], gap: int) -> Text:
    line = Text()
    for number, (column, cell, width) in enumerate(zip(columns, cells, widths, strict=False)):
        text = sheet.cut(_plain(cell), width, keep_end=column.keep_end)
        padding = " " * (width - cell_len(text))
        line.append(" " * gap if number else "")
        style = "" if isinstance(cell, str) else cell.style
        line.append(text + padding if column.is_text else padding + text, style)
    return line
