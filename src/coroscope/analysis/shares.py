"""How much of a run was running, ready and waiting.

Two different questions have that answer in them. *Task time* adds the lives of the tasks up: sixty
tasks that wait for one second have waited for sixty. *Program time* asks at each moment what the
program as a whole did, so it adds up to the duration: it runs while any task runs; else it is ready
while any task is; else it waits while any task is alive; else it has no task (imports, start-up).

Costs: one pass over the transitions for task time; O(n log n) for program time.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from coroscope.trace.model import State, Task, Trace
from coroscope.trace.packing import LONGEST_SHARED

_WAITING = State.WAITING.value
_RUNNING = State.RUNNING.value


@dataclass(frozen=True, slots=True)
class Shares:
    """Nanoseconds in each state."""

    running_ns: int
    ready_ns: int
    waiting_ns: int

    @property
    def total_ns(self) -> int:
        """All three together."""
        return self.running_ns + self.ready_ns + self.waiting_ns


def task_shares(task: Task) -> Shares:
    """How much of one task's life went into each state."""
    return _as_shares(_add_up([task]))


def total_shares(tasks: Iterable[Task]) -> Shares:
    """Task time: the lives of all tasks added up."""
    return _as_shares(_add_up(tasks))


def _add_up(tasks: Iterable[Task]) -> list[int]:
    """Nanoseconds by state. Bytes and integers rather than spans: a long recording has millions of them."""
    totals = [0, 0, 0]
    for task in tasks:
        times_ns = task.times_ns.tolist()
        times_ns.append(task.end_ns)
        for state, start_ns, end_ns in zip(task.states, times_ns, times_ns[1:], strict=False):
            totals[state] += end_ns - start_ns
    return totals


def _as_shares(totals: list[int]) -> Shares:
    return Shares(
        running_ns=totals[State.RUNNING], ready_ns=totals[State.READY], waiting_ns=totals[State.WAITING]
    )


def program_shares(trace: Trace) -> Shares:
    """Program time: what the program as a whole did; what is missing to the duration had no task."""
    tasks = [task for task in trace.main_tracks.values() if task.states]
    running_ns = _union_ns(*_stays(tasks, _is_running))
    busy_ns = _union_ns(*_stays(tasks, _is_not_waiting))
    alive_ns = _union_ns(
        array("q", [task.times_ns[0] for task in tasks]), array("q", [task.end_ns for task in tasks])
    )
    return Shares(running_ns, busy_ns - running_ns, alive_ns - busy_ns)


# One flag a state, by its number: which states the question is about.
_is_running = tuple(state == _RUNNING for state in range(3))
_is_not_waiting = tuple(state != _WAITING for state in range(3))


def _stays(tasks: Iterable[Task], wanted: Sequence[bool]) -> tuple[array[int], array[int]]:
    """The starts and the ends of the longest stretches that each task spends in wanted states."""
    starts, ends = array("q"), array("q")
    edges_of: dict[bytes, tuple[int, ...]] = {}  # Most tasks have gone through the same states.
    for task in tasks:
        states, times_ns = bytes(task.states), task.times_ns
        edges = edges_of.get(states)
        if edges is None:
            edges = _edges(states, wanted)
            if len(states) <= LONGEST_SHARED:
                edges_of[states] = edges
        is_start = True
        for edge in edges:
            (starts if is_start else ends).append(times_ns[edge])
            is_start = not is_start
        if not is_start:
            ends.append(task.end_ns)
    return starts, ends


def _edges(states: bytes, wanted: Sequence[bool]) -> tuple[int, ...]:
    """Where the wanted states begin, end, begin again …"""
    is_wanted = [wanted[state] for state in states]
    return tuple(
        index for index, (before, now) in enumerate(pairwise([False, *is_wanted])) if now is not before
    )


def _union_ns(starts: array[int], ends: array[int]) -> int:
    """The length of what the intervals cover together.

    With both lists sorted, nothing is covered between ends[i - 1] and starts[i] exactly when the
    i earliest ends all lie before the start that follows.
    """
    if not starts:
        return 0
    # As lists they take five times the room, so one after the other.
    starts = array("q", sorted(starts))
    ends = array("q", sorted(ends))
    gaps_ns = sum(
        start_ns - end_ns for start_ns, end_ns in zip(starts[1:], ends, strict=False) if start_ns > end_ns
    )
    return ends[-1] - starts[0] - gaps_ns
