"""`map_async` on every asyncio loop: results as `map` has them, and nothing left however it ends."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop

import coroscope
from tests.strategies import functions
from tests.strategies.functions import wait_until
from tests.strategies.ways import ALL

NewLoop = Callable[[], asyncio.AbstractEventLoop]
pytestmark = [
    # Whoever maps by processes inside a loop has the driver's thread beside them.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.parametrize(
        "new_loop",
        [coroscope.Loop, asyncio.new_event_loop, uvloop.new_event_loop],
        ids=["ours", "asyncio", "uvloop"],
    ),
]
every_strategy = pytest.mark.parametrize("strategy", ALL)


def run(new_loop: NewLoop, main: Coroutine[Any, Any, Any], *, debug: bool = False) -> Any:
    """Run `main`, after which nothing may be left."""
    before = set(threading.enumerate())
    with asyncio.Runner(loop_factory=new_loop, debug=debug) as runner:
        result = runner.run(main)
    wait_until(lambda: set(threading.enumerate()) <= before)
    wait_until(lambda: multiprocessing.active_children() == [])
    return result


@every_strategy
def test_await_gives_all_results(new_loop: NewLoop, strategy: str) -> None:
    async def main() -> list[Any]:
        return await coroscope.map_async(functions.square, range(50), strategy=strategy, workers=2)

    assert run(new_loop, main()) == [number**2 for number in range(50)]


@every_strategy
def test_async_for_takes_them_one_by_one(new_loop: NewLoop, strategy: str) -> None:
    async def main() -> list[Any]:
        results = coroscope.map_async(functions.square_async, iter(range(50)), strategy=strategy, workers=2)
        return [result async for result in results]

    assert run(new_loop, main()) == [number**2 for number in range(50)]


@every_strategy
def test_an_exception_comes_in_its_place(new_loop: NewLoop, strategy: str) -> None:
    had: list[Any] = []

    async def main() -> None:
        async for result in coroscope.map_async(functions.fail_at_7, range(20), strategy=strategy, workers=2):
            had.append(result)

    with pytest.raises(LookupError) as caught:
        run(new_loop, main())
    assert had == list(range(7))
    assert caught.value.args == ("seven", 7)


@every_strategy
def test_break_leaves_nothing_at_the_end_of_the_loop(new_loop: NewLoop, strategy: str) -> None:
    async def main() -> Any:
        async for result in coroscope.map_async(functions.square, iter(int, 1), strategy=strategy, workers=2):
            return result
        return None

    assert run(new_loop, main()) == 0


@every_strategy
def test_a_block_that_ends_has_ended_the_map(new_loop: NewLoop, strategy: str) -> None:
    async def main() -> None:
        results = coroscope.map_async(functions.square, iter(int, 1), strategy=strategy, workers=2)
        async with results:
            assert await anext(results) == 0
        assert multiprocessing.active_children() == []
        assert [result async for result in results] == []

    run(new_loop, main())


@every_strategy
def test_a_cancellation_while_it_waits_leaves_nothing(new_loop: NewLoop, strategy: str) -> None:
    async def main() -> None:
        function: Any = functions.wait_after_2_async
        if strategy not in ("cooperative", "loop-per-core"):
            function = functions.wait_after_2
        results = coroscope.map_async(function, iter(range(6)), strategy=strategy, workers=2)
        has_begun = asyncio.Event()

        async def consume() -> None:
            async for _ in results:
                has_begun.set()

        task = asyncio.create_task(consume())
        await has_begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert multiprocessing.active_children() == []

    run(new_loop, main())


def test_a_task_that_resists_is_waited_for_and_cancelled_anew(new_loop: NewLoop) -> None:
    cancelled: list[int] = []

    async def main() -> None:
        sleeps: asyncio.Queue[None] = asyncio.Queue()

        async def stubborn(_: int) -> None:
            for number in (1, 2):
                try:
                    sleeps.put_nowait(None)
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    cancelled.append(number)

        async def consume() -> None:
            await coroscope.map_async(stubborn, [0])

        task = asyncio.create_task(consume())
        for _ in range(2):
            await sleeps.get()
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(new_loop, main())
    assert cancelled == [1, 2]


def test_other_tasks_go_on_meanwhile(new_loop: NewLoop) -> None:
    may_end = threading.Event()

    def wait(_: int) -> bool:
        return may_end.wait(30)

    async def main() -> list[Any]:
        results = asyncio.ensure_future(all_of(coroscope.map_async(wait, range(2), strategy="threads")))
        await asyncio.sleep(0.01)
        may_end.set()
        return await results

    async def all_of(results: Any) -> list[Any]:
        return [result async for result in results]

    assert run(new_loop, main()) == [True, True]


def test_a_slow_first_item_does_not_have_the_rest_pile_up_without_end(new_loop: NewLoop) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    async def work(number: int) -> int:
        if number == 0:
            for _ in range(500):
                await asyncio.sleep(0)
        return number

    async def main() -> None:
        async with coroscope.map_async(work, items(), limit=10) as results:
            assert await anext(results) == 0

    run(new_loop, main())
    assert len(taken) <= 60


@every_strategy
def test_a_timeout_says_how_many_are_missing(new_loop: NewLoop, strategy: str) -> None:
    async def main() -> None:
        function: Any = functions.wait_after_2_async
        if strategy not in ("cooperative", "loop-per-core"):
            function = functions.wait_after_2
        await coroscope.map_async(function, range(6), strategy=strategy, workers=2, timeout=0.2)

    with pytest.raises(
        TimeoutError, match=r"map_async\(\) timed out after 0.2 s: \d of 6 items had not ended"
    ):
        run(new_loop, main())


@every_strategy
def test_debug_mode_has_no_complaint(
    new_loop: NewLoop, strategy: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> list[Any]:
        return await coroscope.map_async(functions.square_async, range(50), strategy=strategy, workers=2)

    assert run(new_loop, main(), debug=True) == [number**2 for number in range(50)]
    complaints = [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"]
    # How long a step takes is the machine's affair.
    assert [each for each in complaints if not each.startswith("Executing ")] == []


def test_an_interrupt_of_an_item_comes_at_once(new_loop: NewLoop) -> None:
    async def work(number: int) -> None:
        if number == 1:
            raise SystemExit(3)
        await asyncio.sleep(60)

    async def main() -> None:
        await coroscope.map_async(work, range(3), return_exceptions=True)

    with pytest.raises(SystemExit):
        run(new_loop, main())
