"""The timeline: a row a task over a common axis of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

from coroscope.analysis import Concurrency
from coroscope.trace.model import Outcome, State, Task, Trace
from coroscope.views.terminal.axis import marks
from coroscope.views.terminal.bars import Cell, Scale, bar
from coroscope.views.terminal.glyphs import QUIET, STATE_STYLES, TROUBLE
from coroscope.views.terminal.rows import FoldedRow, Row, TaskRow, plan_rows
from coroscope.views.terminal.sheet import INDENT, Sheet

_GAP = 2
_DURATION_WIDTH = 9
_ALIVE = "tasks alive"
_END_STYLES: dict[Outcome, str] = {"raised": TROUBLE, "cancelled": TROUBLE, "pending": QUIET}
_END_WORDS: dict[Outcome, str] = {
    "raised": "raised",
    "cancelled": "was cancelled",
    "pending": "had not ended",
}


class Timeline:
    """Draws the chosen rows of one trace; `troubled` holds the ids of tasks that must not be folded away."""

    def __init__(self, sheet: Sheet, trace: Trace, alive: Concurrency, troubled: set[int]) -> None:
        self._sheet = sheet
        self._alive = alive
        self._rows = plan_rows(trace, troubled)
        self._label_width = self._choose_label_width()
        # Where there is hardly room for the bars, they matter more than the numbers beside them.
        self._duration_width = _DURATION_WIDTH if sheet.width >= 48 else 0
        taken = INDENT + self._label_width + _GAP + self._duration_width
        self._scale = Scale(max(sheet.width - taken, 4), trace.duration_ns)
        self._duration_ns = trace.duration_ns
        self._seen_woke = False
        self._seen_ends: set[Outcome] = set()

    def draw(self) -> None:
        """Write the whole timeline, and what its signs mean."""
        self._draw_axis()
        if self._alive.max:
            self._draw_alive()
        for row in self._rows:
            if isinstance(row, TaskRow):
                self._draw_task(row.task)
            else:
                self._draw_folded(row)
        self._draw_key()

    def _choose_label_width(self) -> int:
        labels = [_ALIVE, *(self._label(row) for row in self._rows)]
        return min(max(map(cell_len, labels)), max(self._sheet.width * 3 // 10, 8))

    def _label(self, row: Row) -> str:
        if isinstance(row, TaskRow):
            return f"{self._coroutine(row.task.coroutine)} {self._sheet.inert(row.task.name)}"
        what = "of other kinds" if row.coroutine is None else self._coroutine(row.coroutine)
        return f"{self._sheet.glyphs.ellipsis} {len(row.tasks)} more {what}"

    def _coroutine(self, qualified: str) -> str:
        # Where a local function was defined tells less than its own name, and fills the row.
        return self._sheet.inert(qualified.rpartition("<locals>.")[2])

    def _row_label(self, row: Row) -> Text:
        """The label in its column; where it is too long, the name that tells tasks apart is kept."""
        width = self._label_width
        label = self._label(row)
        if not isinstance(row, TaskRow) or cell_len(label) <= width:
            return self._column(self._sheet.cut(label, width))
        name = self._sheet.inert(row.task.name)
        room = width - cell_len(name) - 1
        if room < 4:
            return self._column(self._sheet.cut(name, width))
        return self._column(f"{self._sheet.cut(self._coroutine(row.task.coroutine), room)} {name}")

    def _column(self, label: str) -> Text:
        text = Text(label)
        text.append(" " * (self._label_width + _GAP - cell_len(label)))
        return text

    def _draw_axis(self) -> None:
        width, glyphs = self._scale.width, self._sheet.glyphs
        labels, line = "", [glyphs.axis] * width
        for cell, label in marks(self._scale):
            label = self._sheet.plain(label)
            line[cell] = glyphs.axis_mark
            # The last label may reach over the numbers' column, but not over the line's end.
            if cell + len(label) <= width + self._duration_width:
                labels = labels.ljust(cell) + label
        self._sheet.line(self._column("") + Text(labels, QUIET))
        self._sheet.line(self._column("") + Text("".join(line), QUIET))

    def _draw_alive(self) -> None:
        levels, largest = self._sheet.glyphs.levels, self._alive.max
        signs = []
        for cell in range(self._scale.width):
            start_ns, end_ns = self._scale.start_of(cell), self._scale.start_of(cell + 1)
            count = self._alive.peak_between(start_ns, end_ns)
            # Rounded up: a single task among many must not look like none.
            signs.append(levels[-(-count * len(levels) // largest) - 1] if count else " ")
        self._write(self._column(_ALIVE), Text("".join(signs)), f"max {largest}")

    def _draw_task(self, task: Task) -> None:
        cells = bar(task, self._scale)
        drawn = Text()
        for cell, run in groupby(cells):
            sign, style = self._sign(cell)
            drawn.append(sign * len(list(run)), style)
        drawn = self._with_end(drawn, cells, task)
        ended_ns = self._duration_ns if task.ended_ns is None else task.ended_ns
        self._write(self._row_label(TaskRow(task)), drawn, self._sheet.time(ended_ns - task.created_ns))

    def _sign(self, cell: Cell | None) -> tuple[str, str]:
        if cell is None:
            return " ", ""
        self._seen_woke |= cell.woke
        if cell.woke:
            return self._sheet.glyphs.woke, STATE_STYLES[State.RUNNING]
        return self._sheet.glyphs.states[cell.state], STATE_STYLES[cell.state]

    def _with_end(self, drawn: Text, cells: Sequence[Cell | None], task: Task) -> Text:
        """Put the sign for an end that was not a plain return over the task's last cell."""
        alive = [number for number, cell in enumerate(cells) if cell is not None]
        if task.outcome == "returned" or not alive:
            return drawn
        self._seen_ends.add(task.outcome)
        sign = Text(self._sheet.glyphs.ends[task.outcome], _END_STYLES[task.outcome])
        return drawn[: alive[-1]] + sign + drawn[alive[-1] + 1 :]

    def _draw_folded(self, row: FoldedRow) -> None:
        lives_ns = [
            (self._duration_ns if task.ended_ns is None else task.ended_ns) - task.created_ns
            for task in row.tasks
        ]
        shortest, longest = self._sheet.time(min(lives_ns)), self._sheet.time(max(lives_ns))
        lived = f"{longest} each" if shortest == longest else f"{shortest} to {longest} each"
        text = self._row_label(row) + Text(self._sheet.cut(lived, self._scale.width))
        text.stylize(QUIET)
        self._sheet.line(text)

    def _write(self, label: Text, drawn: Text, number: str) -> None:
        if self._duration_width:
            drawn = drawn + Text(number.rjust(self._duration_width), QUIET)
        self._sheet.line(label + drawn)

    def _draw_key(self) -> None:
        """Explain the signs that occurred; those of the states stand in the table of shares."""
        glyphs = self._sheet.glyphs
        entries = [f"{glyphs.woke} waiting, and ran in between"] if self._seen_woke else []
        entries += [f"{glyphs.ends[end]} {_END_WORDS[end]}" for end in _END_WORDS if end in self._seen_ends]
        for line in _filled(entries, self._sheet.width - INDENT):
            self._sheet.line(Text(line, QUIET))


def _filled(entries: Iterable[str], width: int) -> list[str]:
    """Put the entries side by side, on as few lines as `width` allows."""
    lines: list[str] = []
    for entry in entries:
        if lines and len(lines[-1]) + 3 + len(entry) <= width:
            lines[-1] += "   " + entry
        else:
            lines.append(entry)
    return lines
