"""Cancellations that a task has caught, and gone on as if nothing had happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.names import short_name
from coroscope.trace.model import Cancellation, Frame, Task, Trace


@dataclass(frozen=True)
class SwallowedCancellation:
    """Finds tasks that went on for a while after a cancellation which nobody took back.

    Those that only clean up, and then let the cancellation through, are left out, however long it takes. So is the main
    task: what interrupts a program cancels it, and it may well end in its own good time.
    """

    name: ClassVar[str] = "swallowed-cancellation"
    longest_ms: float = 100.0
    """So long a task may go on after a cancellation."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        by_place: dict[Frame, list[_Swallowed]] = defaultdict(list)
        for task in trace.tasks.values():
            for place, swallowed in _iter_swallowed(task):
                if swallowed.duration_ns > self.longest_ms * 1e6:
                    by_place[place].append(swallowed)
        for place, found in by_place.items():
            yield self._finding(place, found, trace)

    def _finding(self, place: Frame, found: list[_Swallowed], trace: Trace) -> Finding:
        longest = max(found, key=lambda swallowed: swallowed.duration_ns)
        times = "" if len(found) == 1 else f" {len(found)} times,"
        at_most = "" if len(found) == 1 else "up to "
        waited_ns = _union_ns([stay for swallowed in found for stay in _waited_for(swallowed, trace)])
        return Finding(
            self.name,
            f"A cancellation was caught here, in {short_name(place.function)},{times} and the task went on for"
            f" {at_most}{longest.duration_ns / 1e9:.3g} s.",
            "Let CancelledError through: raise it again after cleaning up, or catch what you mean to instead of it.",
            place,
            longest.task.id,
            longest.start_ns,
            longest.duration_ns,
            cost_ns=_union_ns([(swallowed.start_ns, swallowed.end_ns) for swallowed in found]),
            saving_ns=waited_ns or None,
            occurrences=len(found),
        )


@dataclass(frozen=True)
class _Swallowed:
    task: Task
    start_ns: int
    end_ns: int
    is_within: bool
    """It was taken back in the end: part of the task was cancelled, by a timeout or a group."""

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


def _iter_swallowed(task: Task) -> Iterator[tuple[Frame, _Swallowed]]:
    """The cancellations of `task` that it swallowed, from the first at each place to the end or the next there."""
    for index, cancellation in enumerate(task.cancellations):
        place = cancellation.place
        is_within = cancellation.end_ns is not None
        if place is None or not place.is_user:
            continue
        if cancellation.raises if is_within else task.is_main or _is_let_through(task, cancellation):
            continue
        following = task.cancellations[index + 1 :]
        end_ns = cancellation.end_ns if cancellation.end_ns is not None else task.end_ns
        if following:
            end_ns = min(end_ns, following[0].start_ns)
        yield place, _Swallowed(task, cancellation.start_ns, end_ns, is_within)


def _is_let_through(task: Task, cancellation: Cancellation) -> bool:
    """Whether the task, cancelled no more, ended by this cancellation after all."""
    return task.outcome == "cancelled" and task.outstanding <= cancellation.outstanding


def _waited_for(swallowed: _Swallowed, trace: Trace) -> Iterator[tuple[int, int]]:
    """While others, or the end of the program, waited for the task to end."""
    task = swallowed.task
    if swallowed.is_within and task.is_main:
        yield swallowed.start_ns, swallowed.end_ns
        return
    if task.ended_ns is None:
        return
    if _is_last(task, trace):
        yield swallowed.start_ns, swallowed.end_ns
        return
    last_step_ns = max((start_ns for start_ns, _ in task.iter_steps()), default=task.ended_ns)
    for other in trace.tasks.values():
        for wait in other.waits:
            if wait.waker == task.id and wait.end_ns is not None and wait.end_ns >= last_step_ns:
                yield max(wait.start_ns, swallowed.start_ns), min(wait.end_ns, swallowed.end_ns)


def _is_last(task: Task, trace: Trace) -> bool:
    """Whether the main task of its loop had ended before: `asyncio.run` waits for what is left."""
    return any(
        other.is_main
        and other.loop == task.loop
        and other.ended_ns is not None
        and other.ended_ns < task.end_ns
        for other in trace.tasks.values()
    )


def _union_ns(stays: list[tuple[int, int]]) -> int:
    """How long at least one of `stays` lasted."""
    total = reached = 0
    for start_ns, end_ns in sorted(stays):
        total += max(0, end_ns - max(start_ns, reached))
        reached = max(reached, end_ns)
    return total
