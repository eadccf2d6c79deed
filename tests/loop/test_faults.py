"""Programs that fail, on asyncio's loop and on ours: the same comes of it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest


class Fatal(BaseException):
    """An error that no `except Exception` catches."""


def raising(error: type[BaseException]) -> Callable[..., None]:
    def fail(*_: Any) -> None:
        raise error

    return fail


# Cancellation


def test_a_task_that_swallows_its_cancellations_goes_on(runner: asyncio.Runner) -> None:
    async def stubborn() -> int:
        swallowed = 0
        while swallowed < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
        return swallowed

    async def main() -> tuple[int, int, bool]:
        task = asyncio.create_task(stubborn())
        for _ in range(3):
            await asyncio.sleep(0)
            assert task.cancel()
            await asyncio.sleep(0)
        return await task, task.cancelling(), task.cancelled()

    assert runner.run(main()) == (3, 3, False)


def test_a_time_limit_waits_for_a_task_that_swallows_its_cancellation(runner: asyncio.Runner) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
        return "done all the same"

    async def main() -> tuple[str, int]:
        task = asyncio.create_task(stubborn())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.wait([task])
        task.cancel()
        return await task, task.cancelling()

    assert runner.run(main()) == ("done all the same", 1)


def test_the_end_of_a_run_waits_for_a_task_that_cleans_up_slowly(new_loop: Any) -> None:
    notes = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            for turn in range(3):
                await asyncio.sleep(0)
                notes.append(turn)

    async def main() -> None:
        task = asyncio.create_task(slow())
        await asyncio.sleep(0)
        assert not task.done()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert notes == [0, 1, 2]


# Errors that leave the loop


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_was_ready_behind_a_callback_that_leaves_the_loop_runs_the_next_time(
    loop: Any, error: type[BaseException]
) -> None:
    notes: list[int] = []
    loop.call_soon(notes.append, 1)
    loop.call_soon(raising(error))
    loop.call_soon(notes.append, 2)
    loop.call_soon(loop.stop)
    loop.call_soon(notes.append, 3)
    with pytest.raises(error):
        loop.run_forever()
    assert notes == [1]
    assert not loop.is_running()
    assert asyncio._get_running_loop() is None
    loop.run_forever()
    assert notes == [1, 2, 3]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_was_ready_behind_a_task_that_leaves_the_loop_runs_the_next_time(
    loop: Any, error: type[BaseException]
) -> None:
    notes: list[str] = []

    async def note(name: str) -> None:
        for turn in range(3):
            notes.append(f"{name}{turn}")
            await asyncio.sleep(0)

    async def fail() -> None:
        await asyncio.sleep(0)
        raise error

    tasks = [loop.create_task(note("a")), loop.create_task(fail()), loop.create_task(note("b"))]
    with pytest.raises(error):
        loop.run_until_complete(asyncio.wait(tasks))
    assert notes == ["a0", "b0", "a1"]
    assert asyncio.current_task(loop) is None
    assert isinstance(tasks[1].exception(), error)
    loop.run_until_complete(asyncio.wait(tasks))
    assert notes == ["a0", "b0", "a1", "b1", "a2", "b2"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_error_leaves_the_loop_from_a_timer_and_from_a_futures_callback_too(
    loop: Any, error: type[BaseException]
) -> None:
    future = loop.create_future()
    future.add_done_callback(raising(error))
    loop.call_later(0, raising(error))
    future.set_result(None)
    for _ in range(2):
        with pytest.raises(error):
            loop.run_forever()
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_a_run_that_an_interruption_has_left_can_be_taken_up_again(loop: Any) -> None:
    async def main() -> str:
        loop.call_soon(raising(KeyboardInterrupt))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return "done"

    task = loop.create_task(main())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(task)
    assert not task.done()
    assert loop.run_until_complete(task) == "done"


def test_any_other_error_of_a_callback_is_reported_and_the_loop_goes_on(loop: Any) -> None:
    reports = []
    loop.set_exception_handler(lambda _, report: reports.append(type(report["exception"])))
    for error in (ValueError, Fatal, asyncio.CancelledError, GeneratorExit, StopIteration):
        loop.call_soon(raising(error))
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert reports == [ValueError, Fatal, asyncio.CancelledError, GeneratorExit, StopIteration]


def test_any_other_error_of_a_task_is_the_tasks_own(runner: asyncio.Runner) -> None:
    async def fail(error: type[BaseException]) -> None:
        raise error

    async def main() -> list[Any]:
        tasks = [asyncio.create_task(fail(error)) for error in (Fatal, GeneratorExit, StopAsyncIteration)]
        await asyncio.wait(tasks)
        return [type(task.exception()) for task in tasks]

    assert runner.run(main()) == [Fatal, GeneratorExit, StopAsyncIteration]


def test_recursion_without_end_is_an_error_like_any_other(loop: Any) -> None:
    reports = []
    loop.set_exception_handler(lambda _, report: reports.append(type(report["exception"])))

    def recurse() -> None:
        recurse()

    async def recurse_in_a_task() -> None:
        await recurse_in_a_task()

    loop.call_soon(recurse)
    with pytest.raises(RecursionError):
        loop.run_until_complete(recurse_in_a_task())
    assert reports == [RecursionError]
    assert loop.run_until_complete(asyncio.sleep(0, "well")) == "well"


def test_a_deep_chain_of_awaits_is_resumed_at_its_end(runner: asyncio.Runner) -> None:
    async def descend(depth: int) -> int:
        if depth:
            return 1 + await descend(depth - 1)
        await asyncio.sleep(0)
        return 0

    depth = sys.getrecursionlimit() // 4
    assert runner.run(descend(depth)) == depth


# Reports


def test_an_error_without_a_handler_is_logged(loop: Any, caplog: pytest.LogCaptureFixture) -> None:
    loop.call_soon(raising(ValueError))
    loop.call_soon(loop.stop)
    with caplog.at_level(logging.ERROR, "asyncio"):
        loop.run_forever()
    [record] = caplog.records
    first, second = record.getMessage().splitlines()
    assert first.startswith("Exception in callback raising.<locals>.fail() at ")
    assert second.startswith("handle: <Handle raising.<locals>.fail() at ")
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError


def test_a_handler_that_fails_is_reported_with_what_it_was_told(
    loop: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def handle(_: Any, report: dict[str, Any]) -> None:
        raise KeyError(report["message"])

    loop.set_exception_handler(handle)
    with caplog.at_level(logging.ERROR, "asyncio"):
        loop.call_exception_handler({"message": "the first"})
    [record] = caplog.records
    assert record.getMessage().startswith(
        "Unhandled error in exception handler\ncontext: {'message': 'the first'"
    )


def test_a_handler_may_leave_the_loop(loop: Any) -> None:
    loop.set_exception_handler(raising(SystemExit))
    loop.call_soon(raising(ValueError))
    with pytest.raises(SystemExit):
        loop.run_forever()


@pytest.mark.parametrize("handler", [7, "no", object()])
def test_a_handler_must_be_callable(loop: Any, handler: object) -> None:
    with pytest.raises(TypeError, match="A callable object or None is expected"):
        loop.set_exception_handler(handler)
