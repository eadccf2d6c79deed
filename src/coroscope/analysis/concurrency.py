"""How many tasks were alive at once.

Counted are the user's tasks aside from the main ones, which only stand for the program itself; in a program without
tasks, its threads. A task is
alive from its creation up to, not including, its end; one that has no end lives as long as the recording.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coroscope.trace.model import Task, Trace

_BEGINS = 1


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
    return _count((task for task in trace.main_tracks.values() if not task.is_main), trace.duration_ns)


def main_concurrency(trace: Trace) -> Concurrency:
    """The same of the main tasks, which `concurrency` leaves out."""
    return _count((task for task in trace.main_tracks.values() if task.is_main), trace.duration_ns)


def _count(tasks: Iterable[Task], duration_ns: int) -> Concurrency:
    # Each change as one number, its time and then its kind, because tuples or a dictionary of a million tasks' changes
    # would take more room than the tasks. A task that ends as another begins does not overlap with it.
    changes = array("Q")
    lived_ns = 0
    for task in tasks:
        ended_ns = duration_ns if task.ended_ns is None else task.ended_ns
        changes.append(task.created_ns << 1 | _BEGINS)
        changes.append(ended_ns << 1)
        lived_ns += ended_ns - task.created_ns
    times_ns, counts = array("q"), array("i")
    alive, last_ns = 0, -1
    for change in sorted(changes):
        alive += 1 if change & _BEGINS else -1
        if change >> 1 == last_ns:
            counts[-1] = alive
        else:
            last_ns = change >> 1
            times_ns.append(last_ns)
            counts.append(alive)
    largest = max(counts, default=0)
    return Concurrency(
        times_ns=times_ns,
        counts=counts,
        max=largest,
        max_at_ns=times_ns[counts.index(largest)] if largest else None,
        mean=lived_ns / duration_ns if duration_ns else 0.0,
    )
