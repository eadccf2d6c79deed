"""`with coroscope.record(path)`: what it records of the program around it, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.errors import UsageError
from coroscope.record.layout import AT_REST, HEADER
from coroscope.recording import Recording
from coroscope.trace.model import State, Task, Trace
from tests.programs import coroscope as command_line
from tests.programs import run_recorded, show_json, write_program

Factory = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=["asyncio", "coroscope", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> Factory:
    if request.param == "uvloop":
        factory: Factory = pytest.importorskip("uvloop").new_event_loop
        return factory
    return asyncio.new_event_loop if request.param == "asyncio" else coroscope.Loop


def run(main: Coroutine[Any, Any, Any], new_loop: Factory) -> Any:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


def task(trace: Trace, coroutine: str) -> Task:
    (found,) = [task for task in trace.tasks.values() if task.coroutine.rpartition(".")[2] == coroutine]
    return found


def states(task: Task) -> list[State]:
    """The states that a task is in for a while, one after another; the same one twice counts as one."""
    entered = [span.state for span in task.iter_spans() if span.end_ns > span.start_ns]
    return [state for at, state in enumerate(entered) if at == 0 or entered[at - 1] is not state]


async def child() -> str:
    await asyncio.sleep(0.001)
    return "done"


def test_a_loop_that_starts_in_the_block_is_recorded(new_loop: Factory, tmp_path: Path) -> None:
    async def main() -> None:
        await asyncio.create_task(child())

    with coroscope.record(tmp_path / "out.coroscope") as recording:
        run(main(), new_loop)
    trace = recording.load()
    assert [
        (task.coroutine.rpartition(".")[2], task.outcome, task.is_main) for task in trace.tasks.values()
    ] == [
        ("main", "returned", True),
        ("child", "returned", False),
    ]
    assert [task.steps for task in trace.tasks.values()] == [2, 2]


def test_an_await_chain_ends_in_the_same_function_on_every_loop(new_loop: Factory, tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        run(child(), new_loop)
    (wait,) = task(recording.load(), "child").waits
    assert [frame.function for frame in wait.chain] == ["child", "sleep"]


def test_a_running_loop_is_recorded_with_the_tasks_that_it_has(new_loop: Factory, tmp_path: Path) -> None:
    async def old(done: asyncio.Event) -> None:
        await done.wait()

    async def queued() -> None:
        await asyncio.sleep(0.001)

    async def main() -> Recording:
        done = asyncio.Event()
        waiting = asyncio.create_task(old(done))
        await asyncio.sleep(0)
        about_to_begin = asyncio.create_task(queued())
        with coroscope.record(tmp_path / "out.coroscope") as recording:
            await asyncio.create_task(child())
            done.set()
            await waiting
            await about_to_begin
        return recording

    trace = run(main(), new_loop).load()
    main_task, old_task = task(trace, "main"), task(trace, "old")
    assert (main_task.is_main, main_task.outcome, states(main_task)[0]) == (True, "pending", State.RUNNING)
    assert (old_task.outcome, old_task.steps, old_task.created_at) == ("returned", 1, None)
    (wait,) = old_task.waits
    assert wait.start_ns <= next(main_task.iter_steps())[1], "it waited from the beginning"
    assert (wait.woken_by, wait.waker) == ("task", main_task.id)
    assert wait.place is not None
    assert wait.place.function.endswith(".old")
    queued_task = task(trace, "queued")
    assert (queued_task.outcome, states(queued_task)[0]) == ("returned", State.READY)
    assert [wait.woken_by for wait in queued_task.waits] == ["timer"]
    assert task(trace, "child").parent == main_task.id


def test_the_running_step_ends_where_it_does(new_loop: Factory, tmp_path: Path) -> None:
    """Though other tasks were queued behind it before anything watched: none of them runs inside it."""

    async def opener() -> Recording:
        await asyncio.sleep(0)
        with coroscope.record(tmp_path / "out.coroscope") as recording:
            await asyncio.sleep(0)
            await asyncio.gather(*others)
        return recording

    async def other() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    others: list[asyncio.Task[None]] = []

    async def main() -> Recording:
        opening = asyncio.create_task(opener())
        others.extend(asyncio.create_task(other()) for _ in range(3))
        return await opening

    trace = run(main(), new_loop).load()
    steps = sorted(step for task in trace.tasks.values() for step in task.iter_steps())
    assert all(end <= next_start for (_, end), (next_start, _) in pairwise(steps))
    assert [found.outcome for found in trace.tasks.values()] == ["pending"] * 2 + ["returned"] * 3


def test_tasks_run_in_the_order_in_which_they_were_queued(new_loop: Factory, tmp_path: Path) -> None:
    async def main(path: Path | None) -> list[object]:
        order: list[object] = []
        loop = asyncio.get_running_loop()

        async def step(name: str) -> None:
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)

        tasks = [asyncio.create_task(step(name)) for name in "abc"]
        loop.call_soon(order.append, 1)
        await asyncio.sleep(0)
        loop.call_soon(order.append, 2)
        if path is None:
            await asyncio.gather(*tasks)
        else:
            with coroscope.record(path):
                loop.call_soon(order.append, 3)
                await asyncio.gather(*tasks)
            order.remove(3)
        return order

    assert run(main(tmp_path / "out.coroscope"), new_loop) == run(main(None), new_loop)


def test_a_suspended_task_of_a_loop_that_goes_on_in_the_block_is_taken_in(
    new_loop: Factory, tmp_path: Path
) -> None:
    async def old(done: asyncio.Event) -> None:
        await done.wait()

    async def begin() -> tuple[asyncio.Event, asyncio.Task[None]]:
        done = asyncio.Event()
        waiting = asyncio.create_task(old(done))
        await asyncio.sleep(0)
        return done, waiting

    async def finish(done: asyncio.Event, waiting: asyncio.Task[None]) -> None:
        await child()
        done.set()
        await waiting

    with asyncio.Runner(loop_factory=new_loop) as runner:
        begun = runner.run(begin())
        with coroscope.record(tmp_path / "out.coroscope") as recording:
            runner.run(finish(*begun))
    trace = recording.load()
    assert task(trace, "finish").is_main
    found = task(trace, "old")
    assert (found.outcome, found.is_main) == ("returned", False)
    assert (found.waits[0].woken_by, found.waits[0].waker) == ("task", task(trace, "finish").id)


def test_a_loop_that_starts_in_another_thread_is_recorded(new_loop: Factory, tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        run(child(), new_loop)
        thread = threading.Thread(target=run, args=(child(), new_loop))
        thread.start()
        thread.join()
    trace = recording.load()
    assert [task.outcome for task in trace.loop_tasks.values()] == ["returned", "returned"]
    assert len({task.thread for task in trace.tasks.values()}) == len(trace.loops) == 2


def attached(loop: asyncio.AbstractEventLoop) -> list[object]:
    """Whatever of ours is in the program."""
    found: list[object] = [
        finder for finder in sys.meta_path if type(finder).__module__.startswith("coroscope")
    ]
    if asyncio.events._set_running_loop is not SET_RUNNING_LOOP:
        found.append("_set_running_loop")
    if type(getattr(loop, "_ready", deque())) is not deque:
        found.append("ready queue")
    if getattr(loop, "_watch", None) is not None:
        found.append("watch")
    found += [
        name for name in ("call_soon", "call_later", "call_at", "call_soon_threadsafe") if name in vars(loop)
    ]
    uvloop: Any = sys.modules.get("uvloop")
    if uvloop is not None:
        found += [name for name in ("__init__", "run_forever") if name in vars(uvloop.Loop)]
    return found


SET_RUNNING_LOOP = asyncio.events._set_running_loop


def test_nothing_is_left_of_it_after_the_block(new_loop: Factory, tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        order: list[int] = []
        with coroscope.record(tmp_path / "out.coroscope"):
            assert attached(loop) != []
            await child()
            for number in range(3):
                loop.call_soon(order.append, number)
        assert attached(loop) == []
        assert await asyncio.create_task(child()) == "done"
        assert order == [0, 1, 2]
        assert attached(loop) == []

    run(main(), new_loop)


def test_nothing_is_left_in_a_loop_of_another_thread(tmp_path: Path) -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    with coroscope.record(tmp_path / "out.coroscope"):
        thread.start()
        assert asyncio.run_coroutine_threadsafe(child(), loop).result(60) == "done"
    # What takes the queue away runs before this does.
    assert asyncio.run_coroutine_threadsafe(child(), loop).result(60) == "done"
    assert attached(loop) == []
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_what_another_thread_puts_into_the_queue_while_it_goes_is_not_lost(tmp_path: Path) -> None:
    """It may have found the queue before the loop let go of it."""

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        called = asyncio.Event()
        with coroscope.record(tmp_path / "out.coroscope"):
            append = loop._ready.append
        append(asyncio.Handle(called.set, (), loop))
        await asyncio.wait_for(called.wait(), 60)

    asyncio.run(main())


def test_the_same_loop_can_be_recorded_again(new_loop: Factory, tmp_path: Path) -> None:
    async def main() -> list[Any]:
        recordings = []
        for number in range(3):
            with coroscope.record(tmp_path / f"{number}.coroscope") as recording:
                await asyncio.create_task(child())
            recordings.append(recording)
        return recordings

    for recording in run(main(), new_loop):
        trace = recording.load()
        assert [task.outcome for task in trace.tasks.values()] == ["pending", "returned"]


def test_an_exception_passes_through_and_is_named_in_the_trace(tmp_path: Path) -> None:
    error = LookupError("the program's own")
    recording = coroscope.record(tmp_path / "out.coroscope")
    with pytest.raises(LookupError) as raised, recording:
        raise error
    assert raised.value is error
    assert recording.load().ended.exception == "LookupError"
    with coroscope.record(tmp_path / "out.coroscope") as again:
        pass
    assert again.load().ended.exception is None


def test_the_file_is_at_rest_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.coroscope"
    path.write_text("something else")
    with coroscope.record(path) as recording:
        run(child(), asyncio.new_event_loop)
    assert recording.path == str(path)
    assert HEADER.unpack_from(path.read_bytes())[2] == AT_REST
    ended = recording.load().ended
    assert (ended.complete, ended.exit_code, ended.signal) == (True, None, None)


def test_the_path_counts_from_where_the_block_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with coroscope.record("out.coroscope") as recording:
        os.chdir("/")
    assert recording.path == str(tmp_path / "out.coroscope")
    assert recording.load().tasks == {}


def test_a_trace_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    async def main() -> None:
        with coroscope.record(tmp_path / "out.coroscope") as recording:
            await child()
            assert [task.outcome for task in recording.load().tasks.values()] == ["pending"]

    asyncio.run(main())


def test_a_second_recording_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        with pytest.raises(RuntimeError, match="is being recorded in this process"):
            coroscope.record(tmp_path / "inner.coroscope").__enter__()
        run(child(), asyncio.new_event_loop)
    assert len(recording.load().tasks) == 1
    assert not (tmp_path / "inner.coroscope").exists()


def test_a_path_that_cannot_be_written_is_named_before_anything_is_touched(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "out.coroscope"
    with pytest.raises(UsageError, match=r"cannot write the trace to .*give record\(\) another path"):
        coroscope.record(missing).__enter__()
    assert attached(asyncio.new_event_loop()) == []
    with coroscope.record(tmp_path / "out.coroscope"):
        pass


def test_a_recorder_that_fails_ends_the_recording_and_not_the_program(
    new_loop: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coroscope.record.stream import Stream

    async def main() -> tuple[str, Any]:
        with coroscope.record(tmp_path / "out.coroscope") as recording:
            await child()
            monkeypatch.setattr(Stream, "emit", fail)
            monkeypatch.setattr(Stream, "write", fail)
            result = await asyncio.create_task(child())
            monkeypatch.undo()
        assert attached(asyncio.get_running_loop()) == []
        return result, recording

    def fail(*_: Any) -> None:
        raise OSError("no room")

    result, recording = run(main(), new_loop)
    assert result == "done"
    assert not recording.load().ended.complete


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_writes_nothing_and_leaves_the_file_to_its_parent(tmp_path: Path) -> None:
    program = write_program(
        tmp_path,
        """\
