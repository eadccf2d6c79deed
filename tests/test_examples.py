"""The examples run as their own documentation says, alone and on any loop, and leave nothing behind."""

from __future__ import annotations

import itertools
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import show_json, write_program

FETCH = Path(__file__).resolve().parents[1] / "examples" / "fetch.py"
TIMING = re.compile(r"(one after another|concurrently): (\d+) pages in (\d+\.\d+) s")
LIMIT_S = 100
ON_UVLOOP = (
    "import asyncio, runpy, sys, uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy());"
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)
RECORDED: dict[str, Callable[[Path], list[str]]] = {
    "its own loop": lambda _: [str(FETCH)],
    "our loop": lambda _: ["--loop", "coroscope", str(FETCH)],
    "uvloop": lambda folder: [str(write_program(folder, ON_UVLOOP)), str(FETCH)],
}


def fetch(*arguments: str, program: tuple[str, ...] = (str(FETCH),)) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", *program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)


def timings(output: str) -> dict[str, tuple[int, float]]:
    return {way: (int(pages), float(seconds)) for way, pages, seconds in TIMING.findall(output)}


def without_timings(output: str) -> list[str]:
    return [line for line in output.splitlines() if not TIMING.fullmatch(line)]


@pytest.fixture(scope="module")
def alone() -> subprocess.CompletedProcess[str]:
    return fetch()


def test_fetch_gets_the_same_pages_both_ways(alone: subprocess.CompletedProcess[str]) -> None:
    assert alone.returncode == 0, alone.stderr
    assert alone.stderr == ""
    assert without_timings(alone.stdout)[-1] == "the same pages both times, in the same order"
    assert {way: pages for way, (pages, _) in timings(alone.stdout).items()} == {
        "one after another": 60,
        "concurrently": 60,
    }


def test_fetch_prints_the_same_on_another_loop_but_for_its_timings(
    alone: subprocess.CompletedProcess[str],
) -> None:
    pytest.importorskip("uvloop", reason="uvloop is not made for this platform")
    on_uvloop = fetch(program=("-c", ON_UVLOOP, str(FETCH)))
    assert on_uvloop.returncode == 0, on_uvloop.stderr
    assert without_timings(on_uvloop.stdout) == without_timings(alone.stdout)
    assert timings(on_uvloop.stdout).keys() == timings(alone.stdout).keys()


@pytest.mark.parametrize("way", RECORDED)
def test_fetch_prints_the_same_recorded_and_the_recording_agrees_with_its_timings(
    way: str, alone: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    if way == "uvloop":
        pytest.importorskip("uvloop", reason="uvloop is not made for this platform")
    trace = tmp_path / "fetch.coroscope"
    recorded = fetch(program=("-m", "coroscope", "run", "-o", str(trace), *RECORDED[way](tmp_path)))
    assert recorded.returncode == 0, recorded.stderr
    assert without_timings(recorded.stdout) == without_timings(alone.stdout)

    pages = [task for task in show_json(trace)["tasks"] if task["coroutine"] == "fetch"]
    assert [task["outcome"] for task in pages] == ["returned"] * 120
    for tasks, (count, printed_s) in zip(
        (pages[:60], pages[60:]), timings(recorded.stdout).values(), strict=True
    ):
        assert len(tasks) == count
        recorded_s = max(task["ended_s"] for task in tasks) - min(task["created_s"] for task in tasks)
        # What is timed begins before the first task and ends after the last; it is printed in whole milliseconds.
        assert recorded_s <= printed_s + 0.001
    # The server rests for 20 ms or more in each.
    assert all(task["ended_s"] - task["created_s"] > 0.0199 for task in pages)
    one_after_another, concurrent = pages[:60], pages[60:]
    assert all(task["ended_s"] <= later["created_s"] for task, later in itertools.pairwise(one_after_another))
    assert max(task["created_s"] for task in concurrent) < min(task["ended_s"] for task in concurrent)


@contextmanager
def serving() -> Iterator[str]:
    command = [sys.executable, str(FETCH), "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    assert server.returncode == 0


def test_fetch_gets_the_urls_that_are_given() -> None:
    with serving() as address:
        done = fetch(f"{address}/page/1", f"{address}/page/2")
    assert done.returncode == 0, done.stderr
    assert [pages for pages, _ in timings(done.stdout).values()] == [2, 2]


def test_fetch_says_in_one_line_which_page_it_cannot_get() -> None:
    with serving() as address:
        done = fetch(f"{address}/missing")
    assert done.returncode == 1
    assert re.fullmatch(rf"fetch\.py: .*404.*{re.escape(address)}/missing.*\n", done.stderr)


# Starts the server as the example does, says which process that is, and stays until standard input closes.
WITH_SERVER = """
import os, sys
from pathlib import Path
from fetch import local_server

with local_server() as urls:
    print(Path(f"/proc/self/task/{os.getpid()}/children").read_text(), flush=True)
    if sys.stdin.read() == "fail":
        raise ValueError("failed while the server ran")
"""


def wait_until_ended(process: int) -> None:
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([handle], [], [], LIMIT_S)
    finally:
        os.close(handle)
    assert ended, f"the server, process {process}, still runs"


@pytest.mark.skipif(sys.platform != "linux", reason="finds the server's process in /proc")
@pytest.mark.parametrize("end", ["finish", "fail", signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_with_the_program_however_that_ends(end: str | signal.Signals) -> None:
    pipe = subprocess.PIPE
    program = subprocess.Popen(
        [sys.executable, "-c", WITH_SERVER], stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=FETCH.parent
    )
    with program:
        assert program.stdout is not None
        (server,) = map(int, program.stdout.readline().split())
        if isinstance(end, signal.Signals):
            program.send_signal(end)
        program.communicate(end if end == "fail" else "", timeout=LIMIT_S)
    assert (program.returncode == 0) == (end == "finish")
    wait_until_ended(server)
