"""The jobs that thread pools have done: who waited for them, and who did them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from coroscope.trace.model import Job

JUST_NS = 5_000_000
"""A job's end is noticed within this time."""


class Jobs:
    """Those of one trace, by who submitted them, by who did them, and by when they ended."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._by_submitter: dict[int, list[Job]] = {}
        self._by_worker: dict[int, list[Job]] = {}
        done = [job for job in jobs if job.started_ns is not None and job.ended_ns is not None]
        for job in sorted(done, key=_ended_ns):
            self._by_worker.setdefault(job.worker or 0, []).append(job)
        for job in sorted(done, key=_ended_ns, reverse=True):
            self._by_submitter.setdefault(job.task or 0, []).append(job)
        self._all = sorted(done, key=_ended_ns)

    def take(self, submitter: int, time_ns: int) -> Iterator[Job]:
        """Those of `submitter` that had ended at `time_ns`, each once."""
        jobs = self._by_submitter.get(submitter, [])
        while jobs and _ended_ns(jobs[-1]) <= time_ns:
            yield jobs.pop()

    def last_ended(self, since_ns: int, until_ns: int) -> Job | None:
        """The last that ended in that time, whosever it is, if its end may be noticed only at `until_ns`."""
        index = bisect_right(self._all, until_ns, key=_ended_ns) - 1
        since_ns = max(since_ns, until_ns - JUST_NS)
        return self._all[index] if index >= 0 and _ended_ns(self._all[index]) >= since_ns else None

    def ended_in(self, worker: int, since_ns: int, until_ns: int) -> Job | None:
        """The last that `worker` has ended in that time."""
        jobs = self._by_worker.get(worker, [])
        index = bisect_right(jobs, until_ns, key=_ended_ns) - 1
        return jobs[index] if index >= 0 and _ended_ns(jobs[index]) > since_ns else None


def _ended_ns(job: Job) -> int:
    return job.ended_ns or 0
