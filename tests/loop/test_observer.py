"""What a loop tells its observer, and that being observed changes nothing."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.loop.observer import Cause
from coroscope.record.asyncio_probe import attach
from coroscope.record.recorder import Recorder
from coroscope.record.stream import create


class Notes:
    """An observer that writes down what it is told; its tokens are the names of the tasks' coroutines."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.polls = 0

    def loop_started(self) -> None:
        self.told.append(("started",))

    def loop_stopped(self) -> None:
        self.told.append(("stopped",))

    def task_created(self, task: Any, cause: Cause, is_eager: bool) -> Any:
        name = task.get_coro().__name__
        self.told.append(("created", name, cause.kind.value, cause.task, *(["eager"] if is_eager else [])))
        return name

    def task_ready(self, token: Any, cause: Cause) -> None:
        self.told.append(("ready", token, cause.kind.value, cause.task))

    def step_begun(self, token: Any) -> None:
        self.told.append(("begun", token))

    def step_ended(self, token: Any) -> None:
        self.told.append(("ended", token))

    def step_paused(self, token: Any) -> None:
        self.told.append(("paused", token))

    def step_resumed(self, token: Any) -> None:
        self.told.append(("resumed", token))

    def task_destroyed(self, token: Any) -> None:
        self.told.append(("destroyed", token))

    def polled(self, blocked_ns: int) -> None:
        assert blocked_ns >= 0
        self.polls += 1

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [note for note in self.told if name in note[1:2]]


def observed(
    main: Callable[[], Awaitable[Any]], debug: bool = False, new_loop: Callable[[], Any] = coroscope.Loop
) -> Notes:
    """What is told of `main` on a loop of ours."""
    notes = Notes()
    loop = new_loop()
    try:
        loop.set_debug(debug)
        loop.set_observer(notes)
        loop.run_until_complete(main())
    finally:
        loop.close()
    return notes


@pytest.mark.parametrize("debug", [False, True])
def test_every_step_is_told_in_order(debug: bool) -> None:
    async def child() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.create_task(child())

    told = observed(main, debug).told
    assert [note for note in told if note[0] != "destroyed"] == [
        ("created", "main", "outside", None),
        ("started",),
        ("begun", "main"),
        ("created", "child", "task", "main"),
        ("ended", "main"),
        ("begun", "child"),
        ("ready", "child", "task", "child"),
        ("ended", "child"),
        ("begun", "child"),
        ("ready", "main", "task", "child"),
        ("ended", "child"),
        ("begun", "main"),
        ("ended", "main"),
        ("stopped",),
    ]


def test_a_timer_is_named_as_what_woke_a_task() -> None:
    async def main() -> None:
        await asyncio.sleep(0.001)

    assert ("ready", "main", "timer", None) in observed(main).told


def test_a_thread_is_named_as_what_woke_a_task() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=[future.set_result, None])
        thread.start()
        await future
        thread.join()

    assert ("ready", "main", "thread", None) in observed(main).told


def test_a_socket_is_named_as_what_woke_a_task() -> None:
    async def main() -> None:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.read()
            writer.close()

    assert ("ready", "main", "io", None) in observed(main).told


def test_a_callback_hands_on_the_cause_that_made_it_run() -> None:
    async def child() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(asyncio.create_task(child()))

    assert ("ready", "main", "task", "child") in observed(main).told


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_an_eager_step_is_told_inside_the_step_that_makes_it() -> None:
    async def child() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        await loop.create_task(child(), eager_start=True)

    told = observed(main).told
    begun = told.index(("begun", "main"))
    assert told[begun + 1 : begun + 7] == [
        ("paused", "main"),
        ("created", "child", "task", "main", "eager"),
        ("begun", "child"),
        ("ready", "child", "task", "child"),
        ("ended", "child"),
        ("resumed", "main"),
    ]


def test_a_task_that_is_freed_unfinished_is_told_as_destroyed() -> None:
    async def forgotten() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        task = asyncio.create_task(forgotten())
        await asyncio.sleep(0)
        del task
        gc.collect()

    assert observed(main).of("forgotten")[-1] == ("destroyed", "forgotten")


def test_an_observer_that_leaves_hears_no_more_and_the_program_goes_on() -> None:
    async def main() -> list[int]:
        asyncio.get_running_loop().set_observer(None)  # type: ignore[attr-defined]
        return [await asyncio.sleep(0, turn) for turn in range(3)]

    notes = Notes()
    loop = coroscope.Loop()
    try:
        loop.set_observer(notes)
        assert loop.run_until_complete(main()) == [0, 1, 2]
    finally:
        loop.close()
    assert [kind for kind, *_ in notes.told] == ["created", "started", "begun"]


def test_an_observer_may_come_while_the_loop_runs() -> None:
    notes = Notes()

    async def main() -> None:
        asyncio.get_running_loop().set_observer(notes)  # type: ignore[attr-defined]
        await asyncio.create_task(asyncio.sleep(0))

    loop = coroscope.Loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert [kind for kind, *_ in notes.of("sleep")][:2] == ["created", "begun"]


@pytest.mark.parametrize("debug", [False, True])
def test_an_observer_that_comes_in_a_batch_hears_of_the_rest_of_it_in_its_order(debug: bool) -> None:
    notes = Notes()
    order: list[str] = []

    async def opener() -> None:
        await asyncio.sleep(0)  # now all that is behind this task is in the same batch
        loop: Any = asyncio.get_running_loop()
        loop.call_soon(order.append, "next round")
        loop.set_observer(notes)
        order.append("opened")

    async def behind(name: str) -> None:
        await asyncio.sleep(0)
        order.append(name)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(opener())
            group.create_task(behind("a"))
            await asyncio.sleep(0)
            asyncio.get_running_loop().call_soon(order.append, "callback")
            group.create_task(behind("b"))

    with asyncio.Runner(loop_factory=coroscope.Loop, debug=debug) as runner:
        runner.run(main())
    assert order == ["opened", "a", "callback", "next round", "b"]
    assert [kind for kind, *_ in notes.of("behind") if kind in ("begun", "ended")] == ["begun", "ended"] * 3


@pytest.mark.parametrize("new_loop", [coroscope.Loop, asyncio.SelectorEventLoop])
def test_nothing_is_kept_of_a_callback_that_is_cancelled_in_the_queue(new_loop: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "trace")
    create(path, {})
    recorder = Recorder(path)

    async def main() -> None:
        watch: Any = attach(asyncio.get_running_loop(), recorder)
        handles = [asyncio.get_running_loop().call_soon(print) for _ in range(10)]
        for handle in handles:
            handle.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(watch._causes) <= 1  # of what runs next

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
        recorder.end(None)
        recorder.detach()
