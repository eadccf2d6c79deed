"""The cluster strategy: on a cluster that is there already, on one of its own, and when either goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.errors import UsageError
from coroscope.strategies.cluster_errors import ClusterLostError
from tests.programs import run_command, run_recorded, write_program
from tests.strategies.dask_cluster import DaskCluster

pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with DaskCluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture
def run_map(cluster: DaskCluster) -> Callable[..., list[Any]]:
    def run(function: Callable[[Any], Any], items: Any, **options: Any) -> list[Any]:
        return list(coroscope.map(function, items, strategy="cluster", address=cluster.address, **options))

    return run


RunMap = Callable[..., list[Any]]


def test_results_come_in_order_of_the_items(run_map: RunMap) -> None:
    assert run_map(lambda x: x * x, range(2_000)) == [x * x for x in range(2_000)]


def test_unordered_results_are_all_there(run_map: RunMap) -> None:
    assert sorted(run_map(lambda x: x + 1, iter(range(300)), ordered=False)) == list(range(1, 301))


def test_coroutine_functions_run_on_a_loop_in_the_workers(run_map: RunMap) -> None:
    async def later(x: int) -> int:
        import asyncio

        await asyncio.sleep(0.001)
        return -x

    assert run_map(later, range(8)) == [-x for x in range(8)]


def test_map_async_runs_on_a_cluster_too(cluster: DaskCluster) -> None:
    async def main() -> list[int]:
        return await coroscope.map_async(abs, [-1, -2], strategy="cluster", address=cluster.address)

    assert coroscope.run(main()) == [1, 2]


def test_large_items_and_results_make_the_way(run_map: RunMap) -> None:
    items = [bytes([n]) * 12_000_000 for n in range(3)]
    assert run_map(lambda data: data[::-1], items) == items


def test_a_scheduler_file_is_an_address_too(cluster: DaskCluster) -> None:
    results = coroscope.map(abs, [-1, 2], strategy="cluster", address=str(cluster.scheduler_file))
    assert list(results) == [1, 2]


def test_never_more_items_are_under_way_than_the_limit(run_map: RunMap) -> None:
    def begin_and_end(_: int) -> tuple[float, float]:
        began_s = time.time()
        time.sleep(0.02)
        return began_s, time.time()

    times = run_map(begin_and_end, range(40), limit=3)
    most = max(sum(began <= moment < ended for began, ended in times) for moment, _ in times)
    assert 1 < most <= 3


def test_only_so_many_workers_are_used_as_are_asked_for(run_map: RunMap) -> None:
    assert len(set(run_map(lambda _: os.getpid(), range(40), workers=1))) == 1


def test_an_exception_is_raised_with_a_note_that_names_the_item(run_map: RunMap) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run_map(lambda x: 1 // x, [1, 2, 0])
    assert caught.value.__notes__ == ["raised by item 2 of coroscope.map(): 0"]
    assert os.path.basename(__file__) in str(caught.value.__cause__)


def test_exceptions_are_results_where_that_is_asked_for(run_map: RunMap) -> None:
    first, second = run_map(lambda x: 1 // x, [0, 1], return_exceptions=True)
    assert isinstance(first, ZeroDivisionError)
    assert second == 1


def test_a_timeout_ends_the_map(run_map: RunMap) -> None:
    began_s = time.monotonic()
    with pytest.raises(TimeoutError, match=r"timed out after 0\.5 s"):
        run_map(lambda _: time.sleep(0.2), range(1_000), timeout=0.5)
    assert time.monotonic() - began_s < 30  # All items together take 50 s.


@pytest.mark.parametrize(
    ("function", "items", "complaint"),
    [
        (partial(max, threading.Lock()), [1], r"the function functools.partial.* cannot be sent to a worker"),
        (abs, [1, threading.Lock()], r"item 1 \(.*\) cannot be sent to a worker: it is a lock"),
        (lambda _: threading.Lock(), [1], "its result cannot be sent back: it is a lock"),
    ],
    ids=["function", "item", "result"],
)
def test_what_cannot_be_pickled_is_named(
    run_map: RunMap, function: Callable[[Any], Any], items: list[Any], complaint: str
) -> None:
    with pytest.raises(coroscope.UnpicklableError, match=complaint):
        run_map(function, items)


def test_nothing_is_left_here_of_a_map_on_a_cluster_elsewhere(run_map: RunMap) -> None:
    run_map(abs, [1])
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        run_map(abs, [1])
    assert threading.active_count() <= threads
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_another_version_on_the_workers_is_refused(run_map: RunMap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coroscope.strategies.cluster_session.__version__", "99.0")
    with pytest.raises(
        UsageError, match=r"has coroscope .*, and this process 99.0: install the same version"
    ):
        run_map(abs, [1])


def test_a_cluster_without_coroscope_is_refused(tmp_path: Path) -> None:
    with (
        DaskCluster(tmp_path, 1, without_coroscope=True) as other,
        pytest.raises(UsageError, match=r"the scheduler of the cluster at .* has no coroscope: install"),
    ):
        coroscope.map(abs, [1], strategy="cluster", address=other.address)


def test_a_cluster_without_workers_is_refused(tmp_path: Path) -> None:
    with (
        DaskCluster(tmp_path, 0) as other,
        pytest.raises(UsageError, match=r"has no workers: start one with 'dask worker tcp://"),
    ):
        coroscope.map(abs, [1], strategy="cluster", address=other.address)


def test_a_refused_connection_is_told_in_a_sentence() -> None:
    began_s = time.monotonic()
    with pytest.raises(UsageError, match=r"'tcp://127.0.0.1:9' \(the connection was refused\): start one"):
        coroscope.map(abs, [1], strategy="cluster", address="tcp://127.0.0.1:9")
    assert time.monotonic() - began_s < 20  # Dask itself tries for 30 s.


def test_a_missing_scheduler_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the scheduler file"):
        coroscope.map(abs, [1], strategy="cluster", address=str(tmp_path / "scheduler.json"))


def test_without_dask_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'coroscope\[cluster\]'"):
        coroscope.map(abs, [1], strategy="cluster")


def test_a_killed_worker_is_reported_with_its_items_none_of_which_runs_twice(tmp_path: Path) -> None:
    journal = tmp_path / "begun"

    def die_at_three(x: int) -> int:
        with open(journal, "a") as file:
            file.write(f"{x}\n")
        time.sleep(0.2)
        if x == 3:
            os.kill(os.getpid(), 9)
        return x

    with DaskCluster(tmp_path) as other:
        results = list(
            coroscope.map(
                die_at_three, range(10), strategy="cluster", address=other.address, return_exceptions=True
            )
        )
    died = [index for index, result in enumerate(results) if isinstance(result, coroscope.WorkerDiedError)]
    assert results[3].items == tuple(died)
    assert 3 in died
    assert [result for result in results if isinstance(result, int)] == [
        index for index in range(10) if index not in died
    ]
    begun = journal.read_text().split()
    assert len(begun) == len(set(begun))


def slowly(x: int) -> int:
    time.sleep(0.2)
    return x


def test_a_scheduler_that_is_gone_in_mid_run_is_an_error_within_seconds(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with DaskCluster(tmp_path) as other:
        threads = threading.active_count()
        results = coroscope.map(slowly, range(1_000), strategy="cluster", address=other.address)
        assert next(results) == 0
        other.kill_scheduler()
        began_s = time.monotonic()
        with pytest.raises(
            ClusterLostError, match=r"the scheduler of the cluster at .* is gone: items .* had not come back"
        ):
            list(results)
        assert time.monotonic() - began_s < 25  # All items together take 50 s.
        assert threading.active_count() <= threads
    assert capfd.readouterr().err == ""


OF_ITS_OWN = """
import os, subprocess, sys, threading, time
import coroscope

