"""A comparison in the terminal: the bars of every worker, the figures, and what to take.

The recommendation comes last, so that it stands on the last screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from rich.console import Console
from rich.text import Text

from coroscope.comparison.result import Comparison, Row
from coroscope.trace import side_by_side
from coroscope.views import comparison_words as words
from coroscope.views.terminal.glyphs import QUIET, STRONG
from coroscope.views.terminal.sheet import Sheet
from coroscope.views.terminal.tables import Column, print_table
from coroscope.views.terminal.workers import print_workers


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Tell what each way did and needed, and which one to take."""
    sheet = Sheet(console)
    sheet.blank()
    sheet.line(Text(sheet.inert(words.title(comparison)), STRONG))
    sheet.paragraph(sheet.inert(str(comparison.machine)), QUIET)
    runs = [(row.way.label, row.trace) for row in comparison.measured if row.trace is not None]
    if runs:
        sheet.heading("What each worker did, in a run that was recorded")
        print_workers(side_by_side(runs), console)
        _explain(sheet, words.BARS_MEAN)
    if comparison.measured:
        sheet.heading("What it took, in the runs that were measured")
        _print_figures(sheet, comparison, words.TOOK, partial(words.took, comparison))
        _explain(sheet, words.TOOK_MEANS)
        sheet.heading("What went on in it")
        _print_figures(sheet, comparison, words.WENT_ON, words.went_on)
        _explain(sheet, words.WENT_ON_MEANS)
    sheet.blank()
    if comparison.measured:
        _explain(sheet, words.method(comparison))
    for note in words.notes(comparison):
        sheet.paragraph(sheet.plain(sheet.inert(note)), QUIET)
    sheet.blank()
    sheet.paragraph(sheet.plain(sheet.inert(words.recommendation(comparison))), STRONG)


def _explain(sheet: Sheet, sentences: str) -> None:
    sheet.paragraph(sheet.plain(sentences), QUIET)


def _print_figures(
    sheet: Sheet, comparison: Comparison, titles: Sequence[str], cells: Callable[[Row], list[str]]
) -> None:
    recommended = comparison.recommendation
    columns = [
        Column(title, is_text=number == 0, is_whole=number == 0) for number, title in enumerate(titles)
    ]

    def line(row: Row) -> list[str | Text]:
        is_best = recommended is not None and row.way == recommended.way
        return [Text(sheet.plain(sheet.inert(cell)), STRONG if is_best else "") for cell in cells(row)]

    print_table(sheet, columns, [line(row) for row in comparison.measured])
