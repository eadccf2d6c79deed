"""A part of a trace in time, as if the recording had begun and ended with it.

Rule: what was over when the part begins, or began behind its end, is left out; what reaches over an edge is cut there,
and what reaches over the end had not ended. What is then named and not there is named `None`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Any, TypeVar

from coroscope.trace.changed_waits import ChangedWaits
from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import (
    Cancellation,
    Collection,
    Job,
    LoopInfo,
    Mark,
    Phase,
    Process,
    Region,
    Sample,
    State,
    Task,
    ThreadSample,
    Trace,
    Unawaited,
    Unretrieved,
    Wait,
)

_PROGRAM = 1
_Look = TypeVar("_Look", Sample, ThreadSample)
_Moment = TypeVar("_Moment", Mark, Unawaited, Unretrieved)


def clip(trace: Trace, start_ns: int, end_ns: int | None = None) -> Trace:
    """The part of `trace` from `start_ns` on, which becomes 0, to `end_ns` or its end; `trace` stays as it is."""
    end_ns = trace.duration_ns if end_ns is None else min(max(end_ns, 0), trace.duration_ns)
    start_ns = min(max(start_ns, 0), end_ns)
    if (start_ns, end_ns) == (0, trace.duration_ns):
        return trace
    return _Part(trace, start_ns, end_ns).cut()


class _Part:
    """From `start_ns` to `end_ns`."""

    def __init__(self, trace: Trace, start_ns: int, end_ns: int) -> None:
        self._trace = trace
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._tasks = {task.id for task in trace.tasks.values() if self._has(task.created_ns, task.end_ns)}
        self._processes = {
            process.number
            for process in trace.processes
            if process.number == _PROGRAM or self._has(process.started_ns, process.ended_ns)
        }

    def _has(self, start_ns: int, end_ns: int | None) -> bool:
        is_over = end_ns is not None and end_ns <= self._start_ns and start_ns < self._start_ns
        return start_ns <= self._end_ns and not is_over

    def _at(self, time_ns: int) -> int:
        """The time in the part, or at the edge that it is beyond."""
        return min(max(time_ns, self._start_ns), self._end_ns) - self._start_ns

    def _end(self, time_ns: int | None) -> int | None:
        """The end of what is in the part; None where it had not ended by then."""
        return None if time_ns is None or time_ns > self._end_ns else self._at(time_ns)

    def _moment(self, time_ns: int | None) -> int | None:
        """A moment; None where it is outside."""
        return None if time_ns is None or time_ns < self._start_ns else self._end(time_ns)

    def _task(self, number: int | None) -> int | None:
        return number if number in self._tasks else None

    def cut(self) -> Trace:
        """The part as a trace."""
        trace, has = self._trace, self._has
        tasks = (task for task in trace.tasks.values() if task.id in self._tasks)
        whole = trace.cut
        return replace(
            trace,
            started_at=trace.started_at + self._start_ns / 1e9,
            duration_ns=self._end_ns - self._start_ns,
            tasks={task.id: self._cut_task(task) for task in tasks},
            loops={number: self._cut_loop(loop) for number, loop in trace.loops.items()},
            samples=list(self._looks(trace.samples)),
            marks=list(self._moments(trace.marks)),
            regions=[self._cut_region(one) for one in trace.regions if has(one.start_ns, one.end_ns)],
            collections=[
                self._cut_collection(one) for one in trace.collections if has(one.start_ns, one.end_ns)
            ],
            cut=None if whole is None else replace(whole, recorded_ns=whole.recorded_ns - self._start_ns),
            collection_totals=[],  # They count all, and nobody knows how many of them were in the part.
            lock_samples=self._cut_lock_samples(),
            unawaited=list(self._moments(trace.unawaited)),
            unretrieved=list(self._moments(trace.unretrieved)),
            processes=[self._cut_process(one) for one in trace.processes if one.number in self._processes],
            thread_samples=list(self._looks(trace.thread_samples)),
            jobs=[self._cut_job(job) for job in trace.jobs if has(job.submitted_ns, job.ended_ns)],
            runs=[
                replace(run, start_ns=self._at(run.start_ns), end_ns=self._at(run.end_ns))
                for run in trace.runs
            ],
        )

    def _looks(self, looks: Iterable[_Look]) -> Iterator[_Look]:
        for look in looks:
            if look.task in self._tasks and self._start_ns <= look.time_ns <= self._end_ns:
                yield replace(look, time_ns=self._at(look.time_ns))

    def _moments(self, moments: Iterable[_Moment]) -> Iterator[_Moment]:
        for one in moments:
            if self._start_ns <= one.time_ns <= self._end_ns:
                yield replace(one, time_ns=self._at(one.time_ns), task=self._task(one.task))

    def _edges(self, one: Region | Collection | Wait | Cancellation) -> dict[str, Any]:
        return {"start_ns": self._at(one.start_ns), "end_ns": self._end(one.end_ns)}

    def _cut_region(self, region: Region) -> Region:
        return replace(region, **self._edges(region), task=self._task(region.task))

    def _cut_collection(self, collection: Collection) -> Collection:
        return replace(collection, **self._edges(collection))

    def _cut_loop(self, loop: LoopInfo) -> LoopInfo:
        return replace(loop, stopped_ns=self._end(loop.stopped_ns))

    def _cut_process(self, process: Process) -> Process:
        changes: dict[str, Any] = {"ended_ns": self._end(process.ended_ns), "task": self._task(process.task)}
        if process.ended_ns is not None and changes["ended_ns"] is None:
            changes |= {"exit_code": None, "signal": None, "exception": None}
        parent = process.parent if process.parent in self._processes else None
        return replace(process, **changes, parent=parent, started_ns=self._at(process.started_ns))

    def _cut_job(self, job: Job) -> Job:
        ended_ns = self._end(job.ended_ns)
        has_started = job.started_ns is not None and job.started_ns <= self._end_ns
        return replace(
            job,
            task=self._task(job.task),
            submitted_ns=self._at(job.submitted_ns),
            started_ns=self._end(job.started_ns),
            ended_ns=ended_ns,
            worker=self._task(job.worker) if has_started else None,
            outcome="pending" if ended_ns is None else job.outcome,
        )

    def _cut_lock_samples(self) -> LockSamples:
        samples = self._trace.lock_samples
        gaps = [gap for gap in samples.gaps if self._has(*gap)]
        cut = LockSamples(gaps=[(self._at(begin_ns), self._at(end_ns)) for begin_ns, end_ns in gaps])
        for sample in samples:
            if self._start_ns <= sample.time_ns <= self._end_ns:
                cut.append(self._at(sample.time_ns), sample.holder or 0, sample.waiters)
        return cut

    def _cut_task(self, task: Task) -> Task:
        ended_ns = self._end(task.ended_ns)
        first, last = self._spans(task)
        states = task.states[first:last]
        caught = [one for one in task.cancellations if self._moment(one.start_ns) is not None]
        return replace(
            task,
            parent=self._task(task.parent),
            created_ns=self._at(task.created_ns),
            ended_ns=ended_ns,
            outcome="pending" if ended_ns is None else task.outcome,
            exception=None if ended_ns is None else task.exception,
            steps=min(task.steps, states.count(State.RUNNING))
            if len(states) < len(task.states)
            else task.steps,
            end_ns=self._at(task.end_ns),
            times_ns=array("q", map(self._at, task.times_ns[first:last])),
            states=states,
            waits=self._cut_waits(task),
            left_ns=self._moment(task.left_ns),
            cancellations=[replace(one, **self._edges(one)) for one in caught],
            phases=list(self._phases(task)),
        )

    def _spans(self, task: Task) -> tuple[int, int]:
        """Which of its stays in a state are in the part."""
        times_ns = task.times_ns
        first = 0
        if task.created_ns < self._start_ns:
            first = max(bisect_right(times_ns, self._start_ns) - 1, 0)
        return first, bisect_right(times_ns, self._end_ns)

    def _cut_waits(self, task: Task) -> ChangedWaits | tuple[()]:
        """Those that are in the part, which are in a row: they are in order of time."""
        waits = task.waits
        first = 0
        if task.created_ns < self._start_ns:
            is_over = (wait.end_ns is not None and wait.end_ns <= self._start_ns for wait in waits)
            first = sum(takewhile(bool, is_over))
        last = bisect_right(waits, self._end_ns, first, key=lambda wait: wait.start_ns)
        return ChangedWaits(waits, self._cut_wait, range(first, last)) if first < last else ()

    def _cut_wait(self, wait: Wait) -> Wait:
        edges = self._edges(wait)
        if edges["end_ns"] is None:
            return replace(wait, **edges, woken_by=None, waker=None)
        return replace(wait, **edges, waker=self._task(wait.waker))

    def _phases(self, task: Task) -> Iterator[Phase]:
        """Those of which a part is left; of what is cut the bytes are not known."""
        for phase in task.phases:
            start_ns, end_ns = self._at(phase.start_ns), self._at(phase.end_ns)
            if start_ns < end_ns:
                is_whole = end_ns - start_ns == phase.end_ns - phase.start_ns
                yield Phase(phase.kind, start_ns, end_ns, phase.size_bytes if is_whole else None)
