"""Traces with long steps that the watchdog has looked into, written down by hand."""

from __future__ import annotations

from typing import Any

from coroscope.trace.model import Frame, Sample, Task, Trace
from tests.trace_builder import MS, TraceBuilder

FILE = "/srv/app/work.py"
INTERVAL_MS = 20
FIRST_MS = 40

CALLS = Frame("work", FILE, 7, is_user=True)
COMPUTES = Frame("work", FILE, 9, is_user=True)
IN_SUBPROCESS = Frame("Popen.communicate", "/usr/lib/python3.11/subprocess.py", 1200, is_user=False)
IN_IMPORT = Frame("_find_and_load", "<frozen importlib._bootstrap>", 1100, is_user=False)

SLEEPING: dict[str, Any] = {"is_call": True, "is_lock_free": True, "processor_share": 0.0}
OUTSIDE: dict[str, Any] = {"is_call": True, "is_lock_free": True, "processor_share": 1.0}
KEEPING: dict[str, Any] = {"is_call": True, "is_lock_kept": True, "processor_share": 1.0}
RUNNING: dict[str, Any] = {"is_call": False, "processor_share": 1.0}


class StepsBuilder:
    """Adds tasks, and samples of what they do in their long steps."""

    def __init__(self) -> None:
        self.tasks = TraceBuilder()
        self._samples: list[Sample] = []

    def task(self, coroutine: str, stays: str, **changes: Any) -> Task:
        """Add a task; see `TraceBuilder.task`."""
        return self.tasks.task(coroutine, stays, **changes)

    def look(self, task: Task, chain: tuple[Frame, ...], signs: dict[str, Any], *, step: int = -1) -> None:
        """Sample a step of `task`, its last unless told otherwise, every 20 ms; once where it keeps the lock."""
        start_ns, end_ns = list(task.iter_steps())[step]
        root = Frame(task.coroutine, FILE, 20, is_user=True)
        times_ns = range(start_ns + FIRST_MS * MS, end_ns, INTERVAL_MS * MS)
        if signs.get("is_lock_kept"):
            times_ns = range(end_ns - 1, end_ns)
        self._samples += [Sample(task.id, time_ns, (root, *chain), **signs) for time_ns in times_ns]

    def build(self) -> Trace:
        """The trace of everything added."""
        trace = self.tasks.build()
        trace.samples = sorted(self._samples, key=lambda sample: sample.time_ns)
        return trace
