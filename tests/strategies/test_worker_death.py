"""A worker's process that ends in the middle of its work: the error says who, how, and which items went with it."""

from __future__ import annotations

import os
import pickle
import signal
from pathlib import Path
from typing import Any

import pytest

import coroscope
from tests.strategies import functions
from tests.strategies.ways import IN_PROCESSES, START_METHODS, end_of, processes_in_group, start_program

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

KILLED: dict[str, tuple[Any, int, str]] = {
    "killed": (functions.kill_at_5, -9, "was killed by signal 9 (SIGKILL)"),
    "left": (functions.leave_at_5, 41, "ended with exit code 41"),
    "crashed": (functions.crash_at_5, -11, "was killed by signal 11 (SIGSEGV)"),
}
ASYNC = {"killed": functions.kill_at_5_async, "left": functions.leave_at_5_async}


@pytest.mark.parametrize("start_method", START_METHODS)
@pytest.mark.parametrize("how", KILLED)
@pytest.mark.parametrize("strategy", IN_PROCESSES)
def test_the_error_names_the_process_its_end_and_its_items(
    strategy: str, how: str, start_method: str
) -> None:
    function, exit_code, words = KILLED[how]
    with pytest.raises(coroscope.WorkerDiedError) as caught:
        list(coroscope.map(function, range(20), strategy=strategy, workers=2, start_method=start_method))
    assert 5 in caught.value.items
    assert caught.value.worker_exit_code == exit_code
    assert f" {words} while it had item" in str(caught.value)


@pytest.mark.parametrize("how", ASYNC)
def test_a_loops_process_takes_all_its_items_along(how: str) -> None:
    with pytest.raises(coroscope.WorkerDiedError) as caught:
        list(coroscope.map(ASYNC[how], range(20), strategy="loop-per-core", workers=2))
    assert 5 in caught.value.items
    assert caught.value.worker_exit_code == KILLED[how][1]


@pytest.mark.parametrize("how", KILLED)
@pytest.mark.parametrize("strategy", IN_PROCESSES)
def test_with_return_exceptions_only_what_was_lost_is_missing(strategy: str, how: str) -> None:
    results = list(
        coroscope.map(KILLED[how][0], range(200), strategy=strategy, workers=2, return_exceptions=True)
    )
    lost = {index for index, result in enumerate(results) if isinstance(result, Exception)}
    assert [result for index, result in enumerate(results) if index not in lost] == [
        number for number in range(200) if number not in lost
    ]
    assert 5 in lost
    (error,) = {id(result): result for result in results if isinstance(result, Exception)}.values()
    assert isinstance(error, coroscope.WorkerDiedError)
    assert 5 in error.items
    assert set(error.items) <= lost


@pytest.mark.parametrize("strategy", IN_PROCESSES)
def test_workers_that_die_again_and_again_are_each_replaced(strategy: str) -> None:
    results = list(
        coroscope.map(
            functions.kill_odd, range(6), strategy=strategy, workers=1, limit=1, return_exceptions=True
        )
    )
    assert results[0] == 0
    for index, result in enumerate(results):
        if isinstance(result, coroscope.WorkerDiedError):
            assert index in result.items
        else:
            assert result == index
            assert index % 2 == 0


@pytest.mark.parametrize("strategy", IN_PROCESSES)
def test_no_item_is_begun_twice_when_others_are_lost(strategy: str, tmp_path: Path) -> None:
    items = [(str(tmp_path), number) for number in range(60)]
    list(
        coroscope.map(
            functions.note_and_kill_at_5, items, strategy=strategy, workers=2, return_exceptions=True
        )
    )
    begun = sorted(int(line) for line in (tmp_path / "begun").read_text().split())
    assert begun == sorted(set(begun))


def test_a_process_killed_in_the_middle_of_writing_a_result_is_noticed() -> None:
    with pytest.raises(coroscope.WorkerDiedError):
        list(coroscope.map(functions.half_a_result, range(3), strategy="processes", workers=1))


def test_a_process_that_cannot_begin_is_told_of(tmp_path: Path) -> None:
    done = end_of(
        start_program(
            tmp_path,
            "import coroscope\n"
            "coroscope_is_called_again_in_the_worker = list(\n"
            "    coroscope.map(abs, [1, 2], strategy='processes', start_method='spawn'))\n",
        )
    )
    assert done.returncode == 1
    assert "WorkerDiedError: a worker's process ended with exit code 1 while it had no item" in done.stderr


@pytest.mark.parametrize("strategy", IN_PROCESSES)
def test_no_memory_in_a_worker_is_the_outcome_of_its_item(strategy: str) -> None:
    results = list(
        coroscope.map(
            functions.allocate_too_much_at_3, range(8), strategy=strategy, workers=1, return_exceptions=True
        )
    )
    assert isinstance(results[3], MemoryError)
    assert results[:3] + results[4:] == [0, 1, 2, 4, 5, 6, 7]


def test_the_error_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(coroscope.WorkerDiedError("it died", [3, 4], -9)))
    assert (str(error), error.items, error.worker_exit_code) == ("it died", (3, 4), -9)


PARENT = """
import os, sys
import coroscope
from tests.strategies.functions import write_pid_and_wait

if __name__ == "__main__":
    strategy, start_method = sys.argv[1:]
    list(coroscope.map(write_pid_and_wait, ["."] * 4, strategy=strategy, workers=2, start_method=start_method))
"""


@pytest.mark.parametrize("start_method", START_METHODS)
@pytest.mark.parametrize("strategy", IN_PROCESSES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_do_not_outlive_their_parent(
    number: signal.Signals, strategy: str, start_method: str, tmp_path: Path
) -> None:
    program = start_program(tmp_path, PARENT, strategy, start_method)
    functions.wait_until(lambda: list(tmp_path.glob("pid-*")))
    os.kill(program.pid, number)
    done = end_of(program)  # When nobody is left who could write.
    assert done.returncode == -number
    functions.wait_until(lambda: not processes_in_group(program.pid))


def test_a_fork_of_the_caller_leaves_the_workers_alone(tmp_path: Path) -> None:
    done = end_of(
        start_program(
            tmp_path,
            """
import os, sys
import coroscope
from tests.strategies.functions import square

if __name__ == "__main__":
    for strategy in ("processes", "loop-per-core", "cooperative", "threads"):
        results = coroscope.map(square, iter(range(100)), strategy=strategy, workers=1, limit=4)
        had = [next(results)]
        pid = os.fork()
        if pid == 0:
            del results
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert [*had, *results] == [number**2 for number in range(100)], strategy
    print("all there")
""",
        )
    )
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["all there"]), done.stderr
