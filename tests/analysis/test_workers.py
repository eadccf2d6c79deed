"""Who did the work of a run, and what their time went into."""

from __future__ import annotations

import pytest
from hypothesis import given

from coroscope.analysis import DOINGS, Worker, worker_shares, worker_times, workers_of
from coroscope.trace import Trace, side_by_side
from coroscope.trace.model import Job, LoopInfo, Phase, Pool, State
from tests.page.page_traces import four_runs
from tests.trace.run_traces import traces
from tests.trace_builder import MS, TraceBuilder


def _names(trace: Trace, run: int = 0) -> list[str]:
    return [worker.name for worker in workers_of(trace, run)]


def _thread(builder: TraceBuilder, name: str, *, is_main: bool = False) -> int:
    return builder.task("work", "running 10", kind="thread", loop=0, name=name, is_main=is_main).id


def _told(worker: Worker) -> list[tuple[str, int, int]]:
    return [(one.doing, one.start_ns // MS, one.end_ns // MS) for one in worker.stretches]


def test_each_run_has_its_own_workers() -> None:
    trace = four_runs()
    assert _names(trace, 1) == ["MainThread"]
    assert _names(trace, 2) == [f"ThreadPoolExecutor-0_{number}" for number in range(4)]
    assert _names(trace, 3) == [f"SpawnProcess-{number}" for number in range(1, 5)]
    assert _names(trace, 4) == ["loop"]
    assert _names(trace, 5) == []


def test_workers_of_a_map_are_told_by_their_numbers_and_those_of_dask_by_their_order() -> None:
    builder = TraceBuilder()
    for name in ("coroscope-map_1", "coroscope-map_0", *["Dask Worker process (from Nanny)"] * 2):
        builder.task("work", "running 10", kind="process", loop=0, name=name)
    assert _names(builder.build(), 0) == ["worker 1", "worker 0", "worker 2", "worker 3"]


def _with_job(worker: str) -> Trace:
    builder = TraceBuilder()
    ids = {name: _thread(builder, name, is_main=name == "main") for name in ("main", "idle", "busy")}
    trace = builder.build()
    trace.pools = {1: Pool(1, "pool", 2)}
    trace.jobs = [Job(1, 1, ids["main"], "work", None, None, None, 0, 1, 2, ids[worker])]
    return trace


def test_threads_that_took_jobs_up_are_the_workers() -> None:
    assert _names(_with_job("busy")) == ["busy"]
    assert _names(_with_job("main")) == ["main"]


def test_main_thread_is_a_worker_beside_processes_only_where_it_took_a_job_up() -> None:
    def beside_processes(worker: str) -> list[str]:
        trace = _with_job(worker)
        builder = TraceBuilder()
        builder.task("worker", "running 10", kind="process", loop=0, name="child", id=99)
        return _names(side_by_side([("processes", _merged(trace, builder.build()))]), 1)

    assert beside_processes("busy") == ["child"]
    assert beside_processes("main") == ["main", "child"]


def _merged(one: Trace, other: Trace) -> Trace:
    one.tasks = one.tasks | other.tasks
    return one


def test_loop_runs_while_one_of_its_tasks_does_and_waits_else() -> None:
    builder = TraceBuilder()
    builder.task("main", "running 2, waiting 18, running 5")
    builder.task("fetch", "ready 2, running 3, waiting 5, running 2", at_ms=0)
    (loop,) = workers_of(builder.build())
    assert _told(loop) == [
        ("running", 0, 2), ("running", 2, 5), ("waiting", 5, 10), ("running", 10, 12), ("waiting", 12, 20),
        ("running", 20, 25),
    ]  # fmt: skip


def test_loops_of_two_threads_are_two_workers_named_after_them() -> None:
    builder = TraceBuilder(loops={1: LoopInfo(1, 1, "Loop"), 2: LoopInfo(2, 7, "Loop")})
    builder.task("main", "running 2")
    builder.task("other", "running 3", loop=2)
    builder.task("<module>", "running 5", kind="thread", loop=0, thread=1, name="MainThread", is_main=True)
    assert _names(builder.build()) == ["MainThread", "loop in thread 7"]


def test_phase_says_more_than_the_state_under_it() -> None:
    builder = TraceBuilder()
    phases = [Phase("starting", 0, 5 * MS), Phase("lock", 8 * MS, 12 * MS)]
    builder.task("work", "waiting 5, ready 5, running 10", kind="process", loop=0, phases=phases)
    (worker,) = workers_of(builder.build())
    assert _told(worker) == [
        ("starting", 0, 5), ("ready", 5, 8), ("lock", 8, 10), ("lock", 10, 12), ("running", 12, 20),
    ]  # fmt: skip
    assert [stretch.state for stretch in worker.stretches][2:4] == [State.READY, State.RUNNING]
    assert worker_times([worker]) == {
        "running": 8 * MS, "ready": 3 * MS, "waiting": 0, "starting": 5 * MS, "serialising": 0, "lock": 4 * MS,
    }  # fmt: skip


@given(traces())
def test_stretches_of_a_worker_touch_and_are_all_its_time(trace: Trace) -> None:
    for worker in workers_of(trace):
        ends = [stretch.end_ns for stretch in worker.stretches]
        assert [stretch.start_ns for stretch in worker.stretches[1:]] == ends[:-1]
    tracks = {task.name: task for task in trace.tasks.values()}
    for worker in workers_of(trace):
        if worker.name in tracks and worker.stretches:
            track = tracks[worker.name]
            assert (worker.stretches[0].start_ns, worker.stretches[-1].end_ns) == (
                track.created_ns,
                track.end_ns,
            )


@given(traces())
def test_shares_add_up_to_one_or_to_nothing(trace: Trace) -> None:
    shares = worker_shares(workers_of(trace))
    assert set(shares) == set(DOINGS)
    assert sum(shares.values()) == pytest.approx(1) or not any(shares.values())
