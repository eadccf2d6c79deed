"""Whatever of the recorder fails, and when: the program goes on as it does alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.loop.watch import Watch
from coroscope.record import loop_recorder, walks
from coroscope.record.loop_recorder import LoopRecorder
from coroscope.record.recorder import Recorder
from coroscope.record.stream import Stream, create
from coroscope.record.walks import Walks
from tests.programs import run_recorded, write_program
from tests.record.breaking import broken_after

LOOPS: list[Callable[[], Any]] = [coroscope.Loop, asyncio.SelectorEventLoop]
if sys.platform != "win32":
    uvloop = pytest.importorskip("uvloop")
    LOOPS.append(uvloop.new_event_loop)

PARTS: list[tuple[Any, str]] = [
    (Watch, "_cause_of"),
    (LoopRecorder, "_create"),
    (Watch, "begin_callback"),
    (Watch, "queued"),
    (LoopRecorder, "_end_step"),
    (LoopRecorder, "_end_task"),
    (LoopRecorder, "_keep"),
    (LoopRecorder, "task_created"),
    (LoopRecorder, "_note_created"),
    (Walks, "stack"),
    (LoopRecorder, "_wake"),
    (LoopRecorder, "_write_what_gave_up"),
    (Recorder, "stream"),
    (LoopRecorder, "begin_handle"),
    (LoopRecorder, "begin_step"),
    (LoopRecorder, "queued_step"),
    (Stream, "emit"),
    (Stream, "write"),
    (walks, "await_chain"),
    (walks, "stack_number"),
    (loop_recorder, "task_of"),
]


async def work() -> list[Any]:
    """A bit of everything that a recorder sees; what it returns does not depend on the loop."""
    loop = asyncio.get_running_loop()
    done: list[Any] = []

    async def sleeper(number: int) -> int:
        await asyncio.sleep(0)
        await asyncio.sleep(0.002)
        return number

    async def failing() -> None:
        await asyncio.sleep(0)
        raise LookupError("as it should")

    future = loop.create_future()
    loop.call_later(0.001, future.set_result, "set")
    loop.call_soon(done.append, "called")
    loop.call_soon_threadsafe(done.append, "called by a thread")
    done.append(await future)
    done.append(await asyncio.gather(*map(sleeper, range(3))))
    cancelled = loop.create_task(sleeper(4))
    await asyncio.sleep(0)
    cancelled.cancel()
    results = await asyncio.gather(cancelled, failing(), return_exceptions=True)
    done += [type(result).__name__ for result in results]
    done.append(await asyncio.to_thread(sum, [1, 2]))
    for _ in range(5):
        await asyncio.sleep(0)
    return done


@pytest.mark.parametrize("after", [0, 1, 4, 12, 30])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[1])
@pytest.mark.parametrize("new_loop", LOOPS, ids=lambda new: f"{new.__module__}.{new.__name__}")
def test_a_part_that_fails_does_not_reach_the_program(
    new_loop: Any, part: tuple[Any, str], after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name = part
    reports: list[Any] = []

    async def main() -> list[Any]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
        return await asyncio.wait_for(work(), 20)

    monkeypatch.setattr(owner, name, broken_after(getattr(owner, name), after))
    with coroscope.record(tmp_path / "broken.coroscope"), asyncio.Runner(loop_factory=new_loop) as runner:
        result = runner.run(main())
    assert result == ["called", "called by a thread", "set", [0, 1, 2], "CancelledError", "LookupError", 3]
    assert reports == []


@pytest.mark.parametrize("deed", ["os.unlink('program.coroscope')", "open('program.coroscope', 'w').close()"])
def test_a_program_that_takes_its_trace_away_ends_as_it_does_alone(deed: str, tmp_path: Path) -> None:
    program = write_program(tmp_path, f"import os\n{deed}\nprint('done')\n")
    # Whoever goes on writing to what was mapped and is cut off is killed by the system, and a collection that a busy
    # machine holds up is written at once. What has no name any more can be written to.
    ran = run_recorded(program, options=("--without", "gc") if deed.startswith("open") else ())
    assert (ran.returncode, ran.stdout) == (0, "done\n")
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("part", ["pause", "resume"])
def test_a_fork_prints_nothing_of_a_recorder_that_fails(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(_: Recorder) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Recorder, part, broken)
    with coroscope.record(tmp_path / "broken.coroscope") as recording:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    assert capfd.readouterr().err == ""
    assert recording.load().notices == ("the recording stopped early: RuntimeError in the recorder",)


def test_what_a_signals_handler_raises_in_the_middle_of_our_work_goes_on_to_the_program(
    tmp_path: Path,
) -> None:
    class Alarm(Exception):
        pass

    class Handler:
        def __call__(self, *_: object) -> None:
            raise Alarm

    path = str(tmp_path / "trace")
    create(path, {})
    recorder = Recorder(path)
    handler = Handler()
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(Alarm) as raised:
            handler()
        with pytest.raises(Alarm):
            recorder.fail(raised.value)
        assert recorder.is_recording
        signal.signal(signal.SIGUSR1, before)
        recorder.fail(raised.value)
        assert not recorder.is_recording
    finally:
        signal.signal(signal.SIGUSR1, before)
