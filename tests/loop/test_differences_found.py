"""What random programs have shown once, in its smallest form: asyncio's loop and ours do the same."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

import coroscope
from tests.loop.clocks import jumping


@pytest.fixture(params=[asyncio.SelectorEventLoop, coroscope.Loop])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner


async def fail() -> None:
    raise ValueError("no")


async def ended(task: asyncio.Task[Any]) -> None:
    await asyncio.wait([task])


@pytest.mark.parametrize("is_awaited", [True, False])
def test_a_failed_task_is_freed_when_its_error_has_been_raised_and_forgotten(
    runner: asyncio.Runner, is_awaited: bool
) -> None:
    async def main() -> weakref.ref[Any]:
        task = asyncio.create_task(fail())
        await ended(task)
        reference = weakref.ref(task)
        try:
            await task if is_awaited else task.result()
        except ValueError:
            del task  # the traceback keeps this frame
        return reference

    gc.disable()
    try:
        assert runner.run(main())() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("set_again", ["set_result", "set_exception"])
def test_the_error_of_setting_a_future_twice_does_not_keep_it(runner: asyncio.Runner, set_again: str) -> None:
    async def main() -> tuple[BaseException, weakref.ref[Any]]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(1)
        try:
            getattr(future, set_again)(ValueError())
        except asyncio.InvalidStateError as error:
            return error, weakref.ref(future)
        raise AssertionError

    error, future = runner.run(main())
    # `main`'s own frame, of which the error keeps the traceback, has the future as a local variable too.
    assert error.__traceback__ is not None
    error.__traceback__.tb_frame.clear()
    assert future() is None


def test_the_message_of_a_cancellation_is_not_the_tasks_own_once_it_has_been_thrown(
    runner: asyncio.Runner,
) -> None:
    async def main() -> Any:
        task = asyncio.create_task(asyncio.sleep(0))
        await asyncio.sleep(0)
        task.cancel("enough")
        await ended(task)
        return await asyncio.gather(task, return_exceptions=True)

    assert [error.args for error in runner.run(main())] == [("",)]


def test_a_task_that_yields_itself_is_told_so_first(runner: asyncio.Runner) -> None:
    class YieldsItself:
        def __await__(self) -> Any:
            yield asyncio.current_task()

    async def main() -> None:
        await YieldsItself()

    with pytest.raises(RuntimeError, match="cannot await on itself"):
        runner.run(main())


def test_a_task_factory_is_used_by_those_who_have_kept_create_task_from_before(
    runner: asyncio.Runner,
) -> None:
    made = []

    def make(loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        create_task = loop.create_task
        loop.set_task_factory(make)
        await create_task(asyncio.sleep(0))

    runner.run(main())
    assert made == ["sleep"]


def test_a_generator_is_closed_by_a_task_of_the_factory_that_is_set_by_then(runner: asyncio.Runner) -> None:
    made = []

    async def generate() -> AsyncGenerator[int, None]:
        yield 1

    def make(loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(type(coroutine).__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main() -> None:
        async for _ in generate():
            break
        asyncio.get_running_loop().set_task_factory(make)
        await asyncio.sleep(0)

    runner.run(main())
    assert "async_generator_athrow" in made


def test_a_futures_error_that_nobody_retrieved_is_reported(runner: asyncio.Runner) -> None:
    reports = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, report: reports.append((report["message"], report["exception"])))
        future = loop.create_future()
        future.set_exception(error)
        del future

    error = ValueError()
    runner.run(main())
    assert reports == [("Future exception was never retrieved", error)]


@pytest.mark.parametrize("debug", [False, True])
def test_the_report_of_a_failed_callback_names_its_arguments_where_asyncios_does(debug: bool) -> None:
    def failing(argument: int) -> None:
        raise ValueError(argument)

    def message(new_loop: Any) -> str:
        messages: list[str] = []
        loop = new_loop()
        loop.set_debug(debug)
        loop.set_exception_handler(lambda _, report: messages.append(report["message"]))
        loop.call_soon(failing, 123)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        return messages[0]

    assert message(coroscope.Loop) == message(asyncio.SelectorEventLoop)


def test_timers_due_at_the_same_time_run_in_asyncios_order() -> None:
    """Which depends on the heap's shape, and so on when cancelled timers leave it."""

    def order(new_loop: Any) -> list[int]:
        called: list[int] = []
        loop = jumping(new_loop)
        when = loop.time() + 0.01
        loop.call_at(when, called.append, -1).cancel()
        loop.call_at(when, called.append, 0)
        loop.call_soon(loop.call_soon, lambda: [loop.call_at(when, called.append, n) for n in range(1, 9)])
        loop.call_at(when + 0.01, loop.stop)
        loop.run_forever()
        loop.close()
        return called

    assert order(coroscope.Loop) == order(asyncio.SelectorEventLoop)


