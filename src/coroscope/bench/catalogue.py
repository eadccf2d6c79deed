"""What can be measured: the workloads and the loops, by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from coroscope.bench.traffic.workloads import TRAFFIC
from coroscope.bench.workload import DEFAULT_SLEEPERS, SLEEPERS, Workload

REFERENCE = "coroscope"
"""The loop whose time the others' are compared with."""

# A repetition takes 0.1 to 0.4 s on a slow machine: longer than the clock's grain and the disturbances that
# last a scheduler's slice, short enough that many loops get their turn before the machine's mood changes.
_FOURTEEN = (
    Workload("spawn", "1,000 tasks that return at once", "task", 60_000),
    Workload("switch", "sleep(0) among 100 tasks", "switch", 150_000),
    # Its one operation is the whole of it: a warm-up or a repetition would only double the wait.
    Workload(
        SLEEPERS,
        "created, put to sleep and woken at random",
        "sleeper",
        DEFAULT_SLEEPERS,
        1,
        warms_up=False,
    ),
    Workload("wake", "100 pairs of tasks wake each other by futures", "wake-up", 60_000),
    Workload("queue", "ping-pong of two tasks through two queues", "round trip", 20_000),
    Workload("lock", "10 tasks take turns, sleep(0) inside", "acquisition", 25_000),
    Workload("semaphore", "50 tasks, 5 at a time, sleep(0) inside", "acquisition", 30_000),
    Workload("gather", "10,000 coroutines that return at once", "task", 30_000),
    Workload("taskgroup", "1,000 tasks that return at once", "task", 40_000),
    Workload("call_soon", "one callback that schedules itself again", "call", 150_000),
    Workload("call_later", "1,000 timers set and cancelled", "timer", 100_000),
    Workload("timeout", "60 s round a sleep(0)", "block", 16_000),
    Workload("cancel", "100 tasks that await a future each", "task", 12_000),
    Workload("asyncgen", "10 tasks iterate, sleep(0) before each item", "item", 120_000),
)
_VARIANTS = (
    Workload("spawn-1", "one task that returns at once", "task", 40_000),
    Workload("switch-2", "sleep(0) among 2 tasks", "switch", 100_000),
    Workload("switch-10000", "sleep(0) among 10,000 tasks", "switch", 200_000),
    Workload("wake-1", "one pair of tasks wake each other by futures", "wake-up", 50_000),
)
SCHEDULING = {workload.name: workload for workload in _FOURTEEN + _VARIANTS}
WORKLOADS = SCHEDULING | TRAFFIC
DEFAULT_WORKLOADS = tuple(workload.name for workload in _FOURTEEN)


@dataclass(frozen=True, slots=True)
class Loop:
    """A contender; `package` is what must be installed for it, `only` the workloads where it has something to say."""

    name: str
    package: str | None = None
    only: Collection[str] | None = None
    announced: bool = True
    """Whether a user who did not ask for it is told that it is not installed."""


_SWITCHES = ("switch", "switch-2", "switch-10000")
LOOPS = {
    loop.name: loop
    for loop in (
        Loop(REFERENCE),
        Loop("coroscope.sleep", only=(*_SWITCHES, SLEEPERS)),
        Loop("coroscope.wait", only=_SWITCHES),
        Loop("asyncio"),
        Loop("uvloop", "uvloop"),
        Loop("trio", "trio"),
        Loop("rloop", "rloop", announced=False),
    )
}
PACKAGES = tuple(loop.package for loop in LOOPS.values() if loop.package is not None)


def is_own_way(loop: str) -> bool:
    """Whether this is coroscope's own way to do a workload, rather than another loop."""
    return LOOPS[loop].only is not None
