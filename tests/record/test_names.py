"""What the recorded tasks are called, however their names come about."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

import coroscope

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
