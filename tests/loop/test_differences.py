"""What docs/reference/differences.md says of our loop, where asyncio would do otherwise."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.loop.future import Future
from tests.cpython.__main__ import DIFFERENCES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "differences.md"


@pytest.mark.parametrize("name", sorted({name.rpartition(".")[2] for name in DIFFERENCES}))
def test_a_test_of_cpythons_that_fails_is_in_the_documentation(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")


def test_a_method_called_by_the_types_name_finds_an_empty_future() -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        future.set_result(7)
        with pytest.raises(asyncio.InvalidStateError):
            asyncio.Future.result(future)
        assert not asyncio.Future.done(future)

    coroscope.run(main())


def test_a_subclass_without_our_constructor_raises_attribute_error() -> None:
    class Forgetful(Future):
        def __init__(self) -> None:
            """Calls nothing."""

        def __del__(self) -> None:
            """Has nothing to report."""

    with pytest.raises(AttributeError):
        Forgetful().result()


def test_tasks_are_scheduled_without_call_soon() -> None:
    async def main() -> list[Any]:
        loop: Any = asyncio.get_running_loop()
        calls: list[Any] = []
        loop.call_soon = lambda *arguments, **_: calls.append(arguments)
        task = asyncio.create_task(asyncio.sleep(0))
        assert task in loop._ready
        await task
        return calls

    assert coroscope.run(main()) == []


def test_a_task_whose_context_cannot_be_entered_ends_with_that_error() -> None:
    context = contextvars.copy_context()
    loop = coroscope.new_event_loop()

    def run_inside() -> asyncio.Task[None]:
        task = loop.create_task(asyncio.sleep(0), context=context)
        loop.call_later(0, loop.stop)
        loop.run_forever()
        return task

    try:
        task = context.run(run_inside)
    finally:
        loop.close()
    task.get_coro().close()
    assert isinstance(task.exception(), RuntimeError)


def test_an_awaited_failure_has_one_more_frame_in_its_traceback() -> None:
    async def fail() -> None:
        raise ValueError("no")

    async def main() -> list[str]:
        try:
            await asyncio.create_task(fail())
        except ValueError as error:
            return [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        return []

    assert coroscope.run(main()) == ["main", "__await__", "fail"]


@pytest.mark.parametrize("way", ["call_soon", "call_later", "add_done_callback"])
def test_the_traceback_of_what_a_callback_raised_begins_in_it(way: str) -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        told: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: told.append(context))

        def callback(*_: object) -> None:
            int("no number")

        if way == "call_soon":
            loop.call_soon(callback)
            loop.call_soon(callback, "given something")
        elif way == "call_later":
            loop.call_later(0, callback)
        else:
            future = loop.create_future()
            future.add_done_callback(callback)
            future.set_result(None)
        await asyncio.sleep(0.001)
        return [
            frame.name
            for context in told
            for frame in traceback.extract_tb(context["exception"].__traceback__)
        ]

    assert set(coroscope.run(main())) == {"callback"}


def test_heapq_refuses_the_scheduled_timers() -> None:
    loop: Any = coroscope.new_event_loop()
    try:
        with pytest.raises(TypeError):
            heapq.heappush(loop._scheduled, loop.call_later(60, print))
    finally:
        loop.close()


@pytest.mark.skipif(sys.version_info < (3, 14), reason="asyncio.run takes any awaitable since 3.14")
def test_run_takes_coroutines_only() -> None:
    class Awaitable:
        def __await__(self) -> Any:
            yield
            return "awaited"

    assert asyncio.run(Awaitable()) == "awaited"  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="give a coroutine"):
        coroscope.run(Awaitable())  # type: ignore[arg-type]
