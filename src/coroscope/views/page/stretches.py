"""Where in a trace the steps of the same run are: stretches of them, each within one stay of one task in one state."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from coroscope.stepper.columns import CodeFacts, Columns
from coroscope.stepper.instructions import Instruction
from coroscope.trace.model import Frame, Task, Trace
from coroscope.views.page.columns import Column, deltas, number_column
from coroscope.views.page.interning import Places
from coroscope.views.page.row_numbers import RowNumbers


@dataclass(slots=True)
class Stretch:
    """Steps without a gap, in one task of the trace."""

    task: int
    time_ns: int
    """When they began, since the trace did."""
    first: int
    """The first step's number."""
    count: int

    @property
    def last(self) -> int:
        """The last step's number."""
        return self.first + self.count - 1


def tasks_of_runs(columns: Columns, trace: Trace) -> list[int]:
    """Of each run of steps the task of the trace, the thread where it was outside tasks, or 0: neither is known."""
    names = {thread.number: thread.name for thread in columns.threads}
    threads: dict[str, list[Task]] = {}
    for thread in trace.threads:
        if thread.process == 1:
            threads.setdefault(thread.name, []).append(thread)
    found = []
    for track, number, time_ns in zip(
        columns.run_tracks, columns.run_threads, columns.run_times, strict=True
    ):
        if track not in trace.tasks:
            alive = (one for one in threads.get(names[number], ()) if one.created_ns <= time_ns <= one.end_ns)
            track = next((one.id for one in alive), 0)
        found.append(track)
    return found


def stretches_of(columns: Columns, trace: Trace) -> list[Stretch]:
    """All of them that a task or thread of the trace is known for, in the order of the steps."""
    stretches: list[Stretch] = []
    ends = [*columns.run_steps[1:], len(columns.instructions)]
    last: tuple[int, int] | None = None
    for task, time_ns, first, end in zip(
        tasks_of_runs(columns, trace), columns.run_times, columns.run_steps, ends, strict=False
    ):
        place = (task, bisect_right(trace.tasks[task].times_ns, time_ns)) if task else None
        if place is None:
            pass
        elif place == last:
            stretches[-1].count += end - first
        else:
            stretches.append(Stretch(task, time_ns, first, end - first))
        last = place
    return stretches


def stretch_columns(
    stretches: list[Stretch], columns: Columns | None, rows: RowNumbers, places: Places
) -> Iterator[Column]:
    """Each a row of columns, with the line that it waited or ended at; rows are stored plus one."""
    handed_on = [] if columns is None else [_handed_on(each, columns) for each in stretches]
    ends = zip(stretches, handed_on, strict=True)
    lines = (_line_of(each.last - steps, columns) for each, steps in ends if columns is not None)
    yield number_column("stretch.handedOn", handed_on)
    yield number_column("stretch.place", map(places.number, lines))
    yield number_column("stretch.task", (rows.plus_one(each.task) for each in stretches))
    yield number_column("stretch.time", deltas(each.time_ns for each in stretches))
    yield number_column("stretch.first", deltas(each.first for each in stretches))
    yield number_column("stretch.count", (each.count for each in stretches))


def _handed_on(stretch: Stretch, columns: Columns) -> int:
    """How many of the last steps hand on what the innermost frame waits for, each to who awaits it."""
    step = stretch.last
    while step > stretch.first and all(
        _instruction_of(one, columns)[1].base == "YIELD_VALUE" for one in (step, step - 1)
    ):
        step -= 1
    return stretch.last - step


def _line_of(step: int, columns: Columns) -> Frame:
    code, instruction = _instruction_of(step, columns)
    return Frame(code.qualified_name, code.file, instruction.line, True)


def _instruction_of(step: int, columns: Columns) -> tuple[CodeFacts, Instruction]:
    number = columns.instructions[step]
    code = columns.codes[bisect_right(columns.codes, number, key=lambda each: each.first) - 1]
    return code, code.instructions[number - code.first]
