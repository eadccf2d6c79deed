"""`wait_async` on every asyncio loop, and generators and pollables as they run on each."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import gc
import inspect
import threading
import traceback
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest
import uvloop

import coroscope

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.parametrize(
        "new_loop",
        [coroscope.Loop, asyncio.new_event_loop, uvloop.new_event_loop],
        ids=["ours", "asyncio", "uvloop"],
    ),
]

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def run(new_loop: NewLoop, main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


class Countdown(coroscope.Pollable):
    def __init__(self, polls: int) -> None:
        self.polls = polls

    def run(self) -> None:
        self.polls -= 1
        self.ready, self.result = self.polls <= 0, "polled"


class Awaitable:
    def __await__(self) -> Generator[Any, Any, str]:
        yield from asyncio.sleep(0.001).__await__()
        return "awaited"


def everything() -> Generator[Any, Any, list[Any]]:
    got = [(yield), (yield 5), (yield None), (yield "again")]
    got.append((yield asyncio.sleep(0.001, "slept")))
    got.append((yield from coroscope.sleep(0.001, "slept as well")))
    got.append((yield coroscope.sleep(0.001, "and again")))
    got.append((yield Awaitable()))
    got.append((yield asyncio.ensure_future(asyncio.sleep(0.001, "task"))))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        got.append((yield pool.submit(lambda: "thread")))
    return got


EVERYTHING = [None, 5, None, "again", "slept", "slept as well", "and again", "awaited", "task", "thread"]


@pytest.mark.parametrize("limit", [None, 1, 3])
def test_results_of_all_kinds_come_in_the_order_given(new_loop: NewLoop, limit: int | None) -> None:
    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_later(0.002, future.set_result, "future")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return await coroscope.wait_async(
                [
                    everything(),
                    asyncio.sleep(0.003, "coroutine"),
                    Awaitable(),
                    Countdown(20),
                    lambda: "function",
                    future,
                    loop.create_task(asyncio.sleep(0, "task")),
                    pool.submit(lambda: "submitted"),
                ],
                limit=limit,
            )

    assert run(new_loop, main()) == [
        EVERYTHING, "coroutine", "awaited", "polled", "function", "future", "task", "submitted",
    ]  # fmt: skip


def test_nothing_to_wait_for_is_no_results(new_loop: NewLoop) -> None:
    assert run(new_loop, coroscope.wait_async([])) == []


def test_cancelling_the_call_cancels_and_awaits_what_it_runs(new_loop: NewLoop) -> None:
    ended: list[str] = []

    async def coroutine() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append("coroutine")

    async def last() -> None:
        all_have_begun.set()
        await asyncio.sleep(60)

    def generator() -> Generator[Any, Any, None]:
        try:
            while True:
                yield
        finally:
            yield from coroscope.sleep(0)
            ended.append("generator")

    async def main() -> set[Any]:
        items = [coroutine(), generator(), Countdown(10**9), Awaitable(), last()]
        call = asyncio.ensure_future(coroscope.wait_async(items))
        await all_have_begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return asyncio.all_tasks() - {asyncio.current_task()}

    all_have_begun = asyncio.Event()
    assert run(new_loop, main()) == set()
    assert sorted(ended) == ["coroutine", "generator"]


def test_a_cancellation_during_the_cleanup_is_passed_on_and_nothing_is_left(new_loop: NewLoop) -> None:
    cancelled: list[int] = []
    sleeps: asyncio.Queue[None] = asyncio.Queue()

    async def stubborn() -> None:
        for number in (1, 2):
            try:
                sleeps.put_nowait(None)
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.append(number)

    async def main() -> set[Any]:
        call = asyncio.ensure_future(coroscope.wait_async([stubborn()]))
        for _ in range(2):
            await sleeps.get()
            call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert run(new_loop, main()) == set()
    assert cancelled == [1, 2]


def test_a_task_that_was_given_is_cancelled_when_another_item_fails(new_loop: NewLoop) -> None:
    async def fail() -> None:
        raise LookupError

    async def main() -> bool:
        task = asyncio.ensure_future(asyncio.sleep(60))
        with pytest.raises(LookupError):
            await coroscope.wait_async([task, fail()])
        return task.cancelled()

    assert run(new_loop, main())


def test_a_task_that_was_given_and_had_no_room_yet_is_cancelled_too(new_loop: NewLoop) -> None:
    async def fail() -> None:
        raise LookupError

    async def main() -> tuple[bool, bool]:
        task = asyncio.ensure_future(asyncio.sleep(60))
        submitted: concurrent.futures.Future[None] = concurrent.futures.Future()
        with pytest.raises(LookupError):
            await coroscope.wait_async([fail(), task, submitted], limit=1)
        return task.cancelled(), submitted.cancelled()

    assert run(new_loop, main()) == (True, True)


def test_a_call_may_be_inside_another(new_loop: NewLoop) -> None:
    inner = coroscope.wait_async([coroscope.sleep(0, 1), coroscope.sleep(0, 2)])
    assert run(new_loop, coroscope.wait_async([inner, Countdown(3)])) == [[1, 2], "polled"]


def test_wait_for_around_the_call_ends_all_of_it(new_loop: NewLoop) -> None:
    async def main() -> Any:
        await asyncio.wait_for(coroscope.wait_async([asyncio.sleep(60), Countdown(10**9)]), 0.01)

    with pytest.raises(TimeoutError):
        run(new_loop, main())


def test_a_generator_that_is_cancelled_closes_what_it_awaits_and_itself_once(new_loop: NewLoop) -> None:
    ended: list[str] = []

    async def awaited() -> None:
        has_begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("awaited")

    def generator() -> Generator[Any, Any, None]:
        try:
            yield awaited()
        finally:
            ended.append("generator")

    async def fail() -> None:
        await has_begun.wait()
        raise LookupError

    has_begun = asyncio.Event()
    given = generator()
    with pytest.raises(LookupError):
        run(new_loop, coroscope.wait_async([given, fail()]))
    gc.collect()
    assert ended == ["awaited", "generator"]
    assert inspect.getgeneratorstate(given) == inspect.GEN_CLOSED


def test_a_generator_may_refuse_its_cancellation(new_loop: NewLoop) -> None:
    def generator() -> Generator[Any, Any, Any]:
        try:
            yield asyncio.sleep(60)
        except asyncio.CancelledError:
            return (yield asyncio.sleep(0, "went on"))
        return "was not cancelled"

    async def main() -> Any:
        async def cancel() -> None:
            await asyncio.sleep(0)
            (task,) = (task for task in asyncio.all_tasks() if getattr(task, "kind", "") == "generator")
            task.cancel()

        return await coroscope.wait_async([generator(), cancel()])

    assert run(new_loop, main()) == ["went on", None]


def test_awaitables_that_end_at_once_take_no_turn_and_no_stack(new_loop: NewLoop) -> None:
    async def at_once(number: int) -> int:
        return number

    def generator() -> Generator[Any, Any, int]:
        total = 0
        for number in range(5_000):
            total += yield at_once(number)
        return total

    assert run(new_loop, coroscope.wait_async([generator()])) == [sum(range(5_000))]


def test_a_failure_of_what_a_generator_awaits_is_raised_in_it(new_loop: NewLoop) -> None:
    async def fail() -> None:
        raise LookupError("inside")

    def generator() -> Generator[Any, Any, str]:
        try:
            yield fail()
        except LookupError as error:
            yield
            return str(error)
        return "missed"

    assert run(new_loop, coroscope.wait_async([generator()])) == ["inside"]


def test_an_item_runs_in_a_task_and_a_context_of_its_own(new_loop: NewLoop) -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    def look(number: int) -> tuple[int, str]:
        variable.set(variable.get() + number)
        task = asyncio.current_task()
        assert task is not None
        return variable.get(), task.kind  # type: ignore[attr-defined]

    def generator() -> Generator[Any, Any, Any]:
        look(1)
        yield
        look(1)
        yield asyncio.sleep(0)
        return look(1)

    class Looker(coroscope.Pollable):
        polls = 0

        def run(self) -> None:
            self.polls += 1
            self.result = look(10)
            self.ready = self.polls == 3

    results = run(new_loop, coroscope.wait_async([generator(), Looker(), lambda: variable.get()]))
    assert results == [(3, "generator"), (30, "pollable"), 0]
    assert variable.get() == 0


def test_a_failure_shows_the_program_s_frames_only(new_loop: NewLoop) -> None:
    def generator() -> Generator[Any, Any, None]:
        yield asyncio.sleep(0)
        yield
        raise LookupError

    class Failing(coroscope.Pollable):
        def run(self) -> None:
            raise LookupError

    results = run(new_loop, coroscope.wait_async([generator(), Failing()], return_exceptions=True))
    frames = [[frame.name for frame in traceback.extract_tb(error.__traceback__)] for error in results]
    assert frames == [["generator"], ["run"]]


def test_a_task_shows_what_it_was_given(new_loop: NewLoop) -> None:
    shown: list[tuple[str, str]] = []

    async def show() -> None:
        for task in asyncio.all_tasks():
            if hasattr(task, "subject") and hasattr(task, "kind"):
                subject = getattr(task.subject, "__qualname__", type(task.subject).__qualname__)
                shown.append((task.kind, subject.rpartition(".")[2]))
        are_shown.set()

    are_shown = threading.Event()
    items = [everything(), Countdown(3), Awaitable(), are_shown.wait, show()]
    run(new_loop, coroscope.wait_async(items))
    assert {
        ("generator", "everything"),
        ("pollable", "Countdown"),
        ("task", "Awaitable"),
        ("callable", "wait"),
    } <= {*shown}
