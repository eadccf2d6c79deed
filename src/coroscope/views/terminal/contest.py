"""Event loops beside one another: bars of their ratios, the figures, and their means.

The bars come first, so that what most want to know stands on the last screen.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from coroscope.bench.catalogue import WORKLOADS, is_own_way
from coroscope.bench.result import Mean, Result, Row, Standings
from coroscope.figures import times
from coroscope.trace.model import State
from coroscope.views import contest_words as words
from coroscope.views.contest_table import Cell, Line, Table, plan_table
from coroscope.views.terminal.glyphs import QUIET, STATE_STYLES, STRONG, TROUBLE
from coroscope.views.terminal.ratio_bars import RatioBars
from coroscope.views.terminal.sheet import INDENT, Sheet

OURS = STATE_STYLES[State.RUNNING]
THEIRS = STATE_STYLES[State.WAITING]
FASTER = STATE_STYLES[State.READY]
"""Of a loop that needs less than the reference."""

_SUB = 2
_LEAST_STEP = 4
_FIGURE = 8
_FIRST_COLUMN = 11
_SPREAD = 12
_MEAN_COLUMNS = (8, 9, 12, 19, 19)
_NUMBERS = 3
_GAP = 3
_FACTS = 9


def print_contest(result: Result, console: Console) -> None:
    """Tell what each loop needed, on each Python, and how that compares."""
    sheet = Sheet(console)
    for standings in result.standings:
        _print_title(sheet, result, standings)
        if standings.has_ratios:
            _Bars(sheet, standings).draw()
        if standings.is_measured:
            _print_table(sheet, standings)
        _print_means(sheet, standings)
        _print_gaps(sheet, standings)
    _print_method(sheet, result)


def _print_title(sheet: Sheet, result: Result, standings: Standings) -> None:
    interpreter = standings.interpreter
    title = Text.assemble((sheet.inert(interpreter.name), STRONG))
    if len(result.standings) > 1:
        title.append(f"  {sheet.cut(sheet.inert(interpreter.path), sheet.width // 2, keep_end=True)}", QUIET)
    sheet.blank()
    sheet.line(title)
    sheet.paragraph(sheet.inert(words.versions(result, standings)), QUIET)


def _print_heading(sheet: Sheet, text: str) -> None:
    sheet.blank()
    sheet.paragraph(text, STRONG)


class _Bars:
    """Each workload with a bar a loop, as long as its ratio."""

    def __init__(self, sheet: Sheet, standings: Standings) -> None:
        self._sheet = sheet
        self._standings = standings
        self._label = max(len(row.loop) for row in standings.rows if row.is_measured) + 2
        # Where there is hardly room for the bars, they matter more than the spread.
        self._spread = _SPREAD if sheet.width >= 64 else 0
        room = sheet.width - INDENT - _SUB - self._label - _FIGURE - self._spread
        self._bars = RatioBars(
            max(room, 8), words.longest_bar(standings), sheet.glyphs, sheet.glyphs.states[State.RUNNING]
        )

    def draw(self) -> None:
        _print_heading(self._sheet, f"How many times {self._standings.reference}'s time each loop needs")
        self._draw_axis()
        for workload in self._standings.workloads:
            if rows := self._standings.rows_of(workload):
                self._draw_workload(workload, rows)

    def _draw_axis(self) -> None:
        if self._bars.step < _LEAST_STEP:
            return
        for line in self._bars.axis():
            self._sheet.line(Text(" " * (_SUB + self._label) + self._sheet.plain(line), QUIET))

    def _draw_workload(self, workload: str, rows: Sequence[Row]) -> None:
        sheet = self._sheet
        name, unit = words.title(workload, rows), sheet.plain(words.unit(workload)) if self._spread else ""
        room = sheet.width - INDENT - len(name) - len(unit) - 4
        does = sheet.cut(WORKLOADS[workload].does, max(room, 8))
        line = Text.assemble((name, STRONG), (f"  {does}", QUIET))
        line.append(unit.rjust(sheet.width - INDENT - len(line)), QUIET)
        sheet.line(line)
        for row in rows:
            self._draw_row(row)

    def _draw_row(self, row: Row) -> None:
        ratio = self._standings.ratio(row)
        line = Text(" " * _SUB + row.loop.ljust(self._label))
        if ratio is not None:
            line.append(self._bars.bar(ratio), _style(row.loop, self._standings.reference, ratio))
            line.append(f" {self._sheet.plain(times(ratio))}")
        if self._spread:
            figures = self._sheet.plain(words.spread(row))
            line.append(figures.rjust(self._sheet.width - INDENT - len(line)), QUIET)
        self._sheet.line(line)


def _style(loop: str, reference: str, ratio: float) -> str:
    if loop == reference or is_own_way(loop):
        return OURS
    return FASTER if ratio < 1 else THEIRS


def _print_table(sheet: Sheet, standings: Standings) -> None:
    """As many loops side by side as there is room for; the others below."""
    table = plan_table(standings)
    room = sheet.width - INDENT - _FIRST_COLUMN
    label = min(max(len(_label(line)) for line in table.lines), max(room - 2 * _FIGURE, 8))
    count = max((room - label) // (2 * _FIGURE), 1)
    _print_heading(
        sheet, sheet.plain(f"Processor time of one operation in µs, and how many times {table.first}'s")
    )
    for start in range(0, max(len(table.others), 1), count):
        _print_portion(sheet, table, table.others[start : start + count], label)


def _print_portion(sheet: Sheet, table: Table, others: Sequence[str], label: int) -> None:
    header = " " * label + table.first.rjust(_FIRST_COLUMN)
    sheet.line(Text(header + "".join(loop.rjust(2 * _FIGURE) for loop in others), QUIET))
    for line in table.lines:
        text = Text.assemble((_cut_label(sheet, line, label).ljust(label), QUIET if line.is_sub else ""))
        text.append(_figure(line.cells.get(table.first)).rjust(_FIRST_COLUMN))
        for loop in others:
            cell = line.cells.get(loop)
            text.append(_figure(cell).rjust(_FIGURE))
            if cell is not None and cell.ratio is not None:
                style = FASTER if cell.is_better else STRONG
                text.append(sheet.plain(times(cell.ratio)).rjust(_FIGURE), style)
            else:
                text.append(" " * _FIGURE)
        sheet.line(text)


def _label(line: Line) -> str:
    return f"{' ' * _SUB}{line.label}" if line.is_sub else line.label


def _cut_label(sheet: Sheet, line: Line, width: int) -> str:
    # The ends tell sub-lines apart.
    return sheet.cut(_label(line), width, keep_end=line.is_sub)


def _figure(cell: Cell | None) -> str:
    return "" if cell is None else cell.figure


def _print_means(sheet: Sheet, standings: Standings) -> None:
    means = list(standings.means())
    if not means:
        return
    _print_heading(sheet, f"Over all workloads, how many times {standings.reference}'s time (geometric mean)")
    label = max(len(mean.loop) for mean in means)
    columns = ("mean", "median", "workloads", "lowest", "highest")
    lines = [_mean_figures(mean) for mean in means]
    widths = [
        max(least, *(len(line[number]) + _GAP for line in lines))
        for number, least in enumerate(_MEAN_COLUMNS)
    ]
    _print_columns(sheet, Text(" " * label), columns, widths, QUIET)
    for mean, figures in zip(means, lines, strict=True):
        _print_columns(sheet, Text(mean.loop.ljust(label)), figures, widths, "")


def _mean_figures(mean: Mean) -> tuple[str, ...]:
    return (
        times(mean.geometric),
        times(mean.median),
        str(len(mean.ratios)),
        f"{times(mean.ratios[mean.lowest])} {mean.lowest}",
        f"{times(mean.ratios[mean.highest])} {mean.highest}",
    )


def _print_columns(
    sheet: Sheet, line: Text, columns: Sequence[str], widths: Sequence[int], style: str
) -> None:
    """As many of the columns as there is room for."""
    for number, (text, width) in enumerate(zip(columns, widths, strict=True)):
        if INDENT + len(line) + width > sheet.width:
            break
        text = sheet.plain(text)
        padded = text.rjust(width) if number < _NUMBERS else f"{' ' * _GAP}{text}".ljust(width)
        line.append(padded, style or (STRONG if number == 0 else ""))
    sheet.line(line)


def _print_gaps(sheet: Sheet, standings: Standings) -> None:
    gaps = standings.gaps()
    if not gaps:
        return
    _print_heading(sheet, "Not measured")
    for gap in gaps:
        sheet.paragraph(sheet.inert(words.gap(gap)), QUIET)


def _print_method(sheet: Sheet, result: Result) -> None:
    sheet.blank()
    sheet.paragraph(
        sheet.inert(sheet.plain(str(result.machine))),
        label="machine",
        label_width=_FACTS,
    )
    sheet.paragraph(sheet.plain(words.method(result)), label="method", label_width=_FACTS)
    if not result.complete:
        sheet.paragraph("Broken off: the figures are of what had been measured by then.", TROUBLE)
