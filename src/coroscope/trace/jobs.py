"""From events to the jobs of thread pools."""

from __future__ import annotations

from coroscope.record.events import EventKind, TaskOutcome
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.model import Job, Outcome, Pool, Trace

_OUTCOMES: dict[int, Outcome] = {
    TaskOutcome.RETURNED: "returned",
    TaskOutcome.RAISED: "raised",
    TaskOutcome.CANCELLED: "cancelled",
}


class Jobs(Chapter):
    """A job is submitted, taken up and done, in this order; what comes out of it was never recorded so."""

    def __init__(self) -> None:
        self._pools: dict[int, Pool] = {}
        self._jobs: dict[int, Job] = {}

    def handlers(self) -> dict[int, Handler]:
        return {
            EventKind.POOL_SEEN: self._see,
            EventKind.JOB_SUBMITTED: self._submit,
            EventKind.JOB_STARTED: self._start,
            EventKind.JOB_ENDED: self._end,
        }

    def _see(self, event: Event) -> None:
        _, number, workers, name, _, _, _, stream = event
        self._pools[number] = Pool(number, self.definitions[stream].string(name) or "", workers)

    def _submit(self, event: Event) -> None:
        time_ns, number, task, site_number, pool, _, _, stream = event
        site = self.definitions[stream].site(site_number)
        job = Job(
            number,
            pool,
            task or None,
            site.coroutine,
            site.file or None,
            site.line,
            site.created_at,
            time_ns,
        )
        self._jobs.setdefault(number, job)

    def _start(self, event: Event) -> None:
        job = self._jobs.get(event[1])
        if job is not None and job.started_ns is None:
            job.started_ns, job.worker = event[0], event[2] or None

    def _end(self, event: Event) -> None:
        job = self._jobs.get(event[1])
        if job is not None and job.started_ns is not None and job.ended_ns is None:
            job.ended_ns, job.outcome = event[0], _OUTCOMES.get(event[5], "pending")

    def add_to(self, trace: Trace) -> None:
        trace.pools = self._pools
        trace.jobs = list(self._jobs.values())
        for job in trace.jobs:
            job.task = job.task if job.task in trace.tasks else None
            if job.place is None and job.task is not None:
                # `gather(to_thread(…))` makes a task of asyncio's own code: who has created it has asked for the job.
                job.place = trace.tasks[job.task].created_at
            job.worker = job.worker if job.worker in trace.tasks else None
