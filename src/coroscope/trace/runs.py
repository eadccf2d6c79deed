"""Several recorded runs in one trace, so that they can be seen side by side on one axis.

Rule: what is numbered in a run is counted on from the highest such number of the runs before it; 0 and None, which
name nothing, stay what they are. So nothing of two runs collides, and every reference leads to what it led to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from operator import attrgetter
from typing import TypeVar

from coroscope.trace.changed_waits import ChangedWaits
from coroscope.trace.garbage import added_up
from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import Ending, Job, LoopInfo, Process, Run, Task, Trace, Wait

_TIME = attrgetter("time_ns")
_START = attrgetter("start_ns")
_SUBMITTED = attrgetter("submitted_ns")
_TRACKS = ("thread", "process")


def side_by_side(runs: Sequence[tuple[str, Trace]]) -> Trace:
    """One trace of the named ones, all of which begin at 0; it lasts as long as the longest.

    The traces themselves stay as they are. `clip` gives one that begins at a later moment of its recording.
    """
    renumbered = []
    counts = _Counts()
    for number, (_, trace) in enumerate(runs, 1):
        renumbered.append(_Renumbering(number, counts, trace).apply())
        counts = counts.after(trace)
    joined = _join(renumbered)
    joined.runs = [Run(number, name, 0, trace.duration_ns) for number, (name, trace) in enumerate(runs, 1)]
    joined.notices = tuple(f"{name}: {notice}" for name, trace in runs for notice in _notices(trace))
    return joined


def _notices(trace: Trace) -> tuple[str, ...]:
    """Also that it is a part, which is no fact of all runs together."""
    if trace.cut is None:
        return trace.notices
    whole_s = trace.cut.recorded_ns / 1e9
    return *trace.notices, f"only the first {trace.duration_ns / 1e9:,.3f} of {whole_s:,.3f} s are shown."


@dataclass(frozen=True, slots=True)
class _Counts:
    """The highest number so far of each thing that is numbered."""

    task: int = 0
    thread: int = 0
    loop: int = 0
    process: int = 0
    pool: int = 0
    job: int = 0
    lock: int = 0

    def after(self, trace: Trace) -> _Counts:
        """These, counted on by what `trace` has."""
        tasks = trace.tasks.values()
        tracks = (task for task in tasks if task.kind in _TRACKS)
        samples = trace.lock_samples
        return _Counts(
            self.task + max(trace.tasks, default=0),
            self.thread
            + _highest(
                (task.thread for task in tasks),
                (loop.thread for loop in trace.loops.values()),
                (mark.thread for mark in trace.marks),
                (region.thread for region in trace.regions),
                (collection.thread for collection in trace.collections),
                samples.holders,
                samples.waiters,
            ),
            self.loop + _highest(trace.loops, (task.loop for task in tasks)),
            self.process
            + _highest(
                (process.number for process in trace.processes),
                (task.process for task in tasks),
                (collection.process for collection in trace.collections),
            ),
            self.pool + _highest(trace.pools, (job.pool for job in trace.jobs)),
            self.job + _highest(job.id for job in trace.jobs),
            self.lock + _highest(wait.lock or 0 for track in tracks for wait in track.waits),
        )


def _highest(*numbers: Iterable[int]) -> int:
    return max((number for some in numbers for number in some), default=0)


class _Renumbering:
    """One run's trace with the numbers that it has among the others."""

    def __init__(self, run: int, counts: _Counts, trace: Trace) -> None:
        self._run = run
        self._counts = counts
        self._trace = trace
        self._processes = {process.number for process in trace.processes}

    def apply(self) -> Trace:
        trace, counts = self._trace, self._counts
        return replace(
            trace,
            tasks={task.id + counts.task: self._task_of(task) for task in trace.tasks.values()},
            loops={loop.id + counts.loop: self._loop_of(loop) for loop in trace.loops.values()},
            samples=[
                replace(sample, task=sample.task + counts.task)
                for sample in trace.samples
                if sample.task in trace.tasks
            ],
            thread_samples=[
                replace(sample, task=sample.task + counts.task)
                for sample in trace.thread_samples
                if sample.task in trace.tasks
            ],
            marks=[
                replace(mark, thread=_on(mark.thread, counts.thread), task=self._task(mark.task))
                for mark in trace.marks
            ],
            regions=[
                replace(region, thread=_on(region.thread, counts.thread), task=self._task(region.task))
                for region in trace.regions
            ],
            collections=[
                replace(one, process=_on(one.process, counts.process), thread=_on(one.thread, counts.thread))
                for one in trace.collections
            ],
            lock_samples=self._lock_samples(),
            unawaited=[replace(one, task=self._task(one.task)) for one in trace.unawaited],
            unretrieved=[replace(one, task=self._task(one.task)) for one in trace.unretrieved],
            processes=[self._process_of(process) for process in trace.processes],
            pools={
                number + counts.pool: replace(pool, id=pool.id + counts.pool)
                for number, pool in trace.pools.items()
            },
            jobs=[self._job_of(job) for job in trace.jobs],
        )

    def _task(self, number: int | None) -> int | None:
        """Of a task that the trace does not hold, as of asyncio's own, nobody knows the number among all."""
        return number + self._counts.task if number in self._trace.tasks else None

    def _task_of(self, task: Task) -> Task:
        counts = self._counts
        return replace(
            task,
            id=task.id + counts.task,
            process=_on(task.process, counts.process),
            thread=_on(task.thread, counts.thread),
            loop=_on(task.loop, counts.loop),
            parent=self._task(task.parent),
            waits=ChangedWaits(task.waits, self._wait_of) if task.waits else (),
            run=self._run,
        )

    def _wait_of(self, wait: Wait) -> Wait:
        return replace(
            wait,
            waker=self._task(wait.waker),
            lock=None if wait.lock is None else _on(wait.lock, self._counts.lock),
        )

    def _loop_of(self, loop: LoopInfo) -> LoopInfo:
        return replace(loop, id=loop.id + self._counts.loop, thread=_on(loop.thread, self._counts.thread))

    def _process_of(self, process: Process) -> Process:
        count = self._counts.process
        parent = process.parent if process.parent in self._processes else None
        return replace(
            process,
            number=process.number + count,
            parent=None if parent is None else parent + count,
            task=self._task(process.task),
        )

    def _job_of(self, job: Job) -> Job:
        counts = self._counts
        return replace(
            job,
            id=_on(job.id, counts.job),
            pool=_on(job.pool, counts.pool),
            task=self._task(job.task),
            worker=self._task(job.worker),
        )

    def _lock_samples(self) -> LockSamples:
        samples, count = self._trace.lock_samples, self._counts.thread
        joined = LockSamples(gaps=list(samples.gaps))
        for sample in samples:
            waiters = [_on(waiter, count) for waiter in sample.waiters]
            joined.append(sample.time_ns, _on(sample.holder or 0, count), waiters)
        return joined


