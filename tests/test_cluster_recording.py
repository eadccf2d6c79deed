"""The workers of a cluster in the caller's trace: all of them, at the right times, and nothing left on them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.errors import UsageError
from coroscope.record.layout import HEADER
from coroscope.trace import Trace
from tests.programs import run_recorded, write_program
from tests.strategies.dask_cluster import DaskCluster

pytest.importorskip("distributed")

AHEAD_NS = {0: 5_000_000_000_000, 1: -1_000_000_000}
FASTER_PPM = 400


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    clocks = {number: (ahead_ns, FASTER_PPM) for number, ahead_ns in AHEAD_NS.items()}
    with DaskCluster(tmp_path_factory.mktemp("cluster"), clocks=clocks) as started:
        yield started


def true_ns() -> int:
    """What the one clock of this machine shows, on which the tests' other clocks have no influence."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


async def marked(item: int) -> tuple[int, int, int]:
    """The times between which the mark of this item is set, and the process in which it is."""
    import asyncio

    await asyncio.sleep(0.01)
    before_ns = true_ns()
    coroscope.mark(f"item {item}")
    return before_ns, true_ns(), os.getpid()


def record_map(cluster: DaskCluster, path: Path, count: int = 60, pause_s: float = 0) -> list[Any]:
    with coroscope.record(path), coroscope.record_workers():
        results = coroscope.map(marked, range(count), strategy="cluster", address=cluster.address)
        first = [next(results)]
        time.sleep(pause_s)
        return first + list(results)


def origin_ns(path: Path) -> int:
    return int(HEADER.unpack_from(path.read_bytes())[4])


def bounds_ns(trace: Trace) -> dict[str, int]:
    """By worker: how far its times can be trusted, as the trace says."""
    pattern = r"the clocks of worker (\S+) on \S+ and of the program agree to ([\d.e-]+) ms"
    return {
        match[1]: int(float(match[2]) * 1e6 * 1.1) + 1000  # It is given to two figures.
        for notice in trace.notices
        if (match := re.match(pattern, notice))
    }


def test_times_of_workers_with_other_clocks_are_right_within_the_stated_bound(
    cluster: DaskCluster, tmp_path: Path
) -> None:
    path = tmp_path / "map.coroscope"
    results = record_map(cluster, path, pause_s=2)
    trace, begun_ns = coroscope.load(path), origin_ns(path)
    bounds = bounds_ns(trace)
    assert sorted(bounds) == ["w0", "w1"]
    assert max(bounds.values()) < 20_000_000  # ms, where the clocks are apart by seconds and hours
    marks = {mark.name: mark.time_ns + begun_ns for mark in trace.marks}
    names = {process.pid: process.name.split()[0] for process in trace.processes}
    for item, (before_ns, after_ns, pid) in enumerate(results):
        within_ns = bounds[names[pid]]
        assert before_ns - within_ns <= marks[f"item {item}"] <= after_ns + within_ns


def test_workers_are_processes_named_by_worker_and_host(cluster: DaskCluster, tmp_path: Path) -> None:
    path = tmp_path / "map.coroscope"
    results = record_map(cluster, path)
    trace = coroscope.load(path)
    host = os.uname().nodename
    workers = {process.pid: process for process in trace.processes if process.name.endswith(f" on {host}")}
    assert sorted(process.name for process in workers.values()) == [f"w0 on {host}", f"w1 on {host}"]
    assert workers.keys() == {pid for _, _, pid in results}
    tasks = [task for task in trace.tasks.values() if task.coroutine == "marked"]
    assert len(tasks) == len(results)
    assert {task.process for task in tasks} == {process.number for process in workers.values()}


def test_nothing_is_left_of_a_recording_on_the_workers(cluster: DaskCluster, tmp_path: Path) -> None:
    for number in range(2):  # What is left of the first would be in the way of the second.
        record_map(cluster, tmp_path / "map.coroscope", 10)
        assert len(bounds_ns(coroscope.load(tmp_path / "map.coroscope"))) == 2, number
    from distributed import get_worker

    left = list(
        coroscope.map(
            lambda _: [name for name in os.listdir(get_worker().local_directory) if "coroscope" in name],
            range(4),
            strategy="cluster",
            address=cluster.address,
        )
    )
    assert left == [[]] * 4
    assert os.listdir(tmp_path) == ["map.coroscope"]
    assert "Traceback" not in cluster.log


def test_a_program_under_coroscope_run_has_the_workers_in_its_trace(
    cluster: DaskCluster, tmp_path: Path
) -> None:
    program = write_program(
        tmp_path,
        f"""
import coroscope

def work(x):
    coroscope.mark(f"item {{x}}")

with coroscope.record_workers():
    list(coroscope.map(work, range(20), strategy="cluster", address={cluster.address!r}))
""",
    )
    done = run_recorded(program)
    assert done.returncode == 0, done.stderr
    trace = coroscope.load(program.with_suffix(".coroscope"))
    assert {mark.name for mark in trace.marks} == {f"item {x}" for x in range(20)}
    assert all(0 < mark.time_ns < trace.duration_ns for mark in trace.marks)
    assert sorted(bounds_ns(trace)) == ["w0", "w1"]
    assert "and of the program agree to" in done.stderr


def test_a_worker_that_is_recorded_already_is_named(cluster: DaskCluster, tmp_path: Path) -> None:
    path = tmp_path / "map.coroscope"
    with coroscope.record(path), coroscope.record_workers():
        first = coroscope.map(marked, range(400), strategy="cluster", address=cluster.address)
        next(first)
        list(coroscope.map(abs, [1, 2], strategy="cluster", address=cluster.address))
        first.close()
    notices = coroscope.load(path).notices
    assert sum("is not recorded: it is being recorded already" in notice for notice in notices) == 2


def test_a_scheduler_that_is_gone_leaves_a_notice_in_the_trace(tmp_path: Path) -> None:
    path = tmp_path / "map.coroscope"
    with coroscope.record(path), coroscope.record_workers(), DaskCluster(tmp_path) as other:
        results = coroscope.map(marked, range(4_000), strategy="cluster", address=other.address)
        next(results)
        other.kill_scheduler()
        with pytest.raises(ConnectionError, match="is gone"):
            list(results)
    notices = coroscope.load(path).notices
    assert sum("is not recorded: " in notice for notice in notices) == 2, notices


def test_recording_workers_needs_a_recording() -> None:
    with pytest.raises(UsageError, match=r"enter coroscope\.record"), coroscope.record_workers():
        pass


def test_recording_workers_does_not_go_with_a_flight_recorder(tmp_path: Path) -> None:
    with (
        coroscope.record(tmp_path / "ring.coroscope", last=5),
        pytest.raises(UsageError, match="leave last= out"),
        coroscope.record_workers(),
    ):
        pass
