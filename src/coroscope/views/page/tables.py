"""A trace's tasks and spans as columns, in order of creation; their waits are in wait_table.py.

Rule: no span and no wait is an object of its own in the page; each is a row of some columns.
Rule: what follows from another column is stored as the difference from it, which is nearly always 0.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from operator import sub

from coroscope.trace.model import PhaseKind, Sample, ThreadSample, Trace
from coroscope.views.page.columns import Column, byte_column, deltas, number_column, zigzag
from coroscope.views.page.interning import Chains, Places, Strings
from coroscope.views.page.row_numbers import RowNumbers

KINDS = ("task", "pollable", "generator", "callable", "thread", "process")
OUTCOMES = ("returned", "raised", "cancelled", "pending")
PHASES: tuple[PhaseKind, ...] = ("starting", "serialising", "lock")
_MOST_DIGITS = 9
_KIND_NUMBERS, _OUTCOME_NUMBERS, _PHASE_NUMBERS = (
    {value: number for number, value in enumerate(values)} for values in (KINDS, OUTCOMES, PHASES)
)


def task_columns(trace: Trace, rows: RowNumbers, strings: Strings, places: Places) -> Iterator[Column]:
    """What is known of each task; `rows` maps a task's id to its row. Ids and rows are stored plus one."""
    tasks = list(trace.tasks.values())
    prefixes, numbers = array("Q"), array("Q")
    for task in tasks:
        prefix, number = _split_name(task.name)
        prefixes.append(strings.number(prefix))
        numbers.append(number)
    yield number_column("task.id", deltas([task.id for task in tasks]))
    yield number_column("task.name", prefixes)
    yield number_column("task.nameNumber", numbers)
    del prefixes, numbers
    yield number_column("task.coroutine", [strings.number(task.coroutine) for task in tasks])
    yield number_column("task.file", [strings.number(task.file) for task in tasks])
    yield number_column("task.line", [task.line or 0 for task in tasks])
    yield number_column("task.kind", [_KIND_NUMBERS[task.kind] for task in tasks])
    yield number_column("task.process", [task.process for task in tasks])
    yield number_column("task.thread", [task.thread for task in tasks])
    yield number_column("task.loop", [task.loop for task in tasks])
    yield number_column("task.run", [task.run for task in tasks])
    yield number_column("task.parent", [rows.plus_one(task.parent) for task in tasks])
    yield number_column("task.isMain", [task.is_main for task in tasks])
    yield number_column("task.outcome", [_OUTCOME_NUMBERS[task.outcome] for task in tasks])
    yield number_column("task.exception", [strings.number(task.exception) for task in tasks])
    yield number_column("task.steps", [task.steps for task in tasks])
    yield number_column("task.createdAt", [places.number(task.created_at) for task in tasks])
    yield number_column("task.created", deltas([task.created_ns for task in tasks]))
    yield number_column("task.spans", [len(task.states) for task in tasks])
    yield number_column("task.waits", [len(task.waits) for task in tasks])


def span_columns(trace: Trace) -> Iterator[Column]:
    """Each task's states and their lengths; a start is the sum of the lengths before it."""
    tasks = trace.tasks.values()
    firsts = [zigzag(task.times_ns[0] - task.created_ns) if task.times_ns else 0 for task in tasks]
    yield number_column("task.first", firsts)
    yield byte_column("span.state", b"".join([task.states for task in tasks]))
    lengths = array("Q")
    for task in tasks:
        times_ns = task.times_ns.tolist()
        if times_ns:
            lengths.extend(map(sub, times_ns[1:], times_ns))
            lengths.append(task.end_ns - times_ns[-1])
    yield number_column("span.length", lengths)


def phase_columns(trace: Trace) -> Iterator[Column]:
    """What stretches of the tasks' time went into, task by task; sizes plus one, 0 where they are not known."""
    tasks = trace.tasks.values()
    phases = [phase for task in tasks for phase in task.phases]
    yield number_column("task.phases", [len(task.phases) for task in tasks])
    yield number_column("phase.kind", [_PHASE_NUMBERS[phase.kind] for phase in phases])
    yield number_column("phase.start", deltas([phase.start_ns for phase in phases]))
    yield number_column("phase.length", [phase.end_ns - phase.start_ns for phase in phases])
    sizes = (0 if phase.size_bytes is None else phase.size_bytes + 1 for phase in phases)
    yield number_column("phase.size", sizes)


def sample_columns(trace: Trace, rows: RowNumbers, chains: Chains) -> Iterator[Column]:
    """What was on the stack inside long steps, and while threads computed, in order of time."""
    samples: list[Sample | ThreadSample] = [*trace.samples]
    computing = [sample for sample in trace.thread_samples if sample.on is None]
    if computing:
        samples = sorted([*samples, *computing], key=lambda sample: sample.time_ns)
    yield number_column("sample.task", (rows.plus_one(sample.task) for sample in samples))
    yield number_column("sample.time", deltas(sample.time_ns for sample in samples))
    yield number_column("sample.chain", (chains.number(sample.chain) for sample in samples))


def _split_name(name: str) -> tuple[str, int]:
    """`Task-12` as ("Task-", 13), so that a million default names share one string; 0 is "no number"."""
    prefix = name.rstrip("0123456789")
    digits = name[len(prefix) :]
    # As many digits as a column's number has room for, and none that would not come back.
    if not digits or len(digits) > _MOST_DIGITS or (digits[0] == "0" and len(digits) > 1):
        return name, 0
    return prefix, int(digits) + 1