def test_in_debug_mode_too_the_frames_below_a_traceback_do_not_keep_a_task(runner: asyncio.Runner) -> None:
    async def main() -> tuple[BaseException | None, weakref.ref[Any]]:
        task = asyncio.Task(fail(), loop=asyncio.get_running_loop())
        await ended(task)
        return task.exception(), weakref.ref(task)

    runner.get_loop().set_debug(True)
    error, task = runner.run(main())
    assert error is not None
    assert task() is None


class YieldsByHand:
    """An awaitable that yields something, and does not look at what comes of it."""

    def __init__(self, make: Any, is_awaited: bool) -> None:
        self._make = make
        self._is_awaited = is_awaited

    def __await__(self) -> Any:
        thing = self._make()
        if self._is_awaited:
            thing._asyncio_future_blocking = True
        yield thing


def pending() -> Any:
    return asyncio.get_running_loop().create_future()


def failed() -> Any:
    future = pending()
    future.set_exception(ValueError())
    future.exception()
    return future


@pytest.mark.parametrize(
    "awaitable",
    [
        YieldsByHand(pending, True),
        YieldsByHand(failed, True),
        YieldsByHand(pending, False),
        YieldsByHand(lambda: 7, False),
    ],
    ids=["pending", "failed", "not awaited", "not a future"],
)
def test_a_task_that_is_cancelled_in_a_step_is_so_in_the_next_whatever_it_yields(
    runner: asyncio.Runner, awaitable: YieldsByHand
) -> None:
    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await awaitable

    with pytest.raises(asyncio.CancelledError):
        runner.run(main())


def test_a_cancelled_gather_is_cancelled_although_its_last_future_failed(runner: asyncio.Runner) -> None:
    async def main() -> Any:
        first, last = pending(), failed()
        gathering = asyncio.gather(first, last, return_exceptions=True)
        gathering.cancel()
        return await gathering

    with pytest.raises(asyncio.CancelledError):
        runner.run(main())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_a_callback_may_begin_an_eager_task(runner: asyncio.Runner) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        current = asyncio.current_task()
        assert current is not None
        begun: asyncio.Future[Any] = loop.create_future()

        async def work() -> str:
            return await asyncio.sleep(0, "done")

        def begin() -> None:
            # Of the loop's own kind, not asyncio's, which `eager_task_factory` makes.
            task = type(current)(work(), loop=loop, eager_start=True)  # type: ignore[call-arg]
            begun.set_result((task, asyncio.current_task()))

        loop.call_soon(begin)
        task, running = await begun
        return await task, running

    assert runner.run(main()) == ("done", None)


def awaiting_asyncios_own_future() -> Any:
    future: asyncio.Future[None] = asyncio.Future(loop=asyncio.get_running_loop())
    asyncio.get_running_loop().call_soon(future.set_exception, ValueError("no"))

    async def work() -> None:
        await future

    return asyncio.create_task(work())


def eager() -> Any:
    kind: Any = type(asyncio.current_task())
    return kind(fail(), loop=asyncio.get_running_loop(), eager_start=True)


