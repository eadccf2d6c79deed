"""A trace's tasks, spans and waits as columns, in order of creation.

Rule: no span and no wait is an object of its own in the page; each is a row of some columns.
Rule: what follows from another column is stored as the difference from it, which is nearly always 0:
a wait begins and ends with the waiting span of the same rank in its task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from operator import sub

from coroscope.trace.model import Sample, State, Task, ThreadSample, Trace, Wait
from coroscope.views.page.columns import Column, byte_column, number_column, zigzag
from coroscope.views.page.interning import Chains, Places, Strings

KINDS = ("task", "pollable", "generator", "callable", "thread", "process")
OUTCOMES = ("returned", "raised", "cancelled", "pending")
WAKERS = (None, "task", "timer", "io", "thread", "signal", "yield")
_OPEN_WAIT = 0x80
_NUMBERED_NAME = re.compile(r"(.*?)(0|[1-9][0-9]{0,8})", re.DOTALL)


def task_columns(trace: Trace, rows: dict[int, int], strings: Strings, places: Places) -> Iterator[Column]:
    """What is known of each task; `rows` maps a task's id to its row. Ids and rows are stored plus one."""
    tasks = list(trace.tasks.values())
    names = [_split_name(task.name) for task in tasks]
    yield number_column("task.id", _deltas(task.id for task in tasks))
    yield number_column("task.name", (strings.number(prefix) for prefix, _ in names))
    yield number_column("task.nameNumber", (number for _, number in names))
    yield number_column("task.coroutine", (strings.number(task.coroutine) for task in tasks))
    yield number_column("task.file", (strings.number(task.file) for task in tasks))
    yield number_column("task.line", (task.line or 0 for task in tasks))
    yield number_column("task.kind", (KINDS.index(task.kind) for task in tasks))
    yield number_column("task.process", (task.process for task in tasks))
    yield number_column("task.thread", (task.thread for task in tasks))
    yield number_column("task.loop", (task.loop for task in tasks))
    yield number_column("task.parent", (_row(rows, task.parent) for task in tasks))
    yield number_column("task.isMain", (task.is_main for task in tasks))
    yield number_column("task.outcome", (OUTCOMES.index(task.outcome) for task in tasks))
    yield number_column("task.exception", (strings.number(task.exception) for task in tasks))
    yield number_column("task.steps", (task.steps for task in tasks))
    yield number_column("task.createdAt", (places.number(task.created_at) for task in tasks))
    yield number_column("task.created", _deltas(task.created_ns for task in tasks))
    yield number_column("task.spans", (len(task.states) for task in tasks))
    yield number_column("task.waits", (len(task.waits) for task in tasks))


def span_columns(trace: Trace) -> Iterator[Column]:
    """Each task's states and their lengths; a start is the sum of the lengths before it."""
    tasks = trace.tasks.values()
    firsts = (zigzag(task.times_ns[0] - task.created_ns) if task.times_ns else 0 for task in tasks)
    yield number_column("task.first", firsts)
    yield byte_column("span.state", b"".join(bytes(task.states) for task in tasks))
    yield number_column("span.length", chain.from_iterable(_lengths(task) for task in tasks))


def wait_columns(trace: Trace, rows: dict[int, int], strings: Strings, chains: Chains) -> Iterator[Column]:
    """Each task's waits; starts and ends as differences from the waiting spans they belong to."""
    tasks = list(trace.tasks.values())
    waits = [wait for task in tasks for wait in task.waits]
    edges = list(chain.from_iterable(_edges(task) for task in tasks))
    yield number_column("wait.start", (zigzag(start) for start, _ in edges))
    yield number_column("wait.end", (zigzag(end) for _, end in edges))
    yield number_column("wait.on", (strings.number(wait.on) for wait in waits))
    yield number_column("wait.chain", (chains.number(wait.chain) for wait in waits))
    yield number_column("wait.wokenBy", (_woken_by(wait) for wait in waits))
    yield number_column("wait.waker", (_row(rows, wait.waker) for wait in waits))


def sample_columns(trace: Trace, rows: dict[int, int], chains: Chains) -> Iterator[Column]:
    """What was on the stack inside long steps, and while threads computed, in order of time."""
    samples: list[Sample | ThreadSample] = [*trace.samples]
    computing = [sample for sample in trace.thread_samples if sample.on is None]
    if computing:
        samples = sorted([*samples, *computing], key=lambda sample: sample.time_ns)
    yield number_column("sample.task", (_row(rows, sample.task) for sample in samples))
    yield number_column("sample.time", _deltas(sample.time_ns for sample in samples))
    yield number_column("sample.chain", (chains.number(sample.chain) for sample in samples))


def _row(rows: dict[int, int], task: int | None) -> int:
    """A task's row plus one; 0 for none, and for a task that the trace does not hold."""
    return 0 if task is None else rows.get(task, -1) + 1


def _split_name(name: str) -> tuple[str, int]:
    """`Task-12` as ("Task-", 13), so that a million default names share one string; 0 is "no number"."""
    match = _NUMBERED_NAME.fullmatch(name)
    return (match[1], int(match[2]) + 1) if match else (name, 0)


def _deltas(values: Iterable[int]) -> Iterator[int]:
    for before, value in pairwise(chain((0,), values)):
        yield zigzag(value - before)


def _lengths(task: Task) -> Iterator[int]:
    times = task.times_ns
    if times:
        yield from map(sub, times[1:], times)
        yield task.end_ns - times[-1]


def _edges(task: Task) -> list[tuple[int, int]]:
    """For each wait, how far its start and end are from those of its waiting span."""
    states, times, last = task.states, task.times_ns, len(task.states) - 1
    own_end_ns = task.end_ns if states else task.created_ns  # as the page adds it up from the lengths
    edges = []
    span = -1
    for wait in task.waits:
        span = states.find(State.WAITING, span + 1) if span < len(states) else -1
        if span < 0:  # more waits than waiting spans: counted from the task's own edges
            span = len(states)
        start_ns = times[span] if span <= last else 0
        end_ns = times[span + 1] if span < last else own_end_ns
        edges.append((wait.start_ns - start_ns, 0 if wait.end_ns is None else wait.end_ns - end_ns))
    return edges


def _woken_by(wait: Wait) -> int:
    return WAKERS.index(wait.woken_by) | (_OPEN_WAIT if wait.end_ns is None else 0)
