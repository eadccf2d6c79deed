"""`saturated-thread-pool`: the jobs of a thread pool wait longer for a thread than they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import ClassVar

from coroscope.analysis.findings.computing import computed_ns
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.names import short_name
from coroscope.analysis.findings.needs import Spared
from coroscope.analysis.findings.savings import saving_ns
from coroscope.trace.model import Frame, Job, Trace


@dataclass(frozen=True)
class SaturatedThreadPool:
    """A pool of two threads or more, all of which are busy, with waiting jobs, while hardly one of them computes."""

    name: ClassVar[str] = "saturated-thread-pool"
    fewest_jobs: int = 10
    """So many jobs of one line have to wait for a thread."""
    least_queued: float = 1.0
    """The median job waits so many times as long as the median job runs."""
    most_computing: float = 0.5
    """So many of the pool's threads compute at a time, at most: more would wait for the interpreter's lock."""
    least_share_of_time: float = 0.1
    """The last job ends later than need be by this share of the recording at least."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """One finding for each line whose jobs wait."""
        found: dict[Frame, list[_Burst]] = {}
        for burst in _bursts(trace):
            if self._is_saturated(trace, burst):
                found.setdefault(burst.place, []).append(burst)
        for bursts in found.values():
            if sum(burst.late_ns for burst in bursts) >= self.least_share_of_time * trace.duration_ns:
                yield self._finding(trace, bursts)

    def _is_saturated(self, trace: Trace, burst: _Burst) -> bool:
        queued = sum(one > _AT_ONCE_NS for one in burst.queued_ns)
        return (
            burst.workers > 1
            and queued >= self.fewest_jobs
            and median(burst.queued_ns) > self.least_queued * median(burst.lengths_ns)
            and burst.is_full
            and burst.computing(trace) <= self.most_computing
        )

    def _finding(self, trace: Trace, bursts: list[_Burst]) -> Finding:
        worst = max(bursts, key=lambda burst: burst.late_ns)
        queued_s, ran_s = median(worst.queued_ns) / 1e9, median(worst.lengths_ns) / 1e9
        job = max(worst.jobs, key=lambda job: (job.started_ns or 0) - job.submitted_ns)
        return Finding(
            name=self.name,
            message=f"{len(worst.jobs)} jobs ({short_name(job.function)}) waited {queued_s:.2f} s for one of "
            f"{worst.workers} threads, and ran for {ran_s:.2f} s (medians).",
            advice="Give the pool more threads (for asyncio.to_thread: loop.set_default_executor), or submit less at "
            "once. If the limit is there to spare a slow peer, the saving is what the peer would have to bear.",
            place=worst.place,
            task=job.task,
            start_ns=job.submitted_ns,
            duration_ns=(job.started_ns or 0) - job.submitted_ns,
            cost_ns=sum(sum(burst.queued_ns) for burst in bursts),
            saving_ns=saving_ns(
                trace,
                sum(burst.late_ns for burst in bursts),
                Spared(jobs={job.id for burst in bursts for job in burst.jobs}),
            ),
            occurrences=sum(len(burst.jobs) for burst in bursts),
        )


_AT_ONCE_NS = 1_000_000
"""A job that waits for less was taken up at once."""


@dataclass(frozen=True)
class _Burst:
    """Jobs of one pool and one line that were done one after another, without a moment when there were none."""

    place: Frame
    workers: int
    jobs: list[Job]
    is_full: bool
    """While the middle one of those that waited did, every thread of the pool had a job."""

    @property
    def lengths_ns(self) -> list[int]:
        return [(job.ended_ns or 0) - (job.started_ns or 0) for job in self.jobs]

    @property
    def queued_ns(self) -> list[int]:
        return [(job.started_ns or 0) - job.submitted_ns for job in self.jobs]

    @property
    def late_ns(self) -> int:
        """How much later than need be its last job ended: since the first submission, less the longest job."""
        wall_ns = max(job.ended_ns or 0 for job in self.jobs) - self.jobs[0].submitted_ns
        return max(0, wall_ns - max(self.lengths_ns))

    def computing(self, trace: Trace) -> float:
        """How many of the pool's threads ran, or wanted to, at a time."""
        workers = {job.worker for job in self.jobs if job.worker is not None}
        start_ns, end_ns = self.jobs[0].submitted_ns, max(job.ended_ns or 0 for job in self.jobs)
        computed = computed_ns((trace.tasks[number] for number in workers), [(start_ns, end_ns)])
        return computed / max(end_ns - start_ns, 1)


def _bursts(trace: Trace) -> Iterator[_Burst]:
    done = [job for job in trace.jobs if job.started_ns is not None and job.ended_ns is not None]
    done.sort(key=lambda job: (job.pool, job.submitted_ns))
    for pool, jobs_of_pool in groupby(done, key=lambda job: job.pool):
        jobs = list(jobs_of_pool)
        workers = trace.pools[pool].workers if pool in trace.pools else 0
        by_line: dict[Frame, list[Job]] = {}
        for job in jobs:
            if job.place is not None and job.place.is_user:
                by_line.setdefault(job.place, []).append(job)
        for place, of_line in by_line.items():
            for stretch in _stretches(of_line):
                yield _Burst(place, workers, stretch, _is_full(stretch, jobs, workers))


def _stretches(jobs: list[Job]) -> Iterator[list[Job]]:
    stretch: list[Job] = []
    until_ns = 0
    for job in jobs:
        if stretch and job.submitted_ns > until_ns:
            yield stretch
            stretch = []
        stretch.append(job)
        until_ns = max(until_ns, job.ended_ns or 0)
    if stretch:
        yield stretch


def _is_full(waiting: list[Job], jobs: list[Job], workers: int) -> bool:
    middle = sorted(waiting, key=lambda job: (job.started_ns or 0) - job.submitted_ns)[len(waiting) // 2]
    moment_ns = (middle.submitted_ns + (middle.started_ns or 0)) // 2
    busy = sum((job.started_ns or 0) <= moment_ns < (job.ended_ns or 0) for job in jobs)
    return busy >= workers
