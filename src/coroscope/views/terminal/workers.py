"""What every worker of several runs did, run by run over a common axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from coroscope.analysis.workers import DOINGS, Doing, Worker, worker_times, workers_of
from coroscope.trace.model import Run, Trace
from coroscope.views.terminal.axis import marks
from coroscope.views.terminal.bars import Scale
from coroscope.views.terminal.glyphs import DOING_STYLES, QUIET, STRONG
from coroscope.views.terminal.sheet import INDENT, Sheet

MOST_WORKERS = 8
_GAP = 2
_NUMBER_WIDTH = 9
_STEP = 2
"""So far the workers stand in from their run."""
_RUNNING = "running"
_WORDS: dict[Doing, str] = {
    "running": "running",
    "ready": "ready, but others had the processor",
    "waiting": "waiting",
    "starting": "starting",
    "serialising": "serialising",
    "lock": "waiting for the interpreter's lock",
}


@dataclass(frozen=True, slots=True)
class WorkerCell:
    """What a slice of a worker's time mostly went into; `woke` when it waited, yet also ran."""

    doing: Doing
    woke: bool


def print_workers(trace: Trace, console: Console, *, most: int = MOST_WORKERS) -> None:
    """Draw the runs of `trace` one below the other, a bar for each of their workers, and what the signs mean.

    Of more than `most` workers of a run the others are one line. Nothing is drawn of a trace without runs.
    """
    if trace.runs:
        _Picture(Sheet(console), trace, most).draw()


def worker_bar(worker: Worker, scale: Scale) -> list[WorkerCell | None]:
    """One cell a slice of time; `None` where the worker was not there."""
    spent_ns: list[dict[Doing, float]] = [{} for _ in range(scale.width)]
    cell_ns = scale.cell_ns
    for stretch in worker.stretches:
        _, _, start_ns, end_ns = stretch
        doing = stretch.doing
        for cell in range(scale.cell_at(start_ns), scale.cell_at(max(start_ns, end_ns - 1)) + 1):
            inside_ns = min(end_ns, (cell + 1) * cell_ns) - max(start_ns, cell * cell_ns)
            spent_ns[cell][doing] = spent_ns[cell].get(doing, 0.0) + max(inside_ns, 0.0)
    return [_cell(spent) for spent in spent_ns]


def _cell(spent_ns: dict[Doing, float]) -> WorkerCell | None:
    if not spent_ns:
        return None
    # Of equal shares the first wins, so that an instant of work is never drawn as idle.
    doing = max((one for one in DOINGS if one in spent_ns), key=lambda one: spent_ns[one])
    return WorkerCell(doing, woke=doing == "waiting" and _RUNNING in spent_ns)


class _Picture:
    def __init__(self, sheet: Sheet, trace: Trace, most: int) -> None:
        self._sheet = sheet
        self._most = most
        self._workers = [(run, workers_of(trace, run.number)) for run in trace.runs]
        self._label_width = self._choose_label_width()
        self._number_width = _NUMBER_WIDTH if sheet.width >= 48 else 0
        taken = INDENT + self._label_width + _GAP + self._number_width
        self._scale = Scale(max(sheet.width - taken, 4), trace.duration_ns)
        self._seen: set[Doing] = set()
        self._seen_woke = False

    def draw(self) -> None:
        self._draw_axis()
        for run, workers in self._workers:
            self._draw_run(run, workers)
        self._draw_key()

    def _choose_label_width(self) -> int:
        labels = [self._sheet.inert(worker.name) for _, workers in self._workers for worker in workers]
        widest = _STEP + max(map(cell_len, labels), default=0)
        return min(max(widest, 8), max(self._sheet.width * 3 // 10, 8))

    def _column(self, label: str) -> Text:
        text = Text(" " * _STEP + self._sheet.cut(label, self._label_width - _STEP, keep_end=True))
        text.append(" " * (self._label_width + _GAP - cell_len(text.plain)))
        return text

    def _draw_axis(self) -> None:
        width, glyphs = self._scale.width, self._sheet.glyphs
        labels, line = "", [glyphs.axis] * width
        for cell, label in marks(self._scale):
            label = self._sheet.plain(label)
            line[cell] = glyphs.axis_mark
            if cell + len(label) <= width:
                labels = labels.ljust(cell) + label
        head = _RUNNING.rjust(self._number_width) if self._number_width else ""
        self._sheet.line(self._column("") + Text(labels.ljust(width) + head, QUIET))
        self._sheet.line(self._column("") + Text("".join(line), QUIET))

    def _draw_run(self, run: Run, workers: Sequence[Worker]) -> None:
        took = f"  {self._sheet.time(run.end_ns - run.start_ns)}"
        name = self._sheet.cut(
            self._sheet.inert(self._sheet.plain(run.name)), self._sheet.width - INDENT - len(took)
        )
        self._sheet.line(Text.assemble((name, STRONG), (took, QUIET)))
        # A fold of a single worker would take as much room as the worker itself.
        shown = workers if len(workers) <= self._most + 1 else workers[: self._most]
        for worker in shown:
            self._draw_worker(run, worker)
        if len(shown) < len(workers):
            rest = workers[len(shown) :]
            label = f"{' ' * _STEP}{self._sheet.glyphs.ellipsis} {len(rest)} more workers"
            room = self._label_width + _GAP + self._scale.width
            self._write(Text(label.ljust(room), QUIET), self._share(run, rest))
        if not workers:
            self._sheet.line(Text(" " * _STEP + "nobody was recorded at work", QUIET))

    def _draw_worker(self, run: Run, worker: Worker) -> None:
        drawn = self._column(self._sheet.inert(worker.name))
        for cell, same in groupby(worker_bar(worker, self._scale)):
            sign, style = self._sign(cell)
            drawn.append(sign * len(list(same)), style)
        self._write(drawn, self._share(run, [worker]))

    def _sign(self, cell: WorkerCell | None) -> tuple[str, str]:
        if cell is None:
            return " ", ""
        if cell.woke:
            self._seen_woke = True
            return self._sheet.glyphs.woke, DOING_STYLES["running"]
        self._seen.add(cell.doing)
        return self._sheet.glyphs.doing(cell.doing), DOING_STYLES[cell.doing]

    def _share(self, run: Run, workers: Sequence[Worker]) -> str:
        """How much of the run's time they were running, on average."""
        whole_ns = (run.end_ns - run.start_ns) * len(workers)
        percent = 100 * worker_times(workers)["running"] / whole_ns if whole_ns else 0.0
        return f"{'<1' if 0 < percent < 0.5 else f'{percent:.0f}'} %"

    def _write(self, drawn: Text, number: str) -> None:
        if self._number_width:
            drawn = drawn + Text(number.rjust(self._number_width), QUIET)
        self._sheet.line(drawn)

    def _draw_key(self) -> None:
        glyphs = self._sheet.glyphs
        entries = [
            Text.assemble((glyphs.doing(doing), DOING_STYLES[doing]), (f" {_WORDS[doing]}", QUIET))
            for doing in DOINGS
            if doing in self._seen
        ]
        if self._seen_woke:
            woke = (glyphs.woke, DOING_STYLES["running"])
            entries.append(Text.assemble(woke, (" mostly waiting, ran in between", QUIET)))
        line = Text()
        for entry in entries:
            if line and len(line) + 3 + len(entry) > self._sheet.width - INDENT:
                self._sheet.line(line)
                line = Text()
            line += Text("   ") + entry if line else entry
        self._sheet.line(line)
