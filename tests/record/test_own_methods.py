"""What a program has put on its loop itself stays there, and is what runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

import coroscope

LOOPS: list[Callable[[], Any]] = [coroscope.Loop, asyncio.SelectorEventLoop]
if sys.platform != "win32":
    uvloop = pytest.importorskip("uvloop")
    LOOPS.append(uvloop.new_event_loop)


@pytest.fixture(params=LOOPS, ids=lambda new: f"{new.__module__}.{new.__name__}")
def loop(request: pytest.FixtureRequest) -> Any:
    loop = request.param()
    yield loop
    loop.close()


async def fail() -> None:
    raise ValueError("as it should")


async def lose_a_failed_task() -> None:
    asyncio.get_running_loop().create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_a_handler_of_exceptions_that_stands_on_the_loop_is_left_alone(loop: Any, tmp_path: Path) -> None:
    reports: list[Any] = []
    loop.call_exception_handler = handler = reports.append
    with coroscope.record(tmp_path / "t.coroscope") as recording:
        loop.run_until_complete(lose_a_failed_task())
        assert loop.call_exception_handler is handler
    assert loop.call_exception_handler is handler
    assert [type(report["exception"]) for report in reports] == [ValueError]
    assert len(recording.load().tasks) == 2


@pytest.mark.parametrize("name", ["call_soon", "call_later", "call_at", "call_soon_threadsafe"])
def test_scheduling_methods_that_stand_on_the_loop_are_there_again(
    loop: Any, name: str, tmp_path: Path
) -> None:
    intact = getattr(loop, name)
    calls: list[Any] = []

    def own(*args: Any, **options: Any) -> Any:
        calls.append(args)
        return intact(*args, **options)

    setattr(loop, name, own)
    with coroscope.record(tmp_path / "t.coroscope"):
        loop.run_until_complete(asyncio.sleep(0))
        args = (0.0, int) if name in ("call_later", "call_at") else (int,)
        getattr(loop, name)(*args)
    assert vars(loop)[name] is own
    assert calls[-1] == args


def test_a_mock_in_the_place_of_the_handler_of_all_loops_is_asked_as_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = Mock()
    monkeypatch.setattr(asyncio.BaseEventLoop, "call_exception_handler", handler)
    loop = asyncio.SelectorEventLoop()
    with coroscope.record(tmp_path / "t.coroscope"):
        loop.run_until_complete(lose_a_failed_task())
        assert loop.call_exception_handler is handler
    loop.close()
    ((context,), _) = handler.call_args
    assert type(context["exception"]) is ValueError
