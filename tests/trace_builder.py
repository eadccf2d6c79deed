"""Traces written down by hand, for tests of what reads them."""

from __future__ import annotations

from array import array
from typing import Any

from coroscope.trace.model import Ending, Frame, LoopInfo, State, Task, Trace, Wait

MS = 1_000_000

_STATES = {"ready": State.READY, "running": State.RUNNING, "waiting": State.WAITING}


class TraceBuilder:
    """Adds tasks, each a list of (state, milliseconds) from its creation on, and gives the trace."""

    def __init__(self, **changes: Any) -> None:
        self._tasks: dict[int, Task] = {}
        self._end_ns = 0
        self._changes = changes

    def task(
        self,
        coroutine: str,
        stays: str,
        *,
        at_ms: float = 0,
        place: Frame | None = None,
        ended: bool = True,
        **changes: Any,
    ) -> Task:
        """Add a task; `stays` is like "ready 1, running 2, waiting 30, running 1"."""
        number = len(self._tasks) + 1
        created_ns = now_ns = round(at_ms * MS)
        times_ns, states, waits = array("q"), bytearray(), []
        for stay in filter(None, stays.split(", ")):
            name, length_ms = stay.split()
            times_ns.append(now_ns)
            states.append(_STATES[name])
            end_ns = now_ns + round(float(length_ms) * MS)
            if name == "waiting":
                waits.append(Wait(now_ns, end_ns, "future", (place,) if place else (), "io", None))
            now_ns = end_ns
        fields: dict[str, Any] = {
            "id": number,
            "name": f"Task-{number}",
            "kind": "task",
            "coroutine": coroutine,
            "file": "/srv/app/fetch.py",
            "line": 30,
            "process": 1,
            "thread": 1,
            "loop": 1,
            "parent": None if number == 1 else 1,
            "is_main": False,
            "created_ns": created_ns,
            "created_at": None,
            "ended_ns": now_ns if ended else None,
            "outcome": "returned" if ended else "pending",
            "steps": states.count(State.RUNNING),
            "end_ns": now_ns,
            "times_ns": times_ns,
            "states": states,
            "waits": waits,
        }
        task = Task(**(fields | changes))
        self._tasks[task.id] = task
        self._end_ns = max(self._end_ns, now_ns)
        return task

    def build(self) -> Trace:
        """The trace of everything added; it lasts until the last task's end unless told otherwise."""
        fields: dict[str, Any] = {
            "python": "3.11.7",
            "argv": ("examples/fetch.py",),
            "started_at": 1_700_000_000.0,
            "duration_ns": self._end_ns,
            "ended": Ending(exit_code=0, signal=None, exception=None, complete=True),
            "tasks": self._tasks,
            "loops": {1: LoopInfo(1, 1, "asyncio.SelectorEventLoop")},
        }
        return Trace(**(fields | self._changes))


def fetch_trace() -> Trace:
    """A program that fetches 12 pages one after another, then 60 at once, and stalls while it parses one."""
    here = Frame("fetch", "/srv/app/fetch.py", 31, is_user=True)
    gathered = Frame("main", "/srv/app/fetch.py", 52, is_user=True)
    builder = TraceBuilder(notices=("2 threads of the program were not recorded.",))
    one_by_one = ", ".join("running 1, waiting 160" for _ in range(12))
    main = builder.task(
        "main", f"ready 1, {one_by_one}, running 4, waiting 1290", at_ms=40, is_main=True, name="Task-1"
    )
    main.waits[-1].chain = (gathered,)
    for wait in main.waits[:-1]:
        wait.chain = (gathered, here)
    for number in range(60):
        latency_ms = 300 + number * 7919 % 700
        stays = f"ready {1 + number / 10}, running 0.2, waiting {latency_ms}, ready 3, running 0.4"
        if number == 17:
            stays += ", waiting 20, ready 1, running 180"
        builder.task("fetch", stays, at_ms=1976 + number / 20, place=here)
    _fail(builder)
    return builder.build()


def _fail(builder: TraceBuilder) -> None:
    builder.task(
        "ConnectionPool.refresh.<locals>.keep_alive",
        "ready 1, running 1, waiting 800, running 2",
        at_ms=60,
        name="keep-alive",
        outcome="raised",
        exception="TimeoutError: the pool did not answer",
    )
    builder.task("watch", "ready 1, running 1, waiting 3240", at_ms=60, ended=False)
