"""The object that `coroscope show --json` prints.

Rule: its keys are a promise (docs/reference/json.md). Keys may be added; none changes its meaning.
Times are float seconds since the recording began; `None` is "not known".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from coroscope.analysis import concurrency, task_shares
from coroscope.analysis.findings import Finding
from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import (
    Collection,
    Collections,
    Cut,
    Frame,
    Job,
    Mark,
    Pool,
    Process,
    Region,
    Stall,
    Task,
    Trace,
    Wait,
)

FORMAT = 1

# A JSON object. Its values are of any JSON type.
Object = dict[str, Any]


def report(
    trace: Trace, findings: Iterable[Finding] = (), *, slow_ms: float = 100.0, waits: bool = False
) -> Object:
    """Give the whole trace, and what was found in it, as plain JSON values; `waits` adds each task's waits.

    Steps longer than `slow_ms` milliseconds are stalls.
    """
    alive = concurrency(trace)
    return {
        "format": FORMAT,
        "python": trace.python,
        "argv": list(trace.argv),
        "duration_s": _seconds(trace.duration_ns),
        "unkept_s": _seconds(trace.unkept_ns),
        "ended": {
            "exit_code": trace.ended.exit_code,
            "signal": trace.ended.signal,
            "exception": trace.ended.exception,
            "complete": trace.ended.complete,
            "goes_on": trace.ended.goes_on,
        },
        "concurrency": {"max": alive.max, "mean": alive.mean},
        "tasks": [_task(task, trace, waits=waits) for task in trace.tasks.values()],
        "stalls": [_stall(stall) for stall in trace.stalls(slow_ms)],
        "findings": [_finding(finding) for finding in findings],
        "marks": [_mark(mark) for mark in trace.marks],
        "regions": [_region(region) for region in trace.regions],
        "collections": [_collection(collection) for collection in trace.collections],
        "collection_totals": [_collections(totals) for totals in trace.collection_totals],
        "interpreter_lock": _interpreter_lock(trace.lock_samples),
        "processes": [_process(process) for process in trace.processes],
        "cut": _cut(trace.cut),
        "pools": [_pool(pool) for pool in trace.pools.values()],
        "jobs": [_job(job) for job in trace.jobs],
    }


def _pool(pool: Pool) -> Object:
    return {"id": pool.id, "name": pool.name, "workers": pool.workers}


def _job(job: Job) -> Object:
    return {
        "id": job.id,
        "pool": job.pool,
        "function": job.function,
        "task": job.task,
        **_file_line(job.place),
        "submitted_s": _seconds(job.submitted_ns),
        "started_s": _seconds_or_none(job.started_ns),
        "ended_s": _seconds_or_none(job.ended_ns),
        "worker": job.worker,
        "outcome": job.outcome,
    }


def _cut(cut: Cut | None) -> Object | None:
    return None if cut is None else {"recorded_s": _seconds(cut.recorded_ns), "share": cut.share}


def _task(task: Task, trace: Trace, *, waits: bool) -> Object:
    shares = task_shares(task)
    described: Object = {
        "id": task.id,
        "name": task.name,
        "kind": task.kind,
        "coroutine": task.coroutine,
        "file": task.file,
        "line": task.line,
        "process": task.process,
        "thread": task.thread,
        "loop": task.loop,
        "parent": task.parent,
        "created_s": _seconds(task.created_ns),
        "ended_s": _seconds_or_none(task.ended_ns),
        "outcome": task.outcome,
        "steps": task.steps,
        "running_s": _seconds(shares.running_ns),
        "ready_s": _seconds(shares.ready_ns),
        "waiting_s": _seconds(shares.waiting_ns),
    }
    if task.kind in ("thread", "process"):
        described |= _phases(task, has_lock_samples=task.process == 1 and len(trace.lock_samples) > 0)
    if waits:
        described["waits"] = [_wait(wait) for wait in task.waits]
    return described


def _phases(task: Task, *, has_lock_samples: bool) -> Object:
    took_ns: Counter[str] = Counter()
    for phase in task.phases:
        took_ns[phase.kind] += phase.end_ns - phase.start_ns
    return {
        "starting_s": _seconds(took_ns["starting"]),
        "serialising_s": _seconds(took_ns["serialising"]),
        "serialised_bytes": sum(phase.size_bytes or 0 for phase in task.phases),
        "lock_wait_s": _seconds(took_ns["lock"]) if has_lock_samples else None,
    }


def _wait(wait: Wait) -> Object:
    return {
        "start_s": _seconds(wait.start_ns),
        "end_s": _seconds_or_none(wait.end_ns),
        "on": wait.on,
        **_file_line(wait.place),
        "woken_by": wait.woken_by,
        "waker": wait.waker,
    }


def _stall(stall: Stall) -> Object:
    return {
        "task": stall.task,
        **_file_line(stall.place),
        "start_s": _seconds(stall.start_ns),
        "duration_s": _seconds(stall.duration_ns),
        "collecting_s": _seconds(stall.collecting_ns),
    }


def _finding(finding: Finding) -> Object:
    return {
        "name": finding.name,
        "task": finding.task,
        **_file_line(finding.place),
        "start_s": _seconds(finding.start_ns),
        "duration_s": _seconds(finding.duration_ns),
        "cost_s": _seconds(finding.cost_ns),
        "saving_s": _seconds_or_none(finding.saving_ns),
        "occurrences": finding.occurrences,
        "message": finding.message,
        "advice": finding.advice,
    }


def _mark(mark: Mark) -> Object:
    return {
        "name": mark.name,
        "time_s": _seconds(mark.time_ns),
        "thread": mark.thread,
        "task": mark.task,
    }


def _region(region: Region) -> Object:
    return {
        "name": region.name,
        "start_s": _seconds(region.start_ns),
        "end_s": _seconds_or_none(region.end_ns),
        "thread": region.thread,
        "task": region.task,
    }


def _collection(collection: Collection) -> Object:
    start_ns, end_ns = collection.start_ns, collection.end_ns
    return {
        "start_s": _seconds(start_ns),
        "duration_s": None if end_ns is None else _seconds(end_ns - start_ns),
        "generation": collection.generation,
        "thread": collection.thread,
        "collected": collection.collected,
        "uncollectable": collection.uncollectable,
    }


def _collections(totals: Collections) -> Object:
    return {
        "generation": totals.generation,
        "count": totals.count,
        "total_s": _seconds(totals.total_ns),
        "longest_s": _seconds(totals.longest_ns),
    }


def _interpreter_lock(samples: LockSamples) -> Object | None:
    if not len(samples):
        return None
    held, waited = samples.held(), samples.waited()
    return {
        "samples": len(samples),
        "gaps": len(samples.gaps),
        "gaps_s": _seconds(sum(end_ns - start_ns for start_ns, end_ns in samples.gaps)),
        "contended_share": samples.contended,
        "threads": [
            {
                "thread": thread,
                "held_share": held.get(thread, 0.0),
                "waiting_share": waited.get(thread, 0.0),
            }
            for thread in sorted(held | waited)
        ],
    }


def _process(process: Process) -> Object:
    return {
        "number": process.number,
        "pid": process.pid,
        "parent": process.parent,
        "task": process.task,
        "name": process.name,
        "argv": list(process.argv),
        "python": process.python,
        "start_s": _seconds(process.started_ns),
        "end_s": _seconds_or_none(process.ended_ns),
        "exit_code": process.exit_code,
        "signal": process.signal,
        "exception": process.exception,
    }


def _file_line(place: Frame | None) -> Object:
    return {"file": place and place.file, "line": place and place.line}


def _seconds(time_ns: int) -> float:
    return time_ns / 1e9


def _seconds_or_none(time_ns: int | None) -> float | None:
    return None if time_ns is None else _seconds(time_ns)
