"""How the tasks of each coroutine fared: how many there were, what they did with their time, how long they lived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from coroscope.analysis.shares import Shares, total_shares
from coroscope.trace.model import Task, Trace


@dataclass(frozen=True, slots=True)
class CoroutineStatistics:
    """The tasks of one coroutine, whoever created them."""

    coroutine: str
    file: str | None
    line: int | None
    """Where it begins."""
    shares: Shares
    """Of all its tasks added up."""
    lifetimes_ns: Sequence[int]
    """One a task, the shortest first; a task that has not ended lives as long as the recording."""

    @property
    def count(self) -> int:
        """How many tasks."""
        return len(self.lifetimes_ns)

    def lifetime_ns(self, percent: float) -> int:
        """The shortest of the lifetimes that at least so many percent of the tasks do not exceed; 100: the longest."""
        rank = ceil(self.count * percent / 100)
        return self.lifetimes_ns[max(rank, 1) - 1]


def coroutine_statistics(trace: Trace) -> list[CoroutineStatistics]:
    """Every coroutine that had a task; the one whose tasks lived longest, added up, comes first.

    Where there was no task, it is what threads ran.
    """
    alike: dict[tuple[str, str, str | None, int | None], list[Task]] = {}
    for task in trace.main_tracks.values():
        alike.setdefault((task.kind, task.coroutine, task.file, task.line), []).append(task)
    statistics = [
        CoroutineStatistics(
            coroutine, file, line, total_shares(tasks), sorted(_lifetime_ns(task, trace) for task in tasks)
        )
        for (_, coroutine, file, line), tasks in alike.items()
    ]
    return sorted(statistics, key=lambda each: -sum(each.lifetimes_ns))


def _lifetime_ns(task: Task, trace: Trace) -> int:
    return (trace.duration_ns if task.ended_ns is None else task.ended_ns) - task.created_ns
