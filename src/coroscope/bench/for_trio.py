"""The workloads in trio's interface, as its users write them: nurseries, events, channels, cancel scopes.

Rule: a workload returns the number of its operations, so that no size can be mistaken for another's.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import trio

from coroscope.bench.moments import now_s, wakeup_moments_s

Measure = Callable[[int], Coroutine[Any, Any, int]]


async def nothing() -> None:
    """The shortest task there is."""


async def together(count: int, task: Callable[[], Awaitable[None]]) -> None:
    """Run so many alike tasks, and return when all have ended."""
    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(task)


def spawn(at_once: int) -> Measure:
    async def measure(size: int) -> int:
        rounds = max(size // at_once, 1)
        for _ in range(rounds):
            await together(at_once, nothing)
        return at_once * rounds

    return measure


def switch(tasks: int) -> Measure:
    async def measure(size: int) -> int:
        turns = max(size // tasks, 1)

        async def take_turns() -> None:
            for _ in range(turns):
                await trio.sleep(0)

        await together(tasks, take_turns)
        return tasks * turns

    return measure


async def sleepers(size: int) -> int:
    async def sleep_until(moment_s: float) -> None:
        await trio.sleep(max(moment_s - now_s(), 0))

    async with trio.open_nursery() as nursery:
        for moment_s in wakeup_moments_s(size):
            nursery.start_soon(sleep_until, moment_s)
    return size


def wake(pairs: int) -> Measure:
    async def measure(size: int) -> int:
        """An operation makes one event, sets it and waits for it."""
        rounds = max(size // pairs // 2, 1)

        async def play(mine: list[trio.Event], theirs: list[trio.Event], serves: bool) -> None:
            if serves:
                theirs[0].set()
            for _ in range(rounds):
                await mine[0].wait()
                mine[0] = trio.Event()
                theirs[0].set()

        async with trio.open_nursery() as nursery:
            for _ in range(pairs):
                one, other = [trio.Event()], [trio.Event()]
                nursery.start_soon(play, one, other, False)
                nursery.start_soon(play, other, one, True)
        return pairs * 2 * rounds

    return measure


async def queue(size: int) -> int:
    there_in, there_out = trio.open_memory_channel[int](math.inf)
    back_in, back_out = trio.open_memory_channel[int](math.inf)

    async def return_all() -> None:
        for _ in range(size):
            await back_in.send(await there_out.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(return_all)
        for number in range(size):
            await there_in.send(number)
            await back_out.receive()
    return size


def guarded(tasks: int, new_guard: Callable[[], trio.Lock | trio.Semaphore]) -> Measure:
    async def measure(size: int) -> int:
        guard, turns = new_guard(), max(size // tasks, 1)

        async def enter_again_and_again() -> None:
            for _ in range(turns):
                async with guard:
                    await trio.sleep(0)

        await together(tasks, enter_again_and_again)
        return tasks * turns

    return measure


async def timeout(size: int) -> int:
    for _ in range(size):
        with trio.fail_after(60):
            await trio.sleep(0)
    return size


def cancel(at_once: int) -> Measure:
    async def measure(size: int) -> int:
        rounds = max(size // at_once, 1)

        async def wait_for_ever() -> None:
            await trio.Event().wait()

        for _ in range(rounds):
            async with trio.open_nursery() as nursery:
                for _ in range(at_once):
                    nursery.start_soon(wait_for_ever)
                # The order within a turn is random: only after a second one each of them surely waits.
                await trio.sleep(0)
                await trio.sleep(0)
                nursery.cancel_scope.cancel()
        return at_once * rounds

    return measure


def asyncgen(tasks: int) -> Measure:
    async def measure(size: int) -> int:
        count = max(size // tasks, 1)

        async def items() -> AsyncIterator[int]:
            for number in range(count):
                await trio.sleep(0)
                yield number

        async def iterate() -> None:
            async for _ in items():
                pass

        await together(tasks, iterate)
        return tasks * count

    return measure


async def subprocess(size: int) -> int:
    for _ in range(size):
        await trio.run_process(["true"])
    return size


WORKLOADS: dict[str, Measure] = {
    "spawn": spawn(1_000),
    "spawn-1": spawn(1),
    "switch": switch(100),
    "switch-2": switch(2),
    "switch-10000": switch(10_000),
    "sleepers": sleepers,
    "wake": wake(100),
    "wake-1": wake(1),
    "queue": queue,
    "lock": guarded(10, trio.Lock),
    "semaphore": guarded(50, partial(trio.Semaphore, 5)),
    "taskgroup": spawn(1_000),
    "timeout": timeout,
    "cancel": cancel(100),
    "asyncgen": asyncgen(10),
    "subprocess": subprocess,
}
WITHOUT_EQUIVALENT = {
    "gather": "trio has nothing that gathers results",
    "call_soon": "trio has no callbacks",
    "call_later": "trio has no callbacks",
}