class Point:
    def __init__(self, x):
        self.x = x

def right(point):
    return Point(point.x + 1)

def work(x):
    time.sleep(0.2)
    if x == 3 and "die" in sys.argv:
        os.kill(os.getpid(), 9)
    return x

def children():
    listed = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "args="], capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if "resource_tracker" not in line and not line.startswith("ps ")]
"""


def run_on_its_own(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = write_program(folder, OF_ITS_OWN + text)
    return run_command([sys.executable, str(program), *arguments], folder)


def test_a_local_cluster_is_gone_behind_the_map(tmp_path: Path) -> None:
    done = run_on_its_own(
        tmp_path,
        """
if __name__ == "__main__":
    import tempfile
    tempfile.tempdir = os.getcwd()
    points = list(coroscope.map(right, [Point(1), Point(2)], strategy="cluster", workers=2))
    print([type(point) is Point and point.x for point in points])
    print(list(coroscope.map(lambda x: os.getpid() != x, [os.getpid()], strategy="cluster")))
    print(children(), [thread.name for thread in threading.enumerate() if not thread.daemon])
    print(os.listdir(), [entry for entry in sys.path if entry.startswith(os.getcwd() + os.sep)])
""",
    )
    assert done.stderr == ""
    assert done.stdout == "[2, 3]\n[True]\n[] ['MainThread']\n['program.py'] []\n"


def test_a_killed_worker_of_a_local_cluster_is_reported_with_its_items(tmp_path: Path) -> None:
    done = run_on_its_own(
        tmp_path,
        """
