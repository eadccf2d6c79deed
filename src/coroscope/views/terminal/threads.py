"""What the threads of a run are called, and one line on them and on the pools that they worked for."""

from __future__ import annotations

from collections import Counter
from statistics import median

from coroscope.trace.model import Job, Trace
from coroscope.views.terminal.sheet import Sheet


def describe_threads(sheet: Sheet, trace: Trace) -> str:
    """How many threads there were beside the main one, and how the jobs of pools fared; "" where there is nothing."""
    threads = [thread for thread in trace.threads if not thread.is_main]
    if not threads:
        return ""
    workers = {job.worker for job in trace.jobs}
    parts = [f"{len(threads)} beside the main thread"] if trace.loop_tasks else []
    if trace.pools:
        pools = "1 pool" if len(trace.pools) == 1 else f"{len(trace.pools)} pools"
        jobs = "1 job" if len(trace.jobs) == 1 else f"{len(trace.jobs)} jobs"
        working = sum(thread.id in workers for thread in threads)
        parts.append(f"{pools} with {working} of them at work on {jobs}{_queued(sheet, trace.jobs)}")
    return "; ".join(parts)


def name_threads(sheet: Sheet, trace: Trace) -> dict[int, str]:
    """By number, the name of each thread of which there is one; with the number where others have that name too."""
    names = {thread.thread: thread.name for thread in trace.threads}
    bearers = Counter(names.values())
    return {
        number: sheet.inert(name) if bearers[name] == 1 else f"{sheet.inert(name)} (thread {number})"
        for number, name in names.items()
    }


def _queued(sheet: Sheet, jobs: list[Job]) -> str:
    waits_ns = [job.started_ns - job.submitted_ns for job in jobs if job.started_ns is not None]
    return f", queued for {sheet.time(median(waits_ns))} (median)" if waits_ns else ""
