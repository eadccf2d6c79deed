"""Bursts of tasks, and tasks too tiny to pay."""

from __future__ import annotations

from typing import Any

from coroscope.analysis.findings import CHECKS, find
from coroscope.analysis.findings.tiny_tasks import TinyTasks
from coroscope.analysis.findings.unbounded_burst import UnboundedBurst
from coroscope.trace.model import Frame, Sample, Trace
from tests.trace_builder import MS, TraceBuilder

HERE = Frame("main", "app.py", 7, is_user=True)
FETCH = Frame("fetch", "app.py", 3, is_user=True)
ACQUIRE = Frame("Semaphore.acquire", "lib/asyncio/locks.py", 110, is_user=False)
GET = Frame("Queue.get", "lib/asyncio/queues.py", 110, is_user=False)


def burst(count: int, woken_by: Any, *, every_ms: float = 0.5, innermost: Frame = GET) -> Trace:
    builder = TraceBuilder()
    builder.task("main", "waiting 10000", is_main=True)
    for index in range(count):
        task = builder.task(
            "fetch", "running 0.1, waiting 5000, running 0.1", at_ms=index * every_ms, created_at=HERE
        )
        task.waits[0].chain, task.waits[0].woken_by = (FETCH, innermost), woken_by
        if woken_by == "task":
            task.waits[0].waker = task.id - 1 if index else None
    return builder.build()


def test_a_thousand_siblings_that_wait_for_sockets_threads_or_a_pool_are_a_burst() -> None:
    for woken_by in ("io", "thread", "task"):
        (finding,) = UnboundedBurst().find(burst(1_001, woken_by))
        assert (finding.place, finding.saving_ns) == (HERE, None)


def test_a_thousand_sleepers_want_nothing() -> None:
    assert list(UnboundedBurst().find(burst(1_500, "timer"))) == []


def test_a_semaphore_is_the_limit_that_is_asked_for() -> None:
    assert list(UnboundedBurst().find(burst(1_500, "task", innermost=ACQUIRE))) == []


def test_fewer_or_slower_ones_are_no_burst() -> None:
    assert list(UnboundedBurst().find(burst(999, "io"))) == []
    assert list(UnboundedBurst().find(burst(1_500, "io", every_ms=2))) == []


def tiny(count: int, step_ms: float, *, then: str = "") -> Trace:
    """Tasks created every 10 µs, which then run one after another with 20 µs between two steps."""
    builder = TraceBuilder()
    turn_ms = 0.02 + step_ms
    main = builder.task(
        "main", f"running {count / 100}, waiting {(count - 1) * turn_ms + step_ms}, running 0.1", is_main=True
    )
    main.waits[0].woken_by, main.waits[0].waker = "task", count + 1
    for index in range(count):
        ready_ms = (count - index) * 0.01 + index * turn_ms
        builder.task("add", f"ready {ready_ms}, running {step_ms}{then}", at_ms=index * 0.01, created_at=HERE)
    return builder.build()


def test_the_cost_of_tiny_tasks_is_the_time_in_which_none_of_them_ran() -> None:
    (finding,) = TinyTasks(fewest_tasks=1_000).find(tiny(1_000, 0.005))
    assert finding.place == HERE
    # 10 µs for the making of each, 20 µs between two steps, half of a step.
    assert finding.saving_ns is not None
    assert abs(finding.saving_ns - 32.5 * MS) < MS


def test_few_tasks_long_ones_or_such_as_wait_are_not_tiny() -> None:
    check = TinyTasks(fewest_tasks=1_000)
    assert list(check.find(tiny(999, 0.005))) == []
    assert list(check.find(tiny(1_000, 0.04))) == []
    assert list(check.find(tiny(1_000, 0.005, then=", waiting 1, running 0.005"))) == []


def test_creating_very_many_tasks_in_one_step_is_one_finding_and_not_a_long_step_too() -> None:
    builder = TraceBuilder()
    builder.task("main", "running 1200, waiting 500", is_main=True)
    for index in range(12_000):
        stays = f"ready {1200 - index * 0.1 + index * 0.03}, running 0.005"
        builder.task("add", stays, at_ms=index * 0.1, created_at=HERE)
    trace = builder.build()
    stack = (HERE,)
    trace.samples = [Sample(1, at_ms * MS, stack, is_call=False) for at_ms in range(40, 1200, 10)]
    assert {finding.name for check in CHECKS for finding in check.find(trace)} > {"tiny-tasks"}
    assert [finding.name for finding in find(trace) if finding.place == HERE] == ["tiny-tasks"]
