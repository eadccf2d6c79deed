"""However a map ends, nothing of it is left: no process, thread or descriptor; and no program hangs over it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

import coroscope
from tests.strategies import functions
from tests.strategies.functions import wait_until
from tests.strategies.ways import ALL, IN_PROCESSES, START_METHODS, run_program

pytestmark = pytest.mark.parametrize("strategy", ALL)


class Left:
    """What a process has at a time, but for what `multiprocessing` keeps for the next map."""

    def __init__(self) -> None:
        gc.collect()
        self.threads = set(threading.enumerate())
        self.descriptors = set(os.listdir("/proc/self/fd"))
        self.processes = set(multiprocessing.active_children())


@pytest.fixture(autouse=True)
def _nothing_is_left(strategy: str) -> Any:
    forkserver.ensure_running()
    with coroscope.map(functions.square, range(8), strategy=strategy) as results:
        next(results)  # Whatever the first use imports, and opens for good.
    wait_until(lambda: not any("coroscope" in thread.name for thread in threading.enumerate()))
    before = Left()
    yield
    wait_until(lambda: Left().threads <= before.threads)
    after = Left()
    assert after.processes == before.processes
    assert len(after.descriptors) <= len(before.descriptors)


def test_after_the_last_result_nothing_is_left(strategy: str) -> None:
    before = Left()
    assert len(list(coroscope.map(functions.square, range(50), strategy=strategy, workers=2))) == 50
    assert threading.active_count() == len(before.threads)
    assert multiprocessing.active_children() == []


def test_a_consumer_may_break_out(strategy: str) -> None:
    for result in coroscope.map(functions.square, iter(int, 1), strategy=strategy, workers=2):
        assert result == 0
        break


def test_close_ends_it_and_may_be_called_again(strategy: str) -> None:
    results = coroscope.map(functions.square, iter(int, 1), strategy=strategy, workers=2)
    next(results)
    results.close()
    results.close()
    assert list(results) == []
    assert multiprocessing.active_children() == []


def test_a_with_block_ends_it_also_by_an_exception(strategy: str) -> None:
    with (
        pytest.raises(LookupError),
        coroscope.map(functions.square, iter(int, 1), strategy=strategy, workers=2) as results,
    ):
        raise LookupError(next(results))
    assert multiprocessing.active_children() == []


def test_what_nobody_has_is_closed(strategy: str) -> None:
    results = coroscope.map(functions.square, iter(int, 1), strategy=strategy, workers=2)
    next(results)
    del results
    gc.collect()
    assert multiprocessing.active_children() == []


def test_nothing_need_be_taken_at_all(strategy: str) -> None:
    coroscope.map(functions.square, iter(int, 1), strategy=strategy, workers=2)


def test_a_failure_leaves_nothing(strategy: str) -> None:
    with pytest.raises(LookupError):
        list(coroscope.map(functions.fail_at_7, iter(range(10**9)), strategy=strategy, workers=2))


def test_a_refusal_leaves_nothing(strategy: str) -> None:
    with pytest.raises(TypeError):
        coroscope.map(functions.square, 3, strategy=strategy)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_several_threads_may_map_at_once(strategy: str) -> None:
    def run(start: int) -> list[Any]:
        items = range(start, start + 40)
        return list(coroscope.map(functions.square, items, strategy=strategy, workers=2))

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, range(4)))
    assert results == [[number**2 for number in range(start, start + 40)] for start in range(4)]


@pytest.mark.parametrize("start_method", START_METHODS)
def test_a_map_alone_does_not_fork_beside_threads(strategy: str, start_method: str) -> None:
    if strategy not in IN_PROCESSES:
        pytest.skip("it starts no process")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = coroscope.map(
            functions.kill_at_5,
            range(8),
            strategy=strategy,
            start_method=start_method,
            return_exceptions=True,
        )
        assert len(list(results)) == 8


PROGRAM = """
import sys
import coroscope
from tests.strategies.functions import square, square_async

def main(strategy, form):
    global results
    function = square if form == "blocking" else square_async
    results = coroscope.map(function, iter(range(10**9)), strategy=strategy, workers=2)
    print(next(results), next(results))

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.mark.parametrize("form", ["blocking", "async"])
def test_a_program_ends_that_has_taken_half_of_the_results(strategy: str, form: str, tmp_path: Path) -> None:
    done = run_program(tmp_path, PROGRAM, strategy, form)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 1\n", "")


def test_a_program_ends_while_its_daemon_is_in_the_middle(strategy: str, tmp_path: Path) -> None:
    done = run_program(
        tmp_path,
        PROGRAM.replace(
            "    main(*sys.argv[1:])",
            "    import threading\n"
            "    def consume():\n"
            "        for _ in coroscope.map(square, iter(int, 1), strategy=sys.argv[1], workers=2):\n"
            "            has_begun.set()\n"
            "    has_begun = threading.Event()\n"
            "    threading.Thread(target=consume, daemon=True).start()\n"
            "    has_begun.wait()\n",
        ),
        strategy,
        "",
    )
    assert done.returncode == 0, done.stderr