def _on(number: int, count: int) -> int:
    return number + count if number else 0


def _join(traces: Sequence[Trace]) -> Trace:
    """Traces of which no two have a number in common, as one."""
    pythons = dict.fromkeys(trace.python for trace in traces)
    return Trace(
        python=", ".join(pythons) or "?",
        argv=traces[0].argv if traces else (),
        started_at=min((trace.started_at for trace in traces), default=0.0),
        duration_ns=max((trace.duration_ns for trace in traces), default=0),
        ended=_join_endings([trace.ended for trace in traces]),
        tasks={number: task for trace in traces for number, task in trace.tasks.items()},
        loops={number: loop for trace in traces for number, loop in trace.loops.items()},
        samples=_in_order([trace.samples for trace in traces], _TIME),
        marks=_in_order([trace.marks for trace in traces], _TIME),
        regions=_in_order([trace.regions for trace in traces], _START),
        collections=_in_order([trace.collections for trace in traces], _START),
        collection_totals=added_up(totals for trace in traces for totals in trace.collection_totals),
        lock_samples=_join_lock_samples([trace.lock_samples for trace in traces]),
        unawaited=_in_order([trace.unawaited for trace in traces], _TIME),
        unretrieved=_in_order([trace.unretrieved for trace in traces], _TIME),
        processes=[process for trace in traces for process in trace.processes],
        thread_samples=_in_order([trace.thread_samples for trace in traces], _TIME),
        pools={number: pool for trace in traces for number, pool in trace.pools.items()},
        jobs=_in_order([trace.jobs for trace in traces], _SUBMITTED),
    )


_T = TypeVar("_T")


def _in_order(them: Sequence[Sequence[_T]], key: attrgetter[int]) -> list[_T]:
    return list(merge(*them, key=key))


def _join_endings(endings: Sequence[Ending]) -> Ending:
    """Well if all ended well; else as the first one that did not."""
    bad = (one for one in endings if one != Ending(0, None, None, True))
    return next(bad, Ending(0, None, None, True))


def _join_lock_samples(them: Sequence[LockSamples]) -> LockSamples:
    joined = LockSamples(gaps=sorted(gap for samples in them for gap in samples.gaps))
    for sample in merge(*them, key=_TIME):
        joined.append(sample.time_ns, sample.holder or 0, sample.waiters)
    return joined
