"""How many tasks were alive at once.

Counted are the user's tasks aside from the main ones, which only stand for the program itself; in a program without
tasks, its threads. A task is
alive from its creation up to, not including, its end; one that has no end lives as long as the recording.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from coroscope.trace.model import Trace


@dataclass(frozen=True, slots=True)
class Concurrency:
    """The number of living tasks over time: `counts[i]` from `times_ns[i]` until the next of them."""

    times_ns: Sequence[int]
    counts: Sequence[int]
    max: int
    max_at_ns: int | None
    """When the largest number was first reached; `None` when no task was ever alive."""
    mean: float
    """Over the whole duration of the recording."""

    def peak_between(self, start_ns: int, end_ns: int) -> int:
        """The most tasks that were alive at one moment of `start_ns` up to, not including, `end_ns`."""
        first = bisect_right(self.times_ns, start_ns) - 1
        last = bisect_right(self.times_ns, max(start_ns, end_ns - 1))
        return max(self.counts[max(first, 0) : last], default=0)


def concurrency(trace: Trace) -> Concurrency:
    """Count the living tasks at every moment; O(n log n) in the number of tasks."""
    changes: dict[int, int] = {}
    lived_ns = 0
    for task in trace.main_tracks.values():
        if task.is_main:
            continue
        ended_ns = trace.duration_ns if task.ended_ns is None else task.ended_ns
        # Both in one dictionary: a task that ends as another begins does not overlap with it.
        changes[task.created_ns] = changes.get(task.created_ns, 0) + 1
        changes[ended_ns] = changes.get(ended_ns, 0) - 1
        lived_ns += ended_ns - task.created_ns
    times_ns = sorted(changes)
    counts = list(accumulate(changes[time_ns] for time_ns in times_ns))
    largest = max(counts, default=0)
    return Concurrency(
        times_ns=times_ns,
        counts=counts,
        max=largest,
        max_at_ns=times_ns[counts.index(largest)] if largest else None,
        mean=lived_ns / trace.duration_ns if trace.duration_ns else 0.0,
    )
