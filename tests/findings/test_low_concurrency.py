"""Tasks that queue up before something narrow, and queues that are none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coroscope.analysis.findings.low_concurrency import LowConcurrency
from coroscope.trace.model import Frame, Trace
from tests.trace_builder import MS, TraceBuilder

HERE = Frame("use", "app.py", 7, is_user=True)
ACQUIRE = Frame("Lock.acquire", "lib/asyncio/locks.py", 110, is_user=False)

SLEEP = Frame("sleep", "lib/asyncio/tasks.py", 9, is_user=False)


def queued(
    count: int,
    through: int,
    *,
    main_ms: int = 0,
    wakers: str = "holders",
    holding: str = "running 0, waiting 10",
    beside: str = "",
    kind: str = "process",
) -> Trace:
    """`count` tasks that each hold something for 10 ms which lets `through` of them through at a time.

    `beside` is what a process or thread does meanwhile.
    """
    builder = TraceBuilder()
    main = builder.task(
        "main",
        f"running 0, waiting {max(main_ms, -(-count // through) * 10)}, ready 1, running 0",
        is_main=True,
    )
    main.waits[0].woken_by, main.waits[0].waker = ("timer", None) if main_ms else ("task", count + 1)
    for index in range(count):
        waits_ms = index // through * 10
        if not waits_ms:
            builder.task("use", f"{holding}, running 0")
            continue
        task = builder.task("use", f"running 0, waiting {waits_ms}, ready 0, {holding}")
        wait = task.waits[0]
        wait.chain, wait.woken_by = (HERE, ACQUIRE), "task"
        wait.waker = task.id - through if wakers == "holders" else 1
    if beside:
        builder.task("work", beside, kind=kind, thread=2)
    return builder.build()


def test_a_lock_is_found_where_it_is_acquired_with_all_but_the_longest_holder_as_saving() -> None:
    (finding,) = LowConcurrency().find(queued(20, 1))
    assert (finding.place, finding.saving_ns) == (HERE, 190 * MS)


def test_two_at_a_time_are_counted() -> None:
    (finding,) = LowConcurrency().find(queued(40, 2))
    assert "let 2 through" in finding.message
    assert finding.saving_ns == 190 * MS


def test_a_limit_of_five_or_of_a_fifth_of_the_tasks_is_none() -> None:
    assert list(LowConcurrency().find(queued(100, 5))) == []
    assert list(LowConcurrency().find(queued(15, 3))) == []


def test_fewer_than_ten_waiting_tasks_are_too_few() -> None:
    assert list(LowConcurrency().find(queued(10, 1))) == []
    assert len(list(LowConcurrency().find(queued(11, 1)))) == 1


def test_waiting_for_less_than_50_ms_does_not_matter() -> None:
    assert list(LowConcurrency(fewest_tasks=4).find(queued(5, 1))) == []
    assert len(list(LowConcurrency(fewest_tasks=4, least_waited_ms=10).find(queued(5, 1)))) == 1


def test_where_those_who_are_let_through_compute_more_of_them_would_wait_for_a_processor() -> None:
    assert list(LowConcurrency().find(queued(20, 1, holding="running 10"))) == []
    assert list(LowConcurrency().find(queued(20, 1, holding="running 6, waiting 4"))) == []


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_what_processes_and_threads_compute_meanwhile_counts(kind: str) -> None:
    assert (
        list(LowConcurrency().find(queued(20, 1, beside="running 50, ready 70, waiting 80", kind=kind))) == []
    )
    assert len(list(LowConcurrency().find(queued(20, 1, beside="waiting 150, running 50", kind=kind)))) == 1


def test_what_is_computed_meanwhile_is_no_saving() -> None:
    (finding,) = LowConcurrency().find(queued(20, 1, holding="running 4, waiting 6"))
    # Of the 200 ms, 19 holders' 4 ms came while somebody waited.
    assert finding.saving_ns == (200 - 19 * 4) * MS


def test_a_queue_that_a_producer_fills_is_no_lock() -> None:
    assert list(LowConcurrency().find(queued(20, 1, wakers="main"))) == []


def test_waiting_for_less_than_half_of_the_time_does_not_matter() -> None:
    assert list(LowConcurrency().find(queued(20, 1, main_ms=500))) == []


@pytest.mark.parametrize(
    ("sleep", "is_found"), [("sleep((1 - self.tokens) / self.rate)", False), ("sleep(0.01)", True)]
)
def test_a_holder_that_sleeps_until_the_next_token_keeps_a_rate(
    tmp_path: Path, sleep: str, is_found: bool
) -> None:
    file = tmp_path / "bucket.py"
    file.write_text(f"async def acquire(self):\n    async with self.lock:\n        await asyncio.{sleep}\n")
    os.utime(file, (1_000_000_000, 1_000_000_000))
    trace = queued(20, 1)
    for task in trace.tasks.values():
        for wait in task.waits:
            if wait.woken_by == "task":
                wait.chain = (Frame("acquire", str(file), 2, is_user=True), ACQUIRE)
            elif not task.is_main:
                wait.chain = (Frame("acquire", str(file), 3, is_user=True), SLEEP)
                wait.woken_by = "timer"
    assert bool(list(LowConcurrency().find(trace))) is is_found
