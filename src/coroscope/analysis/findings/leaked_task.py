"""Tasks that are still pending when the main task of their loop has ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.names import short_name
from coroscope.trace.model import Frame, Task, Trace


@dataclass(frozen=True)
class LeakedTask:
    """Finds tasks that the program started and then neither awaited nor cancelled.

    What a leaked task itself has started is left out: it is that one's to end. So is everything where the main task did
    not return, but failed or was interrupted.
    """

    name: ClassVar[str] = "leaked-task"

    def find(self, trace: Trace) -> Iterable[Finding]:
        leaked = {task.id: (task, since_ns) for task, since_ns in _iter_left(trace)}
        by_place: dict[Frame, list[tuple[Task, int]]] = defaultdict(list)
        for task, since_ns in leaked.values():
            if task.created_at is not None and task.created_at.is_user and task.parent not in leaked:
                by_place[task.created_at].append((task, since_ns))
        for place, tasks in by_place.items():
            yield self._finding(place, tasks)

    def _finding(self, place: Frame, tasks: list[tuple[Task, int]]) -> Finding:
        task, since_ns = tasks[0]
        name = short_name(task.coroutine)
        who = f"The task {name}" if len(tasks) == 1 else f"{len(tasks)} tasks {name}"
        return Finding(
            self.name,
            f"{who}, started here, had not ended when the main task did.",
            "Keep the task, and await it, or cancel it and await its end, before the main task returns.",
            place,
            task.id,
            task.created_ns,
            since_ns - task.created_ns,
            cost_ns=0,
            saving_ns=None,
            occurrences=len(tasks),
        )


def _iter_left(trace: Trace) -> Iterator[tuple[Task, int]]:
    """Every task that was pending when its loop had nothing more to run, and since when."""
    for task in trace.tasks.values():
        since_ns = task.left_ns if task.left_ns is not None else _stopped_before(task, trace)
        if since_ns is not None and not task.is_root and _has_returned(_main_until(since_ns, task, trace)):
            yield task, since_ns


def _stopped_before(task: Task, trace: Trace) -> int | None:
    """When the loop of a task that never ended stopped for good, in a program that ended by itself."""
    loop = trace.loops.get(task.loop)
    if task.outcome != "pending" or loop is None or loop.stopped_ns is None:
        return None
    if trace.ended.exception is not None or not trace.ended.complete:
        return None
    return loop.stopped_ns if task.ended_ns is None or task.ended_ns >= loop.stopped_ns else None


def _main_until(time_ns: int, leaked: Task, trace: Trace) -> Task | None:
    """The task for whose end the loop was run last: what the code around the loop made, and ended last."""
    ended = [
        (task.ended_ns, task)
        for task in trace.tasks.values()
        if task.is_root
        and task.loop == leaked.loop
        and task.ended_ns is not None
        and task.ended_ns <= time_ns
    ]
    return max(ended, key=lambda entry: entry[0])[1] if ended else None


def _has_returned(task: Task | None) -> bool:
    return task is not None and task.outcome == "returned"
