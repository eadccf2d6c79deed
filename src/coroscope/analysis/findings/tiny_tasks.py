"""`tiny-tasks`: tasks that do so little that making them costs more than what they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.siblings import Siblings, siblings
from coroscope.trace.model import Trace, Wait


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
            saving_ns=overhead_ns,
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
        return int(passed_ns) + _collecting_ns(parent.waits if parent is not None else [], last_ns)


def _collecting_ns(waits: Sequence[Wait], last_ns: int) -> int:
    """From the end of the last task to the wakeup of a parent that waited for all: every task's end is told to it."""
    for wait in reversed(waits):
        if wait.start_ns < last_ns:
            return max(0, wait.end_ns - last_ns) if wait.end_ns is not None and wait.woken_by == "task" else 0
    return 0