@pytest.mark.parametrize(
    "begin",
    [
        awaiting_asyncios_own_future,
        pytest.param(eager, marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="no eager tasks")),
    ],
)
def test_a_failed_task_is_not_kept_by_the_frames_from_which_it_was_stepped(
    runner: asyncio.Runner, begin: Any
) -> None:
    async def main() -> tuple[BaseException | None, weakref.ref[Any]]:
        task = begin()
        await ended(task)
        await asyncio.sleep(0)
        error, reference = task.exception(), weakref.ref(task)
        del task  # this frame is below an eager task's
        return error, reference

    gc.disable()
    try:
        error, task = runner.run(main())
        assert isinstance(error, ValueError)
        assert task() is None
    finally:
        gc.enable()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
def test_a_task_is_not_kept_by_the_error_of_an_eager_task_that_it_began(runner: asyncio.Runner) -> None:
    async def main() -> tuple[asyncio.Task[Any], weakref.ref[Any]]:
        begun: list[asyncio.Task[Any]] = []

        async def begin() -> None:
            begun.append(eager())

        task = asyncio.create_task(begin())
        await ended(task)
        return begun[0], weakref.ref(task)

    gc.disable()
    try:
        failed_task, task = runner.run(main())
        assert isinstance(failed_task.exception(), ValueError)
        assert task() is None
    finally:
        gc.enable()


def test_uncancel_takes_back_what_is_not_thrown_yet_where_asyncio_does() -> None:
    async def main() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        task.uncancel()
        await asyncio.sleep(0)
        return "went on"

    def outcome(new_loop: Any) -> Any:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            try:
                return runner.run(main())
            except asyncio.CancelledError:
                return "cancelled"

    assert outcome(coroscope.Loop) == outcome(asyncio.SelectorEventLoop)


def test_a_task_of_a_group_may_be_awaited_by_another_before_it_begins(runner: asyncio.Runner) -> None:
    async def main() -> tuple[Any, bool]:
        async def wait() -> str:
            return await last

        async with asyncio.TaskGroup() as group:
            first = group.create_task(wait())
            last = group.create_task(asyncio.sleep(0, "done"))
            await asyncio.sleep(0)
            is_known = last in asyncio.all_tasks()
        return first.result(), is_known

    assert runner.run(main()) == ("done", True)


def test_a_loop_that_was_stopped_does_not_keep_what_was_ready_then(runner: asyncio.Runner) -> None:
    errors = []

    def fail_at_once() -> None:
        raise ValueError

    async def wait_forever() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        await pending()

    async def begin() -> weakref.ref[Any]:
        asyncio.get_running_loop().call_soon(fail_at_once)  # its traceback keeps the frames below it
        task = asyncio.create_task(wait_forever())
        await asyncio.sleep(0)
        return weakref.ref(task)

    runner.get_loop().set_exception_handler(lambda _, report: errors.append(report.get("exception")))
    task = runner.run(begin())
    for _ in range(5):
        runner.run(asyncio.sleep(0))
    gc.collect()
    assert task() is None
    assert isinstance(errors[0], ValueError)


def test_a_task_may_be_awaited_twice_by_the_same_before_it_begins(runner: asyncio.Runner) -> None:
    async def main() -> Any:
        task = asyncio.create_task(asyncio.sleep(0, "done"))
        return await asyncio.gather(task, asyncio.gather(task))

    assert runner.run(main()) == ["done", ["done"]]


async def wait_for(future: asyncio.Future[Any]) -> Any:
    return await future


def test_a_future_that_was_awaited_by_what_no_task_ran_refuses_the_next_one(runner: asyncio.Runner) -> None:
    """As a coroutine does that awaits in spite of being closed."""

    async def main() -> None:
        future = pending()
        closed = wait_for(future)
        closed.send(None)
        closed.close()
        with pytest.raises(RuntimeError, match="await wasn't used with future"):
            await future

    runner.run(main())


def test_who_is_resumed_before_its_future_is_done_awaits_it_again(runner: asyncio.Runner) -> None:
    async def main() -> None:
        future = pending()
        waiting = wait_for(future)
        assert waiting.send(None) is future
        with pytest.raises(RuntimeError, match="await wasn't used with future"):
            waiting.send(None)
        waiting = wait_for(future)
        future._asyncio_future_blocking = False
        assert waiting.send(None) is future
        future._asyncio_future_blocking = False
        assert waiting.send(None) is future
        waiting.close()

    runner.run(main())
