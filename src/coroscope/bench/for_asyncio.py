"""The workloads in asyncio's interface, for every loop that has it: asyncio's own helpers, unmodified.

Rule: a workload returns the number of its operations, so that no size can be mistaken for another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from coroscope.bench.moments import now_s, wakeup_moments_s

Measure = Callable[[int], Coroutine[Any, Any, int]]
Sleep = Callable[[float], Awaitable[object]]


async def nothing() -> None:
    """The shortest task there is."""


async def together(count: int, task: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run so many alike tasks, and return when all have ended."""
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(task())


def spawn(at_once: int) -> Measure:
    async def measure(size: int) -> int:
        rounds = max(size // at_once, 1)
        for _ in range(rounds):
            tasks = [asyncio.create_task(nothing()) for _ in range(at_once)]
            await tasks[-1]  # ready tasks run in the order of their creation: the last one ends last
        return at_once * rounds

    return measure


def switch(tasks: int, sleep: Sleep = asyncio.sleep) -> Measure:
    async def measure(size: int) -> int:
        turns = max(size // tasks, 1)

        async def take_turns() -> None:
            for _ in range(turns):
                await sleep(0)

        await together(tasks, take_turns)
        return tasks * turns

    return measure


def sleepers(sleep: Sleep = asyncio.sleep) -> Measure:
    async def measure(size: int) -> int:
        async def sleep_until(moment_s: float) -> None:
            await sleep(moment_s - now_s())

        async with asyncio.TaskGroup() as group:
            for moment_s in wakeup_moments_s(size):
                group.create_task(sleep_until(moment_s))
        return size

    return measure


def wake(pairs: int) -> Measure:
    async def measure(size: int) -> int:
        """An operation makes one future, sets it and awaits it."""
        loop = asyncio.get_running_loop()
        rounds = max(size // pairs // 2, 1)

        async def play(
            mine: list[asyncio.Future[None]], theirs: list[asyncio.Future[None]], serves: bool
        ) -> None:
            if serves:
                theirs[0].set_result(None)
            for _ in range(rounds):
                await mine[0]
                mine[0] = loop.create_future()
                theirs[0].set_result(None)

        async with asyncio.TaskGroup() as group:
            for _ in range(pairs):
                one, other = [loop.create_future()], [loop.create_future()]
                group.create_task(play(one, other, serves=False))
                group.create_task(play(other, one, serves=True))
        return pairs * 2 * rounds

    return measure


async def queue(size: int) -> int:
    there: asyncio.Queue[int] = asyncio.Queue()
    back: asyncio.Queue[int] = asyncio.Queue()

    async def return_all() -> None:
        for _ in range(size):
            await back.put(await there.get())

    async with asyncio.TaskGroup() as group:
        group.create_task(return_all())
        for number in range(size):
            await there.put(number)
            await back.get()
    return size


def guarded(tasks: int, new_guard: Callable[[], asyncio.Lock | asyncio.Semaphore]) -> Measure:
    async def measure(size: int) -> int:
        guard, turns = new_guard(), max(size // tasks, 1)

        async def enter_again_and_again() -> None:
            for _ in range(turns):
                async with guard:
                    await asyncio.sleep(0)

        await together(tasks, enter_again_and_again)
        return tasks * turns

    return measure


def gather(at_once: int) -> Measure:
    async def measure(size: int) -> int:
        rounds = max(size // at_once, 1)
        for _ in range(rounds):
            await asyncio.gather(*[nothing() for _ in range(at_once)])
        return at_once * rounds

    return measure


def taskgroup(at_once: int) -> Measure:
    async def measure(size: int) -> int:
        rounds = max(size // at_once, 1)
        for _ in range(rounds):
            await together(at_once, nothing)
        return at_once * rounds

    return measure


async def call_soon(size: int) -> int:
    loop = asyncio.get_running_loop()
    ended, left = loop.create_future(), size

    def call_again() -> None:
        nonlocal left
        left -= 1
        if left > 0:
            loop.call_soon(call_again)
        else:
            ended.set_result(None)

    loop.call_soon(call_again)
    await ended
    return size


def call_later(at_once: int) -> Measure:
    async def measure(size: int) -> int:
        loop = asyncio.get_running_loop()
        rounds = max(size // at_once, 1)
        for _ in range(rounds):
            for _ in range(at_once):
                loop.call_later(60, print).cancel()
            await asyncio.sleep(0)
        return at_once * rounds

    return measure


async def timeout(size: int) -> int:
    for _ in range(size):
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
    return size


def cancel(at_once: int) -> Measure:
    async def measure(size: int) -> int:
        loop = asyncio.get_running_loop()
        rounds = max(size // at_once, 1)

        async def wait_for_ever() -> None:
            await loop.create_future()

        for _ in range(rounds):
            tasks = [asyncio.create_task(wait_for_ever()) for _ in range(at_once)]
            await asyncio.sleep(0)  # now each of them waits
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return at_once * rounds

    return measure


def asyncgen(tasks: int) -> Measure:
    async def measure(size: int) -> int:
        count = max(size // tasks, 1)

        async def items() -> AsyncIterator[int]:
            for number in range(count):
                await asyncio.sleep(0)
                yield number

        async def iterate() -> None:
            async for _ in items():
                pass

        await together(tasks, iterate)
        return tasks * count

    return measure


async def subprocess(size: int) -> int:
    for _ in range(size):
        process = await asyncio.create_subprocess_exec("true")
        await process.wait()
    return size


WORKLOADS: dict[str, Measure] = {
    "spawn": spawn(1_000),
    "spawn-1": spawn(1),
    "switch": switch(100),
    "switch-2": switch(2),
    "switch-10000": switch(10_000),
    "sleepers": sleepers(),
    "wake": wake(100),
    "wake-1": wake(1),
    "queue": queue,
    "lock": guarded(10, asyncio.Lock),
    "semaphore": guarded(50, lambda: asyncio.Semaphore(5)),
    "gather": gather(10_000),
    "taskgroup": taskgroup(1_000),
    "call_soon": call_soon,
    "call_later": call_later(1_000),
    "timeout": timeout,
    "cancel": cancel(100),
    "asyncgen": asyncgen(10),
    "subprocess": subprocess,
}
