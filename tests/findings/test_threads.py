"""What holds threads back, and threads that nothing holds back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coroscope.analysis.findings import find
from coroscope.analysis.findings.gil_contention import GilContention
from coroscope.analysis.findings.lock_convoy import LockConvoy
from coroscope.analysis.findings.saturated_thread_pool import SaturatedThreadPool
from coroscope.trace import load
from coroscope.trace.model import Frame, Job, Phase, Pool, State, Task, ThreadSample, Trace
from tests.programs import run_recorded, write_program
from tests.trace_builder import MS, TraceBuilder

HERE = Frame("main", "app.py", 7, is_user=True)
ELSEWHERE = Frame("main", "app.py", 9, is_user=True)


def thread(builder: TraceBuilder, stays: str, **changes: Any) -> Task:
    return builder.task("work", stays, kind="thread", loop=0, **changes)


def pooled(
    workers: int,
    jobs: int,
    *,
    job_ms: int = 50,
    state: str = "waiting",
    later: int = 0,
    workers_known: bool = True,
) -> Trace:
    """Jobs that are submitted at once, and taken up one after another by each worker; `later`: one every so many ms."""
    builder = TraceBuilder()
    for number in range(workers):
        own = len(range(number, jobs, workers))
        thread(builder, f"{state} {max(own, 1) * (job_ms + later)}", id=number + 1)
    trace = builder.build()
    trace.pools = {1: Pool(1, "pool", workers if workers_known else 0)}
    for number in range(jobs):
        submitted_ms = number * later
        started_ms = max(submitted_ms, number // workers * job_ms)
        trace.jobs.append(
            Job(
                number + 1, 1, 1, "fetch", "app.py", 3, HERE, submitted_ms * MS, started_ms * MS,
                (started_ms + job_ms) * MS, number % workers + 1, "returned",
            )
        )  # fmt: skip
    return trace


def test_a_pool_whose_jobs_wait_longer_than_they_run_is_found_where_they_are_submitted() -> None:
    (finding,) = SaturatedThreadPool().find(pooled(4, 40))
    assert (finding.place, finding.saving_ns, finding.occurrences) == (HERE, 450 * MS, 40)


@pytest.mark.parametrize(
    "trace",
    [
        pooled(40, 40),
        pooled(4, 12),
        pooled(4, 40, state="running"),
        pooled(4, 40, state="ready"),
        pooled(1, 40),
        pooled(4, 40, workers_known=False),
        pooled(4, 40, later=13),
    ],
    ids=[
        "enough threads",
        "few rounds",
        "they compute",
        "they wait for the interpreter's lock",
        "one thread",
        "unknown size",
        "taken up as they come",
    ],
)
def test_a_pool_that_keeps_up_or_cannot_be_helped_is_not(trace: Trace) -> None:
    assert list(SaturatedThreadPool().find(trace)) == []


def convoy(
    count: int, *, hold_ms: float = 40, other: str = "", lock: int | None = 1, state: str = "waiting"
) -> Trace:
    """Threads that each hold a lock for a while, the first one first; `other` is what one more thread does."""
    builder = TraceBuilder()
    for number in range(count):
        queued = f"waiting {number * hold_ms}, " if number else ""
        task = thread(builder, f"{queued}{state} {hold_ms}, waiting 1")
        if number:
            wait = task.waits[0]
            wait.on, wait.chain, wait.woken_by, wait.lock = "lock", (HERE,), None, lock
    if other:
        thread(builder, other)
    return builder.build()


def test_a_lock_that_is_held_across_a_wait_is_found_where_it_is_acquired() -> None:
    (finding,) = LockConvoy().find(convoy(8))
    assert finding.place == HERE
    assert finding.cost_ns == sum(number * 40 for number in range(8)) * MS
    # Of 280 ms in which somebody waited, one of seven parts would be left.
    assert finding.saving_ns == 240 * MS


def test_a_lock_is_found_by_its_line_where_it_is_not_known_which() -> None:
    (finding,) = LockConvoy().find(convoy(8, lock=None))
    assert finding.place == HERE


@pytest.mark.parametrize(
    "trace",
    [
        convoy(2),
        convoy(8, hold_ms=5),
        convoy(8, state="running"),
        convoy(8, other="running 300"),
    ],
    ids=["two threads", "hardly any time", "its holder computes", "its holder may be who computes"],
)
def test_a_short_queue_or_one_for_work_is_no_convoy(trace: Trace) -> None:
    assert list(LockConvoy().find(trace)) == []


def computing(threads: int, ready_ms: int, running_ms: int, *, place: Frame | None = HERE) -> Trace:
    """Threads that are on the processor in turn, and ready in between."""
    builder = TraceBuilder()
    round_ms = ready_ms + running_ms
    for number in range(threads):
        turn = f"ready {ready_ms}, running {running_ms}"
        thread(builder, ", ".join([turn] * 10), at_ms=number * running_ms / threads)
    trace = builder.build()
    trace.thread_samples = [
        ThreadSample(number + 1, at_ms * MS, (place,) if place else (), None)
        for at_ms in range(0, 10 * round_ms, 10)
        for number in range(threads)
    ]
    return trace


def test_threads_that_compute_in_turn_are_found_at_their_hottest_line() -> None:
    (finding,) = GilContention().find(computing(3, 60, 30))
    assert (finding.place, finding.saving_ns, finding.occurrences) == (HERE, None, 3)


@pytest.mark.parametrize(
    "trace",
    [computing(1, 60, 30), computing(3, 10, 90), computing(3, 10, 8), computing(3, 60, 30, place=None)],
    ids=["one thread", "hardly ever off the processor", "hardly any time", "a line that nobody has seen"],
)
def test_threads_that_get_their_turn_or_that_nobody_saw_are_not(trace: Trace) -> None:
    assert list(GilContention().find(trace)) == []


def test_threads_that_wait_for_a_processor_are_no_contention_where_the_lock_was_looked_at() -> None:
    trace = computing(3, 60, 30)
    for at_ms in range(0, 900, 5):
        trace.lock_samples.append(at_ms * MS, 0, ())
    assert list(GilContention().find(trace)) == []
    for thread in trace.threads:
        ready = [span for span in thread.iter_spans() if span.state is State.READY]
        thread.phases = tuple(Phase("lock", span.start_ns, span.end_ns - 10 * MS) for span in ready)
    (finding,) = GilContention().find(trace)
    # 50 of each 60 ms; the first 10 ms of it were before two of them could run.
    assert finding.cost_ns == (3 * 10 * 50 - 10) * MS


def test_more_than_one_lock_gives_is_no_contention_for_it() -> None:
    """Two threads, each off the processor now and then, that were on two of them most of the time."""
    assert list(GilContention(least_waiting=0.2).find(computing(2, 25, 75))) == []


HEALTHY = """\
import hashlib, queue, threading, time
from concurrent.futures import ThreadPoolExecutor

