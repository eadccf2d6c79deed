"""The picture tells the truth: what the workers are shown to do is what they did, by clocks of their own.

Each item measures itself, and writes that down beside the workload; so the two measurements are of the same run, and
a busy machine shifts both alike.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.programs import coroscope, write_program

MEASURING = """
import json, multiprocessing.util, os, threading, time
import coroscope

here = os.path.dirname(os.path.abspath(__file__))
noted = {}

def note(**measured):
    own = noted.setdefault(os.getpid(), [])
    if not own:  # Written at the end: writing would take its time, and leave the lock to others.
        multiprocessing.util.Finalize(None, write, (own,), exitpriority=1)
    own.append(measured)

def write(own):
    with open(os.path.join(here, "measured"), "a") as file:
        file.write("".join(json.dumps(measured) + "\\n" for measured in own))

def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
"""

MIXED = (
    MEASURING
    + """
def call(number):
    began, used = time.monotonic(), time.thread_time()
    compute(0.02)
    time.sleep(0.04)
    used = time.thread_time() - used
    note(running=used, not_running=time.monotonic() - began - used)
    return number

async def coroutine(number):
    import asyncio
    began = time.monotonic()  # A step is running from its beginning to its end, whoever has the processor.
    compute(0.02)
    note(running=time.monotonic() - began)
    await asyncio.sleep(0.04)
    return number

workload = coroscope.Workload(range(24), call=call, coroutine=coroutine)
"""
)

COMPUTING = (
    MEASURING
    + """
def call(number):
    began, used = time.monotonic(), time.thread_time()
    compute(0.02)
    used = time.thread_time() - used
    note(running=used, held_up=time.monotonic() - began - used)
    return number

workload = coroscope.Workload(range(40), call=call)
"""
)

COSTLY = (
    MEASURING
    + """
class Costly:
    \"\"\"Says itself how long its pickling takes.\"\"\"
    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        began = time.monotonic()
        compute(0.01)
        note(pickling=time.monotonic() - began)
        return rebuilt, (self.number,)

def rebuilt(number):
    began = time.monotonic()
    compute(0.01)
    note(pickling=time.monotonic() - began)
    return Costly(number)

def call(item):
    return item.number

def items():
    for number in range(20):
        yield Costly(number)

workload = coroscope.Workload(items, call=call)
"""
)


def recorded(
    folder: Path, text: str, way: str, *options: str
) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """The figures of one way, and what the items of its recorded run measured."""
    program = write_program(folder, text, "measuring.py")
    done = coroscope(
        "compare", program.name, "--json", "--strategies", way, "--repeat", "1", *options, folder=folder
    )
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    measured = folder / "measured"
    lines = [json.loads(line) for line in measured.read_text().splitlines()] if measured.exists() else []
    return run, lines[len(lines) // 2 :]  # The plain run came first, and did the same.


def total(lines: list[dict[str, float]], what: str) -> float:
    return sum(line.get(what, 0.0) for line in lines)


@pytest.mark.parametrize("way", ["sequential", "threads", "processes:fork", "processes:spawn", "cooperative"])
def test_running_is_what_the_items_used_of_a_processor(tmp_path: Path, way: str) -> None:
    run, lines = recorded(tmp_path, MIXED, way, "--workers", "2")
    states = run["states_s"]
    # What a worker uses to import and to take items up is running, too.
    slack_s = 0.03 if "fork" in way or way in ("sequential", "threads", "cooperative") else 0.5
    assert total(lines, "running") * 0.9 <= states["running"] <= total(lines, "running") * 1.1 + slack_s


@pytest.mark.parametrize("way", ["sequential", "threads"])
def test_waiting_is_what_the_items_slept(tmp_path: Path, way: str) -> None:
    run, lines = recorded(tmp_path, MIXED, way, "--workers", "1")
    states = run["states_s"]
    # Whoever wakes on a busy machine is ready, or waits for the interpreter's lock, until there is a processor.
    not_running_s = states["waiting"] + states["ready"] + states["lock"]
    assert not_running_s == pytest.approx(total(lines, "not_running"), rel=0.1)
    assert states["waiting"] >= 24 * 0.04 * 0.9


def test_threads_wait_for_the_lock_as_long_as_they_are_held_up(tmp_path: Path) -> None:
    shown_of_held_up, lock_of_ready = [], []
    for number in range(5):  # Who looks at the threads may himself have to wait for a processor.
        folder = tmp_path / str(number)
        folder.mkdir()
        run, lines = recorded(folder, COMPUTING, "threads", "--workers", "2")
        states = run["states_s"]
        held_up_s = total(lines, "held_up")
        # With what the workers wait before their first item and behind their last one.
        assert (
            held_up_s * 0.95 <= states["lock"] + states["ready"] + states["waiting"] <= held_up_s * 1.1 + 0.2
        )
        shown_of_held_up.append((states["lock"] + states["ready"]) / held_up_s)
        if run["lock_wait_s"] is not None:  # Where the system lets us look.
            lock_of_ready.append(states["lock"] / states["ready"])
    # Of one run: who looks too late, on a busy machine, sees a thread that sleeps.
    assert median(shown_of_held_up) == pytest.approx(1, rel=0.1)
    assert median(lock_of_ready or [2]) > 1


@pytest.mark.parametrize("way", ["processes:fork", "processes:spawn"])
def test_serialising_is_what_pickling_takes_measured_apart(tmp_path: Path, way: str) -> None:
    run, lines = recorded(tmp_path, COSTLY, way, "--workers", "2")
    assert run["serialising_s"] == pytest.approx(total(lines, "pickling"), rel=0.1)


def test_nothing_is_serialised_where_memory_is_shared(tmp_path: Path) -> None:
    run, lines = recorded(tmp_path, COSTLY, "threads", "--workers", "2")
    assert (run["serialising_s"], run["serialised_bytes"], lines) == (0, 0, [])


def test_the_bytes_are_those_of_items_and_results(tmp_path: Path) -> None:
    text = """
import coroscope
def call(data):
    return data
workload = coroscope.Workload([bytes([number]) * 100_000 for number in range(30)], call=call)
"""
    program = write_program(tmp_path, text, "payload.py")
    done = coroscope(
        "compare",
        program.name,
        "--json",
        "--strategies",
        "processes,loop-per-core",
        "--repeat",
        "1",
        folder=tmp_path,
    )
    for run in json.loads(done.stdout)["runs"]:
        assert run["serialised_bytes"] == pytest.approx(6_000_000, rel=0.01)
