"""What a program lets go of is freed while it is recorded, as it is alone."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import coroscope

LOOPS: list[Callable[[], Any]] = [coroscope.Loop, asyncio.SelectorEventLoop]
if sys.platform != "win32":
    uvloop = pytest.importorskip("uvloop")
    LOOPS.append(uvloop.new_event_loop)


async def work() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await asyncio.sleep(0.001)
    await task


async def fail() -> None:
    raise ValueError("as it should")


@pytest.mark.parametrize("new_loop", LOOPS, ids=lambda new: f"{new.__module__}.{new.__name__}")
def test_a_loop_is_freed_when_the_program_lets_go_of_it(new_loop: Any, tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "t.coroscope") as recording:
        loop = new_loop()
        loop.run_until_complete(work())
        with pytest.raises(ValueError, match="as it should"):
            loop.run_until_complete(fail())
        loop.close()
        reference = weakref.ref(loop)
        del loop
        gc.collect()
        assert reference() is None
    assert [task.coroutine for task in recording.load().tasks.values()] == ["work", "sleep", "fail"]


def test_a_loop_that_ends_closed_is_freed_at_once(tmp_path: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        with coroscope.record(tmp_path / "t.coroscope"):
            loop = asyncio.SelectorEventLoop()
            loop.run_until_complete(work())
            loop.close()
            reference = weakref.ref(loop)
            del loop
            assert reference() is None
    finally:
        gc.enable()
