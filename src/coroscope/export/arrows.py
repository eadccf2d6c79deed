"""Which step of which task ended which wait of another: what both export formats draw as arrows.

An arrow leads from the waker's last step that had begun by the wakeup to the state that follows the wait. The step
may be over by then: a task also wakes through the callbacks of a future.

Rule: arrows are numbered from 1, in order of the woken tasks and of their waits.
Costs: O(log n) a wakeup; 8 bytes a wait of the tasks that were woken by a task, 24 a wakeup.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

from coroscope.trace.model import State, Task, Trace, Wait


class Arrows:
    """The wakeups of a trace from task to task, both of which the trace holds."""

    def __init__(self, trace: Trace) -> None:
        self._tasks = trace.tasks
        self._into: dict[int, array[int]] = {}
        self._out_of: dict[int, array[int]] = {}
        self.count = 0
        for task in trace.tasks.values():
            if any(wait.waker is not None for wait in task.waits):
                self._into[task.id] = array("q", map(self._draw, _ended_waits(task)))

    def _draw(self, wait: Wait | None) -> int:
        """The number of the arrow that ends at `wait`, 0 where there is none."""
        waker = None if wait is None or wait.waker is None else self._tasks.get(wait.waker)
        if wait is None or waker is None or wait.end_ns is None:
            return 0
        span = _step_at(waker, wait.end_ns)
        if span < 0:
            return 0
        self.count += 1
        self._out_of.setdefault(waker.id, array("q")).extend((span, self.count, wait.end_ns))
        return self.count

    def into(self, task: int) -> Sequence[int]:
        """The number of the arrow that ends each of the task's waiting spans, 0 for none; empty: none at all."""
        return self._into.get(task, ())

    def out_of(self, task: int) -> dict[int, list[tuple[int, int]]]:
        """By the number of the task's span: the arrows that leave it and the moments of their wakeups, in order."""
        leaving: dict[int, list[tuple[int, int]]] = {}
        flat = iter(self._out_of.get(task, ()))
        for span, number, woken_ns in zip(flat, flat, flat, strict=True):
            leaving.setdefault(span, []).append((number, woken_ns))
        for arrows in leaving.values():
            arrows.sort(key=lambda arrow: arrow[1])
        return leaving


def _ended_waits(task: Task) -> list[Wait | None]:
    """For each waiting span its wait, None where nothing follows it that an arrow could lead to."""
    waits: list[Wait | None] = list(task.waits[: task.states.count(State.WAITING)])
    if waits and task.states[-1] == State.WAITING:
        waits[-1] = None
    return waits


def _step_at(task: Task, time_ns: int) -> int:
    """The number of the last running span that had begun by `time_ns`; -1 where none had."""
    return task.states.rfind(State.RUNNING, 0, bisect_right(task.times_ns, time_ns))
