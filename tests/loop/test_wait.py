"""`wait`, `sleep`, `Pollable` and `run`: the ways of giving the loop something to do."""

from __future__ import annotations

import asyncio
import concurrent.futures
import random
import sys
from collections.abc import AsyncIterator, Generator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest

import coroscope
from tests.loop.clocks import run_jumping


class Sleeper:
    """A pollable object that is ready after some seconds on the loop's clock."""

    def __init__(self, duration_s: float) -> None:
        self.duration_s = duration_s
        self.due_s: float | None = None
        self.ready = False
        self.result: float | None = None

    def run(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self.due_s is None:
            self.due_s = now_s + self.duration_s
        elif now_s >= self.due_s:
            self.ready, self.result = True, self.duration_s


def sleep_two_calls_deep() -> Generator[Any, Any, int]:
    def call() -> Generator[Any, Any, int]:
        yield from coroscope.sleep(0.1)
        return 123

    return (yield from call())


def count() -> Generator[int, int, str]:
    received = []
    value = 0
    while value < 3:
        value = yield value + 1
        received.append(value)
    return f"received {received}"


async def timed(items: Iterable[Any]) -> tuple[list[Any], float]:
    """The results of `items`, and the seconds that they take together on the loop's clock."""
    return await coroscope.wait_async(items), asyncio.get_running_loop().time()


def test_a_thousand_pollable_sleepers_of_1_to_3_s_take_3_s() -> None:
    durations = [*(random.Random(5).uniform(1, 3) for _ in range(999)), 3.0]
    results, took_s = run_jumping(coroscope.Loop, timed(Sleeper(duration) for duration in durations))
    assert results == durations
    assert took_s == pytest.approx(3.0, abs=0.05)


def test_two_generators_that_sleep_a_tenth_two_calls_deep_take_a_tenth() -> None:
    items = [sleep_two_calls_deep(), sleep_two_calls_deep()]
    assert run_jumping(coroscope.Loop, timed(items)) == ([123, 123], 0.1)


def test_a_yielded_value_comes_back_at_the_next_turn() -> None:
    assert coroscope.wait([count()]) == ["received [1, 2, 3]"]


def test_generators_take_turns_at_each_bare_yield() -> None:
    turns: list[str] = []

    def take(name: str) -> Generator[None, None, None]:
        for _ in range(3):
            turns.append(name)
            yield

    assert coroscope.wait([take("a"), take("b")]) == [None, None]
    assert turns == ["a", "b"] * 3


def test_a_yielded_awaitable_is_awaited_and_its_result_sent_back() -> None:
    def ask() -> Generator[Any, Any, list[Any]]:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return [(yield asyncio.sleep(0.001, "slept")), (yield pool.submit(lambda: "thread"))]

    assert coroscope.wait([ask()]) == [["slept", "thread"]]


def test_between_awaits_the_loop_resumes_a_generator_with_nothing_in_between() -> None:
    callers: list[str] = []

    def look() -> Generator[Any, Any, None]:
        yield asyncio.sleep(0)
        yield "a value"
        yield from coroscope.sleep(0.001)
        for _ in range(3):
            yield
            callers.append(sys._getframe(1).f_code.co_name)

    coroscope.wait([look()])
    assert callers == ["run_items"] * 3


def test_a_failure_of_what_a_generator_waits_for_is_raised_in_it() -> None:
    async def fail() -> None:
        raise LookupError

    def ask() -> Generator[Any, Any, str]:
        try:
            yield fail()
        except LookupError:
            return "caught"
        return "missed"

    assert coroscope.wait([ask()]) == ["caught"]


def test_results_of_things_of_all_kinds_come_in_the_order_given() -> None:
    class Awaitable:
        def __await__(self) -> Generator[Any, Any, str]:
            yield from asyncio.sleep(0.02).__await__()
            return "awaitable"

    class Ready(coroscope.Pollable):
        def run(self) -> None:
            self.ready, self.result = True, "pollable"

    with concurrent.futures.ThreadPoolExecutor() as pool:
        things = [
            Awaitable(),
            asyncio.sleep(0.01, "coroutine"),
            Ready(),
            count(),
            lambda: "callable",
            pool.submit(lambda: "submitted"),
        ]
        assert coroscope.wait(things) == [
            "awaitable", "coroutine", "pollable", "received [1, 2, 3]", "callable", "submitted",
        ]  # fmt: skip


def test_nothing_to_wait_for_is_no_results() -> None:
    assert coroscope.wait([]) == []


def test_when_one_fails_the_others_are_cancelled_and_its_exception_raised() -> None:
    ended: list[str] = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    def fail() -> Generator[None, None, None]:
        yield
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        coroscope.wait([long(), fail()])
    assert ended == ["long"]


@pytest.mark.filterwarnings("error")
def test_what_cannot_be_run_is_named_before_anything_starts() -> None:
    with pytest.raises(TypeError, match=r"item 1 \(int\)"):
        coroscope.wait([asyncio.sleep(60), 3])


@pytest.mark.filterwarnings("error")
def test_wait_is_refused_inside_a_running_loop() -> None:
    async def main() -> None:
        coroscope.wait([asyncio.sleep(0)])

    with pytest.raises(RuntimeError, match="running event loop"):
        coroscope.run(main())


def test_coroutines_async_generators_and_async_with_run_under_run() -> None:
    async def countdown(start: int) -> AsyncIterator[int]:
        for number in range(start, 0, -1):
            await coroscope.sleep(0)
            yield number

    @asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        await coroscope.sleep(0.001)
        yield "open"

    async def main() -> list[Any]:
        numbers = [number async for number in countdown(3)]
        async with opened() as door:
            gathered = await asyncio.gather(
                asyncio.to_thread(lambda: "thread"), coroscope.sleep(0.001, "slept")
            )
        return [numbers, door, gathered]

    assert coroscope.run(main()) == [[3, 2, 1], "open", ["thread", "slept"]]


def test_sleep_runs_on_asyncios_own_loop_too() -> None:
    async def main() -> Any:
        return await coroscope.sleep(0.001, "slept")

    assert asyncio.run(main()) == "slept"
