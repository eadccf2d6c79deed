"""When a loop ran no task although one was ready: what is no task had it, such as a callback that blocks.

Callbacks are not recorded. That they hold a loop shows all the same: the tasks that were ready had to wait. Whether it
was a callback, or a thread with the interpreter's lock, or the machine, the trace does not tell.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coroscope.trace.model import Span, State, Task, Trace

_MOST_CELLS = 1 << 20
"""A byte each; where they would be more, what is shorter than two larger ones is not seen."""


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
    """The stretches longer than so much, in order of time. O(spans), in little memory."""
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
    first_ns = min((start_ns for task in tasks for start_ns, _ in task.iter_steps()), default=0)
    last_ns = max((end_ns for task in tasks for _, end_ns in task.iter_steps()), default=0)
    empty = _empty_parts(tasks, first_ns, last_ns, longer_than_ns)
    begins_ns, ends_ns = [first_ns] * len(empty), [last_ns] * len(empty)
    for task in tasks if empty else ():
        for start_ns, end_ns in task.iter_steps():
            behind = bisect_right(empty, start_ns)
            if behind < len(empty):
                begins_ns[behind] = max(begins_ns[behind], end_ns)
            if behind:
                ends_ns[behind - 1] = min(ends_ns[behind - 1], start_ns)
    main = [(task.created_ns, task.end_ns) for task in tasks if task.is_root]
    return [
        (start_ns, end_ns)
        for start_ns, end_ns in zip(begins_ns, ends_ns, strict=True)
        if end_ns - start_ns > longer_than_ns
        and (not main or any(since_ns <= start_ns and end_ns <= until_ns for since_ns, until_ns in main))
    ]


def _empty_parts(tasks: list[Task], first_ns: int, last_ns: int, longer_than_ns: float) -> list[int]:
    """A moment of each part without a step that may be so long: looked for in cells, of which it fills one at least."""
    cell_ns = max(int(longer_than_ns / 2), (last_ns - first_ns) // _MOST_CELLS, 1)
    is_used = bytearray((last_ns - first_ns) // cell_ns + 1)
    for task in tasks:
        for start_ns, end_ns in task.iter_steps():
            begin, end = (start_ns - first_ns) // cell_ns, (end_ns - first_ns) // cell_ns + 1
            is_used[begin:end] = b"\1" * (end - begin)
    found = []
    begin = is_used.find(0)
    while begin >= 0:
        found.append(first_ns + begin * cell_ns)
        used = is_used.find(1, begin)
        begin = is_used.find(0, used) if used >= 0 else -1
    return found


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
