"""`tiny-tasks`: tasks that do so little that making them costs more than what they do."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.needs import Key
from coroscope.analysis.findings.savings import saving_ns
from coroscope.analysis.findings.siblings import Siblings, siblings
from coroscope.trace.model import Task, Trace, Wait


@dataclass(frozen=True)
class TinyTasks:
    """Siblings of one short step each, which a plain call would do as well."""

    name: ClassVar[str] = "tiny-tasks"
    fewest_tasks: int = 10_000
    """So many at least of one step each,"""
    longest_us: float = 30.0
    """whose median is under so many microseconds."""
    longest_gap_ms: float = 1.0
    """What passes from the end of one to the creation of the next counts as the cost of tasks up to this."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each line that creates such tasks."""
        places: dict[tuple[str, int | None], list[Siblings]] = {}
        for group in siblings(trace, 1):
            tiny = [task for task in group.tasks if task.steps == 1 and not task.waits]
            if 2 * len(tiny) > len(group.tasks):
                key = (group.created_at.file, group.created_at.line)
                places.setdefault(key, []).append(Siblings(group.created_at, tiny))
        for groups in places.values():
            steps = [step for group in groups for task in group.tasks for step in task.iter_steps()]
            if len(steps) < self.fewest_tasks:
                continue
            typical_ns = median(end_ns - start_ns for start_ns, end_ns in steps)
            if typical_ns <= self.longest_us * 1000:
                yield self._finding(trace, groups, len(steps), typical_ns)

    def _finding(self, trace: Trace, groups: list[Siblings], count: int, typical_ns: float) -> Finding:
        passed_ns = sum(self._passed_ns(group, trace) for group in groups)
        # The typical step, not each: what stops the machine for a while makes a step long that is not. Half of it, for
        # in so short a step about as much goes into telling who waits that the task has ended, and into recording that.
        overhead_ns = max(0, passed_ns - int(typical_ns * count / 2))
        first, last = groups[0].tasks[0], groups[-1].tasks[-1]
        return Finding(
            name=self.name,
            message=f"{count} tasks of one step each, typically of {typical_ns / 1000:.1f} µs, were created here: "
            f"{overhead_ns / count / 1000:.1f} µs went into each task itself.",
            advice="Call the function directly, or give each task many items: a task pays where it waits.",
            place=groups[0].created_at,
            task=first.parent,
            start_ns=first.created_ns,
            duration_ns=last.end_ns - first.created_ns,
            cost_ns=overhead_ns,
            saving_ns=saving_ns(
                trace, overhead_ns, gains=_gains(trace, groups, overhead_ns, int(self.longest_gap_ms * 1e6))
            ),
            occurrences=count,
        )

    def _passed_ns(self, group: Siblings, trace: Trace) -> int:
        """The time that they and their making took: all but other tasks' steps, and gaps in which none was alive."""
        parent = trace.tasks.get(group.tasks[0].parent or 0)
        first_ns, last_ns = group.tasks[0].created_ns, max(task.end_ns for task in group.tasks)
        own = {task.id for task in group.tasks}
        marks = [(task.created_ns, task.created_ns, task.end_ns) for task in group.tasks]
        for task in trace.tasks.values():
            if (
                task is not parent
                and task.id not in own
                and task.created_ns < last_ns
                and task.end_ns > first_ns
            ):
                marks += [
                    (start_ns, end_ns, 0) for start_ns, end_ns in task.iter_steps() if start_ns < last_ns
                ]
        passed_ns, until_ns, alive_ns = 0.0, first_ns, first_ns
        for start_ns, end_ns, ended_ns in sorted(marks):
            gap_ns = max(0, start_ns - until_ns)
            # While one of them is alive the loop is not idle; between two of them it may be.
            passed_ns += gap_ns if alive_ns > until_ns else min(gap_ns, self.longest_gap_ms * 1e6)
            until_ns, alive_ns = max(until_ns, end_ns), max(alive_ns, ended_ns)
        passed_ns += max(0, last_ns - until_ns)
        return int(passed_ns) + _collecting_ns(parent.waits if parent is not None else [], last_ns, own)


def _gains(trace: Trace, groups: list[Siblings], overhead_ns: int, longest_gap_ns: int) -> dict[Key, int]:
    """How much less the steps take that make the tasks, and the tasks' own: the overhead, by how long either took."""
    batches = [batch for group in groups for batch in _batches(trace, group, longest_gap_ns)]
    took_ns = sum(batch.making_ns + batch.running_ns for batch in batches)
    share = min(1.0, overhead_ns / max(1, took_ns))
    gains: dict[Key, int] = {}
    for batch in batches:
        gains[batch.maker] = gains.get(batch.maker, 0) + int(share * batch.making_ns)
        for number, task in enumerate(batch.tasks, 1):
            start_ns, _ = next(task.iter_steps())
            gains[task.id, start_ns] = int(share * batch.running_ns * number / len(batch.tasks))
    return gains


@dataclass(frozen=True)
class _Batch:
    """Tasks that one step creates, and that then run one after another."""

    maker: Key
    tasks: list[Task]
    making_ns: int
    running_ns: int


def _batches(trace: Trace, group: Siblings, longest_gap_ns: int) -> Iterator[_Batch]:
    parent = trace.tasks.get(group.tasks[0].parent or 0)
    steps = list(parent.iter_steps()) if parent is not None else []
    starts_ns = [start_ns for start_ns, _ in steps]
    maker_of = {task.id: bisect_right(starts_ns, task.created_ns) - 1 for task in group.tasks}
    wait_of = {wait.start_ns: wait for wait in parent.waits} if parent is not None else {}
    ended_ns, ended, wait = 0, None, None
    for maker, batch in groupby(group.tasks, lambda task: maker_of[task.id]):
        tasks = list(batch)
        begun_ns = tasks[0].created_ns
        # What passes between two of them is the cost of tasks, too.
        wait = wait_of.get(steps[maker - 1][1]) if maker > 0 else None
        if wait is not None and wait.waker == ended:
            begun_ns = min(ended_ns, begun_ns)
        elif ended is not None:
            begun_ns = max(min(ended_ns, begun_ns), begun_ns - longest_gap_ns)
        start_ns, end_ns = steps[maker] if maker >= 0 else (begun_ns, begun_ns)
        made_ns = max(begun_ns, end_ns)
        ended_ns, ended = max((task.end_ns, task.id) for task in tasks)
        running_ns = max(0, ended_ns - made_ns)
        yield _Batch((group.tasks[0].parent or 0, start_ns), tasks, made_ns - begun_ns, running_ns)
    wait = wait_of.get(steps[maker][1]) if maker >= 0 else None
    if (
        wait is not None and wait.waker == ended and maker + 1 < len(steps)
    ):  # Their ends were told to the parent.
        told_ns = max(0, (wait.end_ns or 0) - ended_ns)
        yield _Batch((group.tasks[0].parent or 0, steps[maker + 1][0]), [], told_ns, 0)


def _collecting_ns(waits: Sequence[Wait], last_ns: int, own: set[int]) -> int:
    """From the end of the last task to the wakeup of a parent that waited for all: every task's end is told to it.

    What a parent waits for that another task ends is none of theirs.
    """
    for wait in reversed(waits):
        if wait.start_ns < last_ns:
            is_told = wait.end_ns is not None and wait.woken_by == "task" and wait.waker in own
            return max(0, (wait.end_ns or 0) - last_ns) if is_told else 0
    return 0
