"""What else of the program was under way while one task waited."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from coroscope.trace.model import Task, Trace, Wait


class Activity:
    """When each task got on: it ran, was ready, or waited for a timer, a thread, input or output.

    A task that waits for another one's doing does not get on by itself, nor does one that only sleeps between the
    rounds of a loop that never ends.
    """

    def __init__(self, trace: Trace) -> None:
        self._tasks = trace.tasks
        stretches = sorted(
            stretch for task in trace.tasks.values() for stretch in _stretches(task, trace.duration_ns)
        )
        self._starts = [start_ns for start_ns, _, _ in stretches]
        self._stretches = stretches
        self._latest_ends = list(accumulate((end_ns for _, end_ns, _ in stretches), max))
        self._roots: dict[int, int] = {}

    def beside(self, task: Task, start_ns: int, end_ns: int) -> list[tuple[int, int, Task]]:
        """The stretches from `start_ns` to `end_ns` in which other tasks of the same origin got on."""
        found = []
        index = bisect_left(self._starts, end_ns) - 1
        while index >= 0 and self._latest_ends[index] > start_ns:
            since_ns, until_ns, number = self._stretches[index]
            if until_ns > start_ns and number != task.id and self._root(number) == self._root(task.id):
                found.append((max(since_ns, start_ns), min(until_ns, end_ns), self._tasks[number]))
            index -= 1
        return found

    def _root(self, number: int) -> int:
        """The main task that all began with; 0 for what connections that came in began, which only serves them."""
        chain = [number]
        while chain[-1] not in self._roots:
            task = self._tasks.get(chain[-1])
            if task is None or task.parent is None or task.parent in chain:
                self._roots[chain[-1]] = chain[-1] if task is not None and task.is_main else 0
            else:
                chain.append(task.parent)
        root = self._roots[chain[-1]]
        self._roots.update(dict.fromkeys(chain, root))
        return root


def _stretches(task: Task, duration_ns: int) -> list[tuple[int, int, int]]:
    """The stretches in which `task` got on, those that touch as one."""
    is_endless = task.outcome in ("cancelled", "pending")
    found: list[tuple[int, int, int]] = []
    since_ns = task.created_ns
    for wait in task.waits:
        if _gets_on(wait) and not (is_endless and _is_pause(wait)):
            continue
        if wait.start_ns > since_ns:
            found.append((since_ns, wait.start_ns, task.id))
        since_ns = duration_ns if wait.end_ns is None else wait.end_ns
    if task.end_ns > since_ns:
        found.append((since_ns, task.end_ns, task.id))
    return found


def _gets_on(wait: Wait) -> bool:
    return wait.end_ns is not None and wait.woken_by in ("timer", "io", "thread")


def _is_pause(wait: Wait) -> bool:
    return wait.woken_by == "timer" and len(wait.chain) == 2 and wait.chain[1].function == "sleep"