import os, sys, coroscope, asyncio
async def parent(): await asyncio.sleep(0.001)
async def child(): await asyncio.sleep(0.001)
with coroscope.record("out.coroscope") as recording:
    process = os.fork()
    if process:
        os.waitpid(process, 0)
        asyncio.run(parent())
    else:
        asyncio.run(child())
if not process:
    with coroscope.record("child.coroscope"):
        asyncio.run(child())
    os._exit(0)
""",
    )
    done = _python(program)
    assert done.returncode == 0, done.stderr
    for name, coroutine in (("out", "parent"), ("child", "child")):
        trace = coroscope.load(tmp_path / f"{name}.coroscope")
        assert [task.coroutine for task in trace.tasks.values()] == [coroutine]
        assert trace.ended.complete


def _python(program: Path) -> Any:
    import subprocess

    return subprocess.run(
        [sys.executable, "-W", "error", program],
        cwd=program.parent,
        capture_output=True,
        text=True,
        timeout=100,
    )


IN_BOTH = """\
import asyncio, coroscope, sys
async def main():
    await asyncio.sleep(0.001)
    with coroscope.record("part.coroscope") as recording:
        coroscope.mark("inside")
        await asyncio.sleep(0.001)
    print(len(recording.load().tasks))
asyncio.run(main())
"""


def test_in_a_program_that_is_recorded_it_is_a_region(tmp_path: Path) -> None:
    ran = run_recorded(write_program(tmp_path, IN_BOTH))
    assert (ran.returncode, ran.stdout) == (0, "1\n"), ran.stderr
    assert not (tmp_path / "part.coroscope").exists()
    shown = show_json(tmp_path / "program.coroscope")
    (region,) = shown["regions"]
    assert (region["name"], region["task"]) == ("part.coroscope", 1)
    (mark,) = shown["marks"]
    assert region["start_s"] <= mark["time_s"] <= region["end_s"]


def test_every_view_shows_such_a_recording(tmp_path: Path) -> None:
    program = write_program(tmp_path, IN_BOTH)
    done = _python(program)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    shown = command_line("show", "part.coroscope", "--html", "page.html", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "main" in shown.stdout
    assert (tmp_path / "page.html").is_file()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_stall_behind_a_fork_has_its_place(tmp_path: Path) -> None:
    async def main() -> None:
        await asyncio.sleep(0)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        time.sleep(0.5)

    with coroscope.record(tmp_path / "forks.coroscope") as recording:
        asyncio.run(main())
    (stall,) = recording.load().stalls(400)
    assert stall.place is not None
    assert stall.place.function.endswith("main")