if __name__ == "__main__":
    try:
        list(coroscope.map(work, range(6), strategy="cluster", workers=2))
    except coroscope.WorkerDiedError as error:
        print(error.items, error.worker_exit_code, "SIGKILL" in str(error))
    results = list(coroscope.map(work, range(6), strategy="cluster", workers=1, return_exceptions=True))
    print([getattr(result, "items", result) for result in results])
    print(children())
""",
        "die",
    )
    assert done.stderr == ""
    assert done.stdout == "(3,) -9 True\n[0, 1, 2, (3,), 4, 5]\n[]\n"


@pytest.mark.parametrize("after_s", [0.3, 1.0, 1.7, 4.0])
def test_an_interrupt_leaves_no_process_of_a_local_cluster(tmp_path: Path, after_s: float) -> None:
    done = run_on_its_own(
        tmp_path,
        """
import signal
if __name__ == "__main__":
    os.setpgrp()
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(0, signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
    try:
        list(coroscope.map(work, range(1000), strategy="cluster", workers=2))
    except KeyboardInterrupt:
        print("interrupted", children())
""",
        str(after_s),
    )
    assert done.stderr == ""
    assert done.stdout == "interrupted []\n"


def test_a_script_that_its_own_workers_would_run_is_told_so(tmp_path: Path) -> None:
    done = run_on_its_own(tmp_path, "coroscope.map(abs, [1], strategy='cluster', workers=1)\n")
    assert "in a script, call map() under 'if __name__ == \"__main__\":'" in done.stderr


def test_the_workers_of_a_local_cluster_are_recorded_as_processes(tmp_path: Path) -> None:
    program = write_program(
        tmp_path,
        OF_ITS_OWN
        + """
async def wait(x):
    import asyncio
    await asyncio.sleep(0.02)

if __name__ == "__main__":
    list(coroscope.map(wait, range(10), strategy="cluster", workers=2))
""",
    )
    assert run_recorded(program).returncode == 0
    trace = coroscope.load(program.with_suffix(".coroscope"))
    workers = {process.number for process in trace.processes if "Dask Worker" in process.name}
    assert len(workers) == 2
    waits = [task for task in trace.tasks.values() if task.coroutine == "wait"]
    assert len(waits) == 10
    assert {task.process for task in waits} <= workers
    assert {Path(task.file or "").name for task in waits} == {"program.py"}
