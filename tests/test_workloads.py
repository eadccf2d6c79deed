"""The workloads among the examples give the same results by every strategy, and leave nothing behind."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from coroscope.strategies.processes import start_methods

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "workloads"
WORKLOADS = [
    "waiting",
    "computing",
    "mixed_10_90",
    "mixed_50_50",
    "releases_lock",
    "large_payloads",
    "fetch_http",
]
OF_PROCESSES = ("processes", "loop-per-core")
WAYS = [
    "sequential",
    "threads",
    "cooperative",
    *(f"{strategy} {method}" for strategy in OF_PROCESSES for method in start_methods()),
    *(["interpreters"] if sys.version_info >= (3, 14) else []),
]
ITEMS = 6
LIMIT_S = 100
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
# Called with the workload's file, a way and how many items: the results' hashes, and what is left of a second map when
# it is over that was not there before it: the first may start what is kept for others, as a fork server is.
EVERY_WAY = """
import gc, hashlib, importlib, json, os, sys, threading
from pathlib import Path
import coroscope

def left():
    gc.collect()
    task = f"/proc/self/task/{os.getpid()}"
    return {
        "processes": sorted(Path(task, "children").read_text().split()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "descriptors": sorted(os.listdir("/proc/self/fd")),
    }

def digests(way):
    strategy, _, start_method = way.partition(" ")
    results = coroscope.map(
        workload.function(strategy), items, strategy=strategy, workers=2, start_method=start_method or None
    )
    return [hashlib.sha256(repr(result).encode()).hexdigest() for result in results]

if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    workload = importlib.import_module(sys.argv[2]).workload
    items = list(workload.items)[:int(sys.argv[3])]
    told = {}
    for way in sys.argv[4:]:
        digests(way)
        before = left()
        results = digests(way)
        told[way] = {"results": results, "before": before, "after": left()}
    print(json.dumps(told))
"""


def processes_marked(mark: str) -> dict[int, str]:
    """The processes that have `mark` in their environment, which a program started however far down, by number."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if mark.encode() in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


def wait_until_ended(process: int) -> None:
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([handle], [], [], LIMIT_S)
    finally:
        os.close(handle)
    assert ended, f"process {process} still runs"


@pytest.fixture
def mark() -> Iterator[str]:
    """Marks the processes of a test, all of which have ended with it."""
    mark = uuid.uuid4().hex
    yield mark
    assert processes_marked(mark) == {}


def environment(mark: str, folder: Path) -> dict[str, str]:
    return os.environ | {"MARK": mark, "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


@on_linux
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_has_equal_results_by_every_strategy_and_leaves_nothing_behind(
    name: str, mark: str, tmp_path: Path
) -> None:
    program, temporary = tmp_path / "program.py", tmp_path / "temporary"
    program.write_text(EVERY_WAY)
    temporary.mkdir()
    command = [sys.executable, str(program), str(FOLDER), name, str(ITEMS), *WAYS]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=250, env=environment(mark, temporary)
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert {way: each["after"] for way, each in told.items()} == {
        way: each["before"] for way, each in told.items()
    }
    expected = told["sequential"]["results"]
    assert len(expected) == ITEMS
    assert {way: each["results"] for way, each in told.items()} == dict.fromkeys(WAYS, expected)
    assert list(temporary.iterdir()) == []


@on_linux
@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_run_by_hand_prints_a_line_for_each_strategy(name: str, mark: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), "4"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        env=environment(mark, tmp_path),
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines, last = done.stdout.splitlines()
    assert first.endswith(", 4 items")
    assert last == "the same results by all of them"
    strategies = [found[1] for line in lines if (found := re.fullmatch(r"(\S+) +[\d.]+ s +[\d.]+ ×", line))]
    assert set(strategies) == {way.partition(" ")[0] for way in WAYS}
    assert len(strategies) == len(set(strategies))
    assert list(tmp_path.iterdir()) == []


# Starts the server by making the items, and workers by fork, which inherit its lifeline; says so, and stays.
WITH_SERVER = """
import sys
import coroscope
from fetch_http import workload

with coroscope.map(workload.function("processes"), list(workload.items) * 100, strategy="processes") as results:
    next(results)
    print("begun", flush=True)
    if sys.stdin.read() == "fail":
        raise ValueError("failed while the server ran")
"""


@on_linux
@pytest.mark.parametrize("end", ["finish", "fail", signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_with_the_program_however_that_ends(
    end: str | signal.Signals, mark: str, tmp_path: Path
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", WITH_SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=FOLDER,
        env=environment(mark, tmp_path),
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "begun\n"
        others = {
            number: command for number, command in processes_marked(mark).items() if number != program.pid
        }
        assert sum("--serve" in command for command in others.values()) == 1
        assert len(others) > 1
        if isinstance(end, signal.Signals):
            program.send_signal(end)
        program.communicate(end if end == "fail" else "", timeout=LIMIT_S)
    assert (program.returncode == 0) == (end == "finish")
    for number in others:
        wait_until_ended(number)
