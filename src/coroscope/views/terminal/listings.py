"""What the summary only samples, as tables: the tasks, the stalls, the coroutines; the longest first."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from coroscope.analysis import coroutine_statistics, task_shares
from coroscope.trace.model import Frame, Outcome, Stall, Task, Trace
from coroscope.views.terminal.glyphs import QUIET, TROUBLE
from coroscope.views.terminal.held import print_held
from coroscope.views.terminal.places import file_and_line, own_name, whole_place
from coroscope.views.terminal.sheet import Sheet
from coroscope.views.terminal.tables import Column, Row, print_table

_TASKS = (
    Column("name", is_text=True),
    Column("coroutine", is_text=True),
    Column("outcome", is_text=True),
    Column("lifetime"),
    Column("running"),
    Column("ready"),
    Column("waiting"),
)
_STALLS = (
    Column("stalled"),
    Column("at"),
    Column("task", is_text=True),
    Column("where", is_text=True, keep_end=True),
)
_COROUTINES = (
    Column("coroutine", is_text=True),
    Column("tasks"),
    Column("running"),
    Column("ready"),
    Column("waiting"),
    Column("p50"),
    Column("p90"),
    Column("p99"),
    Column("max"),
    Column("defined at", is_text=True, keep_end=True),
)
_OUTCOME_STYLES: dict[Outcome, str] = {"raised": TROUBLE, "cancelled": TROUBLE, "pending": QUIET}


def print_tasks(trace: Trace, console: Console, *, rows: int) -> None:
    """Print the `rows` tasks that lived longest; a task that has not ended lives as long as the recording."""
    sheet = Sheet(console)
    tasks = sorted(trace.tasks.values(), key=lambda task: task.created_ns - _ended_ns(task, trace))
    if not tasks:
        sheet.paragraph("No tasks were recorded.")
        return
    shown = [_task_row(sheet, task, trace) for task in tasks[:rows]]
    print_table(sheet, _TASKS, shown, left_out=len(tasks) - len(shown))


def print_stalls(trace: Trace, console: Console, *, slow_ms: float, rows: int) -> None:
    """Print the `rows` longest steps of more than `slow_ms` milliseconds."""
    sheet = Sheet(console)
    stalls = sorted(trace.stalls(slow_ms), key=lambda stall: -stall.duration_ns)
    if not stalls:
        sheet.paragraph(f"No stalls: no step held its loop for more than {sheet.time(slow_ms * 1e6)}.")
        print_held(sheet, trace, slow_ms)
        return
    shown = [_stall_row(sheet, stall, trace) for stall in stalls[:rows]]
    print_table(sheet, _STALLS, shown, left_out=len(stalls) - len(shown))
    print_held(sheet, trace, slow_ms)


def print_coroutines(trace: Trace, console: Console, *, rows: int) -> None:
    """Print of the `rows` coroutines whose tasks lived longest, taken together, how their tasks spent their time."""
    sheet = Sheet(console)
    statistics = coroutine_statistics(trace)
    if not statistics:
        sheet.paragraph("No tasks were recorded.")
        return
    shown: list[Row] = []
    for alike in statistics[:rows]:
        defined = "" if alike.file is None else file_and_line(Frame("", alike.file, alike.line, is_user=True))
        times_ns = (
            alike.shares.running_ns,
            alike.shares.ready_ns,
            alike.shares.waiting_ns,
            *(alike.lifetime_ns(percent) for percent in (50, 90, 99, 100)),
        )
        name = own_name(sheet, alike.coroutine)
        shown.append([name, f"{alike.count}", *map(sheet.time, times_ns), sheet.inert(defined)])
    sheet.paragraph(
        "Running, ready, waiting: of all its tasks together. p50 to max: lifetimes; half are no longer than p50.",
        QUIET,
    )
    print_table(sheet, _COROUTINES, shown, left_out=len(statistics) - len(shown))


def _task_row(sheet: Sheet, task: Task, trace: Trace) -> Row:
    shares = task_shares(task)
    times_ns = (
        _ended_ns(task, trace) - task.created_ns,
        shares.running_ns,
        shares.ready_ns,
        shares.waiting_ns,
    )
    outcome = Text(task.outcome, _OUTCOME_STYLES.get(task.outcome, ""))
    return [sheet.inert(task.name), own_name(sheet, task.coroutine), outcome, *map(sheet.time, times_ns)]


def _stall_row(sheet: Sheet, stall: Stall, trace: Trace) -> Row:
    task = trace.tasks.get(stall.task)
    name = "" if task is None else sheet.inert(task.name)
    if stall.place is not None:
        where = whole_place(sheet, stall.place)
    elif task is not None:
        where = f"line not recorded, in {own_name(sheet, task.coroutine)}"
    else:
        where = "line not recorded"
    if stall.is_collecting:
        where = f"garbage collection, {where}"
    return [Text(sheet.time(stall.duration_ns), TROUBLE), sheet.time(stall.start_ns), name, where]


def _ended_ns(task: Task, trace: Trace) -> int:
    return trace.duration_ns if task.ended_ns is None else task.ended_ns