def fetch(number):
    time.sleep(0.06)
    return number

def enough_workers():
    with ThreadPoolExecutor(24) as pool:
        print(sum(pool.map(fetch, range(24))))

counts = {}
lock = threading.Lock()

def count():
    for number in range(25):
        time.sleep(0.005)
        with lock:
            counts[number] = counts.get(number, 0) + 1

def a_lock_held_briefly():
    run(*[threading.Thread(target=count) for _ in range(6)])
    print(counts[0])

def compute():
    print(sum(number * number for number in range(600_000)))

def one_computing_beside_io():
    run(threading.Thread(target=compute), *[threading.Thread(target=fetch, args=(n,)) for n in range(4)])

def consumers():
    jobs = queue.Queue()
    def consume():
        while (job := jobs.get()) is not None:
            time.sleep(0.01)
    threads = [threading.Thread(target=consume) for _ in range(3)]
    for thread in threads: thread.start()
    for number in range(12):
        jobs.put(number)
        time.sleep(0.01)
    for thread in threads: jobs.put(None)
    for thread in threads: thread.join()

def native():
    run(*[threading.Thread(target=hashlib.pbkdf2_hmac, args=("sha256", b"a", b"b", 60_000)) for _ in range(3)])

def run(*threads):
    for thread in threads: thread.start()
    for thread in threads: thread.join()

for part in (enough_workers, a_lock_held_briefly, one_computing_beside_io, consumers, native):
    part()
"""


@pytest.mark.gallery
def test_healthy_threads_have_no_findings(tmp_path: Path) -> None:
    program = write_program(tmp_path, HEALTHY)
    ran = run_recorded(program)
    assert ran.returncode == 0, ran.stderr
    assert find(load(program.with_suffix(".coroscope"))) == []
