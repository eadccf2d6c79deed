"""What the run waits for anyway bounds what a repair saves, and what only ends with the repaired part does not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from coroscope.analysis.findings import savings
from coroscope.analysis.findings.finding import Finding
from coroscope.analysis.findings.lock_convoy import LockConvoy
from coroscope.analysis.findings.low_concurrency import LowConcurrency
from coroscope.analysis.findings.saturated_thread_pool import SaturatedThreadPool
from coroscope.analysis.findings.tiny_tasks import TinyTasks
from coroscope.trace.model import Frame, Job, Pool, Task, Trace
from tests.trace_builder import MS, TraceBuilder

HERE = Frame("use", "app.py", 7, is_user=True)
ACQUIRE = Frame("Lock.acquire", "lib/asyncio/locks.py", 110, is_user=False)
SLEEP = Frame("sleep", "lib/asyncio/tasks.py", 9, is_user=False)


def woken_by_timers(task: Task) -> Task:
    """Have all its waits be sleeps."""
    for wait in task.waits:
        wait.woken_by = "timer"
    return task


class Crowd:
    """Twenty tasks that each hold a lock for 10 ms; main waits for the last of them, or for another task."""

    def __init__(self, main: str = "running 0, waiting 200, ready 1, running 0", *, waker: int = 21) -> None:
        self.tasks = TraceBuilder()
        self.main = self.tasks.task("main", main, is_main=True)
        self.main.waits[0].woken_by, self.main.waits[0].waker = "task", waker
        for index in range(20):
            queued = f"waiting {index * 10}, ready 0, running 0, " if index else ""
            task = woken_by_timers(self.tasks.task("use", f"running 0, {queued}waiting 10, running 0"))
            if index:
                wait = task.waits[0]
                wait.chain, wait.woken_by, wait.waker = (HERE, ACQUIRE), "task", task.id - 1

    def finding(self) -> Finding:
        (finding,) = LowConcurrency().find(self.tasks.build())
        return finding


def test_tasks_that_wait_for_one_another_save_all_but_the_longest() -> None:
    assert Crowd().finding().saving_ns == 190 * MS


@pytest.mark.parametrize(("report_ms", "saving_ms"), [(150, 50), (5, 190)])
def test_a_task_that_ends_before_the_queue_does_bounds_the_saving(report_ms: int, saving_ms: int) -> None:
    crowd = Crowd()
    woken_by_timers(crowd.tasks.task("report", f"running 0, waiting {report_ms}, running 0"))
    assert crowd.finding().saving_ns == pytest.approx(saving_ms * MS, abs=MS)


def test_nothing_is_saved_beside_a_task_that_takes_longer_but_the_cost_is_told() -> None:
    crowd = Crowd("running 0, waiting 300, ready 1, running 0", waker=22)
    woken_by_timers(crowd.tasks.task("report", "running 0, waiting 300, running 0"))
    finding = crowd.finding()
    assert (finding.saving_ns, finding.cost_ns) == (0, 190 * MS)


def test_what_comes_after_the_queue_comes_earlier() -> None:
    crowd = Crowd("running 0, waiting 200, ready 1, running 0, waiting 100, ready 1, running 0")
    crowd.main.waits[1].woken_by, crowd.main.waits[1].waker = "task", 22
    woken_by_timers(crowd.tasks.task("late", "ready 1, running 0, waiting 99, running 0", at_ms=201))
    assert crowd.finding().saving_ns == 190 * MS


def test_what_was_begun_before_the_queue_and_awaited_after_it_bounds_the_saving() -> None:
    crowd = Crowd("running 0, waiting 200, ready 1, running 0, waiting 39, ready 1, running 0")
    crowd.main.waits[1].woken_by, crowd.main.waits[1].waker = "task", 22
    woken_by_timers(crowd.tasks.task("report", "running 0, waiting 240, running 0"))
    assert crowd.finding().saving_ns == 0


def test_a_task_that_is_cancelled_in_the_end_bounds_nothing() -> None:
    crowd = Crowd("running 0, waiting 200, ready 1, running 1, waiting 1, ready 1, running 0")
    crowd.main.waits[1].woken_by, crowd.main.waits[1].waker = "task", 22
    beat = crowd.tasks.task(
        "beat", "running 0" + ", waiting 40, running 0" * 4 + ", waiting 42, running 0", outcome="cancelled"
    )
    woken_by_timers(beat).waits[-1].woken_by = "task"
    beat.waits[-1].waker = 1
    assert crowd.finding().saving_ns == 190 * MS


@pytest.mark.parametrize(
    ("loop", "is_told"),
    [
        ("while not done.is_set():\n        await sleep(1)", True),
        ("while True:\n        await sleep(1)\n        if done:\n            break", True),
        ("while time.monotonic() < end:\n        await sleep(1)", False),
        ("while n < 4:\n        await sleep(1)\n        n += 1", False),
        ("for _ in range(4):\n        await sleep(1)", False),
    ],
)
def test_a_loop_that_is_told_when_to_end_does_not_bound_the_saving_and_one_that_counts_does(
    tmp_path: Path, loop: str, is_told: bool
) -> None:
    file = tmp_path / "beat.py"
    file.write_text(f"async def beat():\n    {loop}\n")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    crowd = Crowd("running 0, waiting 200, ready 1, running 0, waiting 39, ready 1, running 0")
    crowd.main.waits[1].woken_by, crowd.main.waits[1].waker = "task", 22
    beat = crowd.tasks.task("beat", "running 0" + ", waiting 60, running 0" * 4)
    for wait in woken_by_timers(beat).waits:
        wait.chain = (Frame("beat", str(file), 3, is_user=True), SLEEP)
    assert crowd.finding().saving_ns == (190 * MS if is_told else 0)


def thread(builder: TraceBuilder, stays: str, on: str = "sleep", **changes: Any) -> Task:
    task = builder.task("work", stays, kind="thread", loop=0, **changes)
    task.thread = task.id
    for wait in task.waits:
        wait.on, wait.woken_by, wait.chain = on, None, (HERE,)
    return task


@pytest.mark.parametrize(("beside_ms", "saving_ms"), [(0, 240), (200, 120), (500, 0)])
def test_a_thread_that_takes_its_time_bounds_what_a_convoy_costs_the_run(
    beside_ms: int, saving_ms: int
) -> None:
    builder = TraceBuilder(loops={})
    end_ms = max(320, beside_ms)
    thread(builder, f"running 0, waiting {end_ms + 1}, running 1", "thread", is_main=True)
    for number in range(8):
        queued = f"waiting {number * 40}, running 0, " if number else ""
        task = thread(builder, f"running 0, {queued}waiting 40, running 0")
        if number:
            task.waits[0].on, task.waits[0].lock = "lock", 1
    if beside_ms:
        thread(builder, f"running 0, waiting {beside_ms}, running 0")
    (finding,) = LockConvoy().find(builder.build())
    assert finding.saving_ns == pytest.approx(saving_ms * MS, abs=MS)


def with_pool(trace: Trace) -> Trace:
    """Threads 2 to 5 are a pool's, which does forty jobs of 50 ms that track 1 submits at once."""
    trace.pools = {1: Pool(1, "pool", 4)}
    for number in range(40):
        started_ms = number // 4 * 50
        trace.jobs.append(
            Job(
                number + 1, 1, 1, "fetch", "app.py", 3, HERE, 0, started_ms * MS, (started_ms + 50) * MS,
                number % 4 + 2, "returned",
            )
        )  # fmt: skip
    return trace


