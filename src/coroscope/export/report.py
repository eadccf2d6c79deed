"""The object that `coroscope show --json` prints.

Rule: its keys are a promise (docs/reference/json.md). Keys may be added; none changes its meaning.
Times are float seconds since the recording began; `None` is "not known".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from coroscope.analysis import concurrency, task_shares
from coroscope.analysis.findings import Finding
from coroscope.trace.model import Cut, Frame, Mark, Region, Stall, Task, Trace, Wait

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
        "ended": {
            "exit_code": trace.ended.exit_code,
            "signal": trace.ended.signal,
            "exception": trace.ended.exception,
            "complete": trace.ended.complete,
        },
        "concurrency": {"max": alive.max, "mean": alive.mean},
        "tasks": [_task(task, waits=waits) for task in trace.tasks.values()],
        "stalls": [_stall(stall) for stall in trace.stalls(slow_ms)],
        "findings": [_finding(finding) for finding in findings],
        "marks": [_mark(mark) for mark in trace.marks],
        "regions": [_region(region) for region in trace.regions],
        "cut": _cut(trace.cut),
    }


def _cut(cut: Cut | None) -> Object | None:
    return None if cut is None else {"recorded_s": _seconds(cut.recorded_ns), "share": cut.share}


def _task(task: Task, *, waits: bool) -> Object:
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
    if waits:
        described["waits"] = [_wait(wait) for wait in task.waits]
    return described


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


def _file_line(place: Frame | None) -> Object:
    return {"file": place and place.file, "line": place and place.line}


def _seconds(time_ns: int) -> float:
    return time_ns / 1e9


def _seconds_or_none(time_ns: int | None) -> float | None:
    return None if time_ns is None else _seconds(time_ns)
