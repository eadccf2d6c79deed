"""When a loop ran no task although one was ready: what is no task had it, such as a callback that blocks.

Callbacks are not recorded. That they hold a loop shows all the same: the tasks that were ready had to wait. Whether it
was a callback, or a thread with the interpreter's lock, or the machine, the trace does not tell.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from coroscope.trace.model import Span, State, Task, Trace


@dataclass(frozen=True, slots=True)
class Held:
    """A stretch between two steps of a loop, for all of which a task of it was ready."""

    loop: int
    start_ns: int
    end_ns: int

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


def held(trace: Trace, longer_than_ns: float) -> list[Held]:
    """The stretches longer than so much, in order of time. O(spans log steps)."""
    by_loop: dict[int, list[Task]] = {}
    for task in trace.loop_tasks.values():
        by_loop.setdefault(task.loop, []).append(task)
    found: set[tuple[int, int, int]] = set()
    for loop, tasks in by_loop.items():
        gaps = _gaps(tasks, longer_than_ns)
        for task in tasks if gaps else ():
            for span in task.iter_spans():
                if span.state is State.READY and span.end_ns - span.start_ns > longer_than_ns:
                    found.update((start_ns, end_ns, loop) for start_ns, end_ns in _common(gaps, span))
    return _one_by_one(one for one in found if one[1] - one[0] > longer_than_ns)


def _gaps(tasks: list[Task], longer_than_ns: float) -> list[tuple[int, int]]:
    """What lies between two steps of a loop while it ran: before the first and behind the last it may not have run."""
    steps = sorted(step for task in tasks for step in task.iter_steps())
    main = [(task.created_ns, task.end_ns) for task in tasks if task.is_root]
    return [
        (end_ns, start_ns)
        for (_, end_ns), (start_ns, _) in pairwise(steps)
        if start_ns - end_ns > longer_than_ns
        and (not main or any(since_ns <= end_ns and start_ns <= until_ns for since_ns, until_ns in main))
    ]


def _common(gaps: list[tuple[int, int]], span: Span) -> Iterator[tuple[int, int]]:
    """The parts of the gaps that lie within the span."""
    for index in range(max(bisect_right(gaps, (span.start_ns,)) - 1, 0), len(gaps)):
        start_ns, end_ns = gaps[index]
        if start_ns >= span.end_ns:
            return
        yield max(start_ns, span.start_ns), min(end_ns, span.end_ns)


def _one_by_one(found: Iterable[tuple[int, int, int]]) -> list[Held]:
    """Each once, as long as the longest that was seen of it."""
    longest: dict[tuple[int, int], Held] = {}
    for start_ns, end_ns, loop in sorted(found):
        longest.setdefault((loop, end_ns), Held(loop, start_ns, end_ns))
    return sorted(longest.values(), key=lambda one: one.start_ns)