@pytest.mark.parametrize(("beside_ms", "saving_ms"), [(0, 450), (200, 300), (600, 0)])
def test_a_task_that_takes_its_time_bounds_what_a_pool_costs_the_run(beside_ms: int, saving_ms: int) -> None:
    builder = TraceBuilder()
    main = builder.task("main", f"running 0, waiting {max(beside_ms, 500)}, ready 1, running 0", is_main=True)
    main.waits[0].woken_by, main.waits[0].waker = ("task", 6) if beside_ms > 500 else ("thread", None)
    for _ in range(4):
        thread(builder, "running 0" + ", waiting 50, running 0" * 10)
    if beside_ms:
        woken_by_timers(builder.task("beside", f"running 0, waiting {beside_ms}, running 0"))
    (finding,) = SaturatedThreadPool().find(with_pool(builder.build()))
    assert finding.saving_ns == saving_ms * MS


def test_a_thread_that_seems_ready_in_the_middle_of_its_wait_has_waited_for_what_ended_it() -> None:
    builder = TraceBuilder(loops={})
    stays = "running 0, waiting 240, ready 20, waiting 240, running 0"
    thread(builder, stays, "future", is_main=True)
    for _ in range(4):
        thread(builder, "running 0" + ", waiting 50, running 0" * 10)
    (finding,) = SaturatedThreadPool().find(with_pool(builder.build()))
    assert finding.saving_ns == 450 * MS


@pytest.mark.parametrize("is_beside", [False, True])
def test_a_sleep_that_began_before_tiny_tasks_goes_on_while_they_are_made(is_beside: bool) -> None:
    builder = TraceBuilder()
    making = (
        "running 10, waiting 24.98, ready 1, "
        + ("running 0, waiting 99, ready 1, " if is_beside else "")
        + "running 0"
    )
    main = builder.task("main", f"running 0, waiting 1, {making}", is_main=True)
    main.waits[0].woken_by = "timer"
    main.waits[1].woken_by, main.waits[1].waker = "task", 1_001
    for index in range(1_000):
        ready_ms = (1_000 - index) * 0.01 + index * 0.025
        builder.task("add", f"ready {ready_ms}, running 0.005", at_ms=1 + index * 0.01, created_at=HERE)
    if is_beside:
        main.waits[2].woken_by, main.waits[2].waker = "task", 1_002
        woken_by_timers(builder.task("report", "running 0, waiting 135.98, running 0"))
    (finding,) = TinyTasks(fewest_tasks=1_000).find(builder.build())
    assert finding.cost_ns == pytest.approx(32.5 * MS, abs=MS)
    assert finding.saving_ns == pytest.approx(0 if is_beside else finding.cost_ns)


def test_of_more_steps_than_there_is_room_for_the_saving_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowd = Crowd()
    monkeypatch.setattr(
        savings, "MOST_STEPS", sum(task.steps for task in crowd.tasks.build().tasks.values()) - 1
    )
    assert crowd.finding().saving_ns is None
