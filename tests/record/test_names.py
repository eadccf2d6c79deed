"""What the recorded tasks are called, however their names come about."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.trace.model import Trace

LOOPS: list[Any] = [coroscope.Loop, asyncio.SelectorEventLoop]
if sys.platform != "win32":
    LOOPS.append(pytest.importorskip("uvloop").new_event_loop)


@pytest.mark.parametrize("new_loop", LOOPS, ids=lambda new: f"{new.__module__}.{new.__name__}")
def test_names_are_those_that_the_tasks_have_at_their_end(new_loop: Any, tmp_path: Path) -> None:
    names: list[str] = []

    async def child(new_name: str | None = None) -> None:
        task = asyncio.current_task()
        assert task is not None
        if new_name is not None:
            task.set_name(new_name)
        await asyncio.sleep(0)
        names.append(task.get_name())

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        names.append(task.get_name())
        for _ in range(3):
            await asyncio.create_task(child())
        await asyncio.create_task(child(), name="own")
        await asyncio.create_task(child())
        await asyncio.create_task(child("Task-5000"))
        await asyncio.create_task(child("Task-05"))
        await asyncio.create_task(child())

    with (
        coroscope.record(tmp_path / "t.coroscope") as recording,
        asyncio.Runner(loop_factory=new_loop) as runner,
    ):
        runner.run(main())
    trace = recording.load()
    assert [task.name for task in trace.tasks.values()] == names
    assert trace.notices == ()


def waited_at(trace: Trace, coroutine: str) -> set[tuple[str, str]]:
    """At which functions and lines of the user's the one task of `coroutine` waited."""
    (task,) = [task for task in trace.tasks.values() if task.coroutine == coroutine]
    places = {wait.place for wait in task.waits if wait.chain}
    lines = Path(__file__).read_text().splitlines()
    return {
        (place.function.rpartition(".")[2], lines[(place.line or 0) - 1].strip()) for place in places if place
    }


async def _naps() -> None:
    for _ in range(3):
        await asyncio.sleep(0.005)


def test_a_call_of_wait_is_called_so_and_waits_at_the_line_that_made_it(tmp_path: Path) -> None:
    def work() -> None:
        coroscope.wait([_naps(), _naps()])

    with coroscope.record(tmp_path / "t.coroscope") as recording:
        work()
    trace = recording.load()
    assert waited_at(trace, "coroscope.wait") == {("work", "coroscope.wait([_naps(), _naps()])")}


@pytest.mark.parametrize("new_loop", LOOPS, ids=lambda new: f"{new.__module__}.{new.__name__}")
def test_a_task_of_wait_async_waits_at_the_line_that_made_it(new_loop: Any, tmp_path: Path) -> None:
    async def main() -> None:
        task = asyncio.create_task(coroscope.wait_async([_naps()]))
        await task

    with (
        coroscope.record(tmp_path / "t.coroscope") as recording,
        asyncio.Runner(loop_factory=new_loop) as runner,
    ):
        runner.run(main())
    places = waited_at(recording.load(), "coroscope.wait_async")
    assert places == {("main", "task = asyncio.create_task(coroscope.wait_async([_naps()]))")}


def test_a_call_of_wait_that_has_not_ended_waits_at_its_line_too(tmp_path: Path) -> None:
    async def main() -> None:
        task = asyncio.create_task(coroscope.wait_async([asyncio.sleep(60)]))
        await asyncio.sleep(0.01)
        recording.__exit__(None, None, None)
        task.cancel()

    recording = coroscope.record(tmp_path / "t.coroscope")
    recording.__enter__()
    asyncio.run(main())
    places = waited_at(recording.load(), "coroscope.wait_async")
    assert [function for function, _ in places] == ["main"]
