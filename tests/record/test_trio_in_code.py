"""Recordings that begin or end in the middle of a run of trio, and what the program sees of the recorder there."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import traceback
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.record import trio_recorder
from coroscope.record.recorder import Recorder
from coroscope.record.stream import Stream
from coroscope.record.trio_recorder import TrioRecorder
from coroscope.trace import Trace
from tests.record.breaking import broken_after

trio = pytest.importorskip("trio")
pytest.importorskip("trio.testing")

UNROLLED_RUN = trio._core._run.unrolled_run


@pytest.fixture(autouse=True)
def nothing_of_ours_stays() -> Iterator[None]:
    yield
    assert trio._core._run.unrolled_run is UNROLLED_RUN


async def sleeper(seconds: float = 0.001, times: int = 3) -> str:
    for _ in range(times):
        await trio.sleep(seconds)
    return "slept"


def instruments() -> list[Any]:
    return list(trio.lowlevel.current_task()._runner.instruments["_all"])


def outcomes(trace: Trace) -> list[tuple[str, str, int]]:
    return [(task.coroutine, task.outcome, task.steps) for task in trace.tasks.values()]


def test_tasks_that_exist_already_are_taken_in_and_left_again(tmp_path: Path) -> None:
    event = trio.Event()

    async def waiter() -> None:
        await event.wait()
        await sleeper(0)

    async def main() -> tuple[Trace, list[Any]]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(waiter)
            await trio.testing.wait_all_tasks_blocked()
            with coroscope.record(tmp_path / "out.coroscope") as recording:
                nursery.start_soon(sleeper, 0)
                event.set()
                await trio.testing.wait_all_tasks_blocked()
                await trio.sleep(0.001)
                coroscope.mark("here")
            left = instruments()
            nursery.cancel_scope.cancel()
        return recording.load(), left

    trace, left = trio.run(main)
    assert left == []
    main_task, *others = trace.tasks.values()
    assert main_task.is_main
    assert main_task.coroutine.endswith("main")
    assert [(task.coroutine.split(".")[-1], task.parent, task.outcome, task.steps) for task in others] == [
        ("sleep_forever", None, "pending", 0),
        ("waiter", None, "returned", 4),
        ("sleeper", main_task.id, "returned", 4),
    ]
    assert main_task.steps == 3
    assert [mark.task for mark in trace.marks] == [main_task.id]
    assert [wait.woken_by for wait in main_task.waits] == [None, "timer"]
    assert [wait.woken_by for task in others for wait in task.waits] == [None, "task"]


def test_a_recording_that_ends_while_another_threads_run_goes_on_leaves_it_alone(tmp_path: Path) -> None:
    left: list[Any] = []
    started, ended = threading.Event(), threading.Event()

    async def main() -> None:
        started.set()
        while not ended.is_set():
            await sleeper(times=1)
        await trio.testing.wait_all_tasks_blocked(0.001)
        left.extend(instruments())

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        thread = threading.Thread(target=trio.run, args=(main,))
        thread.start()
        started.wait()
    ended.set()
    thread.join()
    assert left == []
    tasks = [task for task in recording.load().tasks.values() if task.kind == "task"]
    assert [task.outcome for task in tasks] == ["pending"]


def test_the_programs_own_instruments_are_told_as_without_a_recording(tmp_path: Path) -> None:
    class Own(trio.abc.Instrument):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.told: list[str] = []

        def task_spawned(self, task: Any) -> None:
            self.told.append(f"spawned {task.name}")

        def task_exited(self, task: Any) -> None:
            self.told.append(f"exited {task.name}")

        def after_run(self) -> None:
            self.told.append("over")

    alone, recorded = Own(), Own()
    assert trio.run(sleeper, instruments=[alone]) == "slept"
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        assert trio.run(sleeper, instruments=[recorded]) == "slept"
    assert recorded.told == alone.told
    assert outcomes(recording.load()) == [("sleeper", "returned", 4)]


def test_an_exception_passes_the_same_frames_as_without_a_recording(tmp_path: Path) -> None:
    async def failing() -> None:
        await trio.sleep(0)
        raise LookupError("as it should")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(failing)

    def passed() -> list[str]:
        with pytest.raises(ExceptionGroup) as caught:
            trio.run(main)
        parts = (caught.value, *caught.value.exceptions)
        return [frame.name for part in parts for frame in traceback.extract_tb(part.__traceback__)]

    alone = passed()
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        assert passed() == alone
    assert [(task.outcome, task.exception) for task in recording.load().tasks.values()] == [
        ("raised", "ExceptionGroup"),
        ("raised", "LookupError"),
    ]


def test_an_interrupt_reaches_the_main_task_once(tmp_path: Path) -> None:
    async def main() -> str:
        signal.raise_signal(signal.SIGINT)
        return "not interrupted"

    async def waiting() -> None:
        trio.lowlevel.spawn_system_task(interrupting)
        await trio.sleep_forever()

    async def interrupting() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        for function in (main, waiting):
            with pytest.raises(KeyboardInterrupt):
                trio.run(function)
    trace = recording.load()
    (wait,) = next(task for task in trace.tasks.values() if task.coroutine.endswith("waiting")).waits
    assert wait.woken_by == "signal"
    assert not trace.notices


PARTS: list[tuple[Any, str]] = [
    (TrioRecorder, "__init__"),
    (TrioRecorder, "_start"),
    (TrioRecorder, "_note_created"),
    (TrioRecorder, "_begin_step"),
    (TrioRecorder, "_end_step"),
    (TrioRecorder, "_suspend"),
    (TrioRecorder, "_cause"),
    (TrioRecorder, "_wake"),
    (TrioRecorder, "_deadline"),
    (TrioRecorder, "_outcome"),
    (TrioRecorder, "_end_task"),
    (trio_recorder, "await_chain"),
    (Recorder, "stream"),
    (Stream, "emit"),
]


@pytest.mark.parametrize("after", [0, 1, 5, 20])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[1])
def test_a_part_that_fails_does_not_reach_the_program(
    part: tuple[Any, str],
    after: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner, name = part

    async def main() -> list[Any]:
        done: list[Any] = []
        event = trio.Event()

        async def failing() -> None:
            await event.wait()
            raise LookupError("as it should")

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sleeper, 0)
                nursery.start_soon(failing)
                await trio.sleep(0.001)
                event.set()
        except* LookupError:
            done.append("failed")
        with trio.move_on_after(0.001) as scope:
            await trio.sleep_forever()
        done.append(scope.cancelled_caught)
        done.append(await trio.to_thread.run_sync(sum, [1, 2]))
        done.append(await sleeper(0, 5))
        return done

    monkeypatch.setattr(owner, name, broken_after(getattr(owner, name), after))
    with caplog.at_level(logging.DEBUG), coroscope.record(tmp_path / "broken.coroscope"):
        assert trio.run(main) == ["failed", True, 3, "slept"]
    assert not caplog.records


def test_the_probe_fails_alone_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(TrioRecorder, "_end_step", broken)
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        trio.run(sleeper)
        coroscope.mark("afterwards")
    trace = recording.load()
    assert trace.notices == ("the probe 'trio' stopped early: ValueError in it",)
    assert [mark.name for mark in trace.marks] == ["afterwards"]


def test_runs_that_are_over_are_let_go_of(tmp_path: Path) -> None:
    runners: list[weakref.ref[Any]] = []

    async def main() -> None:
        runners.append(weakref.ref(trio.lowlevel.current_task()._runner))

    with coroscope.record(tmp_path / "out.coroscope"):
        trio.run(main)
        gc.collect()
        assert runners[0]() is None


def test_without_the_probe_nothing_of_trio_is_seen_and_nothing_is_put_into_it(tmp_path: Path) -> None:
    async def main() -> list[Any]:
        return instruments()

    with coroscope.record(tmp_path / "out.coroscope", without=["trio"]) as recording:
        assert trio.run(main) == []
        assert trio._core._run.unrolled_run is UNROLLED_RUN
    assert not recording.load().tasks
