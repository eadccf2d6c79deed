"""Garbage collections in the trace, and that the program does not notice that they are watched."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import coroscope
from coroscope.trace import Trace, load
from tests.programs import run_alone, run_recorded, write_program

PROGRAM = """\
import _thread, asyncio, functools, gc, os, signal, threading

class Late(Exception):
    pass

def handler(number, frame):
    raise Late("from the handler")

def interrupted(number):
    # The signal comes in the middle of the collection, out of C code, where no handler is called.
    class Circle:
        __del__ = staticmethod(functools.partial(_thread.interrupt_main, number))

    circle = Circle()
    circle.itself = circle
    del circle
    try:
        gc.collect()
        for _ in range(1000):
            pass
    except BaseException as error:
        return repr(error)

calls = []
print(gc.callbacks)
gc.callbacks.append(lambda phase, info: calls.append((phase, sorted(info))))
gc.collect(1)
print(calls, len(gc.callbacks))
gc.callbacks.clear()
gc.collect(1)
print(len(calls))

print(interrupted(signal.SIGINT))
signal.signal(signal.SIGTERM, handler)
print(interrupted(signal.SIGTERM))

class Allocates:
    def __del__(self):
        self.kept = [[number] for number in range(5000)]

circle = Allocates()
circle.itself = circle
del circle
print(gc.collect() > 0)

if hasattr(os, "fork"):
    child = os.fork()
    if not child:
        gc.collect()
        print("child", gc.callbacks, flush=True)
        os._exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

async def main():
    keep.extend([(number, [number]) for number in range(400_000)])
    await asyncio.sleep(0)
    gc.collect()
    gc.collect()

keep = []
gc.disable()
asyncio.run(main())
thread = threading.Thread(target=gc.collect)
thread.start()
thread.join()
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_program(tmp_path_factory.mktemp("garbage"), PROGRAM)


@pytest.fixture(scope="module")
def recorded(program: Path) -> subprocess.CompletedProcess[str]:
    return run_recorded(program)


@pytest.fixture(scope="module")
def trace(program: Path, recorded: subprocess.CompletedProcess[str]) -> Trace:
    assert recorded.returncode == 0
    return load(program.with_suffix(".coroscope"))


def test_the_program_does_not_notice(program: Path, recorded: subprocess.CompletedProcess[str]) -> None:
    alone = run_alone(program)
    assert alone.stderr == ""
    assert recorded.stdout == alone.stdout
    assert "ignored" not in recorded.stderr
    assert "KeyboardInterrupt()" in alone.stdout
    assert "Late('from the handler')" in alone.stdout


def test_long_collections_are_there_with_their_generation_and_thread(trace: Trace) -> None:
    full = [found for found in trace.collections if found.generation == 2 and found.process == 1]
    assert len(full) >= 3
    (main,) = {task.thread for task in trace.loop_tasks.values()}
    assert {collection.thread for collection in full[:-1]} == {main}
    assert full[-1].thread != main
    assert all(collection.end_ns is not None for collection in full)
    assert not trace.notices


def test_the_counts_include_the_short_ones(trace: Trace) -> None:
    counted = {totals.generation: totals for totals in trace.collection_totals}
    for generation, totals in counted.items():
        seen = [known for known in trace.collections if known.generation == generation]
        lengths_ns = [(known.end_ns or 0) - known.start_ns for known in seen]
        assert totals.count >= len(seen)
        # Each is written in whole microseconds.
        assert totals.total_ns >= sum(lengths_ns) - 1000 * len(seen)
        assert totals.longest_ns >= max(lengths_ns, default=0)


def test_a_stall_that_is_a_collection_says_so_and_is_no_finding(
    recorded: subprocess.CompletedProcess[str], trace: Trace
) -> None:
    (stall,) = [stall for stall in trace.stalls(1) if stall.is_collecting]
    assert stall.place is None or stall.place.function.endswith("main")
    assert "Garbage collection: " in recorded.stderr
    assert "No findings" in recorded.stderr


@pytest.fixture
def no_collection_but_those_asked_for() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection_but_those_asked_for")
def test_a_block_that_is_recorded_leaves_the_list_as_it_was(tmp_path: Path) -> None:
    before, content = gc.callbacks, list(gc.callbacks)
    phases: list[str] = []

    def callback(phase: str, _: dict[str, int]) -> None:
        phases.append(phase)

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        assert gc.callbacks == content
        gc.callbacks.append(callback)
        gc.collect(0)
    try:
        assert gc.callbacks is before
        assert gc.callbacks == [*content, callback]
        gc.collect(0)
        assert phases == ["start", "stop"] * 2
    finally:
        gc.callbacks.remove(callback)
    assert sum(totals.count for totals in recording.load().collection_totals) == 1


def test_a_list_that_the_program_has_kept_goes_on_being_followed(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope"):
        kept = gc.callbacks
    phases: list[str] = []

    def callback(phase: str, _: dict[str, int]) -> None:
        phases.append(phase)

    kept.append(callback)
    gc.collect(0)
    kept.remove(callback)
    gc.collect(0)
    assert phases == ["start", "stop"]


def test_without_the_probe_nothing_is_recorded_of_them(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope", without=["gc"]) as recording:
        gc.collect()
    assert not recording.load().collection_totals


def test_a_failure_of_the_probe_ends_the_probe_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A function of C, so that the innermost frame is the probe's own, as it is where the probe itself goes wrong.
    monkeypatch.setattr("coroscope.record.garbage.Garbage._count", {}.__getitem__)
    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        gc.collect(0)
        gc.collect(0)
        coroscope.mark("goes on")
    trace = recording.load()
    assert trace.notices == ("the probe 'gc' stopped early: TypeError in it",)
    assert [mark.name for mark in trace.marks] == ["goes on"]
    assert not seen


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_what_still_waits_to_be_told_at_a_fork_is_told_once(tmp_path: Path) -> None:
    program = write_program(
        tmp_path,
        """\
import gc, os
gc.disable()
for _ in range(3):
    kept = [[number] for number in range(20_000)]
    gc.collect(0)
if os.fork() == 0:
    gc.collect(0)
    os._exit(0)
os.wait()
""",
    )
    assert run_recorded(program).returncode == 0
    collections = load(program.with_suffix(".coroscope")).collections
    begun = [collection.start_ns for collection in collections]
    assert len(begun) >= 3
    assert len(set(begun)) == len(begun)
