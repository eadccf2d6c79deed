"""One workload on one loop, measured in this process: what `loop.py` starts again and again.

`python benchmarks/workloads.py LOOP WORKLOAD SIZE` prints one JSON object: `operations`, `cpu_s` and `wall_s`
of the measured region alone, and `peak_bytes` of the whole process; or `missing`, when this interpreter does
not have the loop.

Rule: only the region between the two readings of the clock is measured: no start-up, imports or warm-up.
Rule: a workload returns the number of its operations, so that no size can be mistaken for another's.
Rule: a loop is asked for what its users write: trio's nurseries and events, asyncio's tasks and futures.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

SPAWNED_AT_ONCE = (1, 1_000)
SWITCHING_TASKS = (2, 100, 10_000)
WAKING_PAIRS = (1, 100)
SLEEP_SPREAD_S = 1.0
SEED = 7

SPAWN_ALLOWANCE_S = 50e-6

Measure = Callable[[int], Coroutine[Any, Any, int]]
Run = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """A loop under test: how it runs a coroutine, and its workloads by name."""

    run: Run
    workloads: dict[str, Measure]


async def nothing() -> None:
    """The shortest task there is."""


# asyncio's interface: asyncio, uvloop and coroscope


def spawn(at_once: int) -> Measure:
    async def measure(size: int) -> int:
        rounds = max(size // at_once, 1)
        for _ in range(rounds):
            tasks = [asyncio.create_task(nothing()) for _ in range(at_once)]
            await tasks[-1]  # ready tasks run in the order of their creation: the last one ends last
        return at_once * rounds

    return measure


def switch(tasks: int, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> Measure:
    async def measure(size: int) -> int:
        turns = max(size // tasks, 1)

        async def take_turns() -> None:
            for _ in range(turns):
                await sleep(0)

        async with asyncio.TaskGroup() as group:
            for _ in range(tasks):
                group.create_task(take_turns())
        return tasks * turns

    return measure


def sleepers(sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> Measure:
    async def measure(size: int) -> int:
        async def sleep_until(moment_s: float) -> None:
            await sleep(moment_s - time.monotonic())

        async with asyncio.TaskGroup() as group:
            for moment_s in wakeup_times(size):
                group.create_task(sleep_until(moment_s))
        return size

    return measure


def wake(pairs: int) -> Measure:
    async def measure(size: int) -> int:
        """Pairs of tasks that wake each other; an operation makes one future, sets it and awaits it."""
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


def run_on(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Run:
    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(main)

    return run


def by_size(
    spawn: Callable[[int], Measure], switch: Callable[[int], Measure], wake: Callable[[int], Measure]
) -> dict[str, Measure]:
    return (
        {f"spawn-{at_once}": spawn(at_once) for at_once in SPAWNED_AT_ONCE}
        | {f"switch-{tasks}": switch(tasks) for tasks in SWITCHING_TASKS}
        | {f"wake-{pairs}": wake(pairs) for pairs in WAKING_PAIRS}
    )


def asyncio_like(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Contender:
    return Contender(run_on(new_loop), by_size(spawn, switch, wake) | {"sleepers": sleepers()})


def own_asyncio() -> Contender:
    return asyncio_like(asyncio.SelectorEventLoop)


def own_uvloop() -> Contender:
    import uvloop

    return asyncio_like(uvloop.new_event_loop)


def own_coroscope() -> Contender:
    import coroscope

    return asyncio_like(coroscope.Loop)


def own_coroscope_sleep() -> Contender:
    """The same loop with its own `sleep` in place of asyncio's, where a workload sleeps at all."""
    import coroscope

    switches = {f"switch-{tasks}": switch(tasks, coroscope.sleep) for tasks in SWITCHING_TASKS}
    return Contender(run_on(coroscope.Loop), switches | {"sleepers": sleepers(coroscope.sleep)})


# trio's interface


def own_trio() -> Contender:
    import trio

    def spawn(at_once: int) -> Measure:
        async def measure(size: int) -> int:
            rounds = max(size // at_once, 1)
            for _ in range(rounds):
                async with trio.open_nursery() as nursery:
                    for _ in range(at_once):
                        nursery.start_soon(nothing)
            return at_once * rounds

        return measure

    def switch(tasks: int) -> Measure:
        async def measure(size: int) -> int:
            turns = max(size // tasks, 1)

            async def take_turns() -> None:
                for _ in range(turns):
                    await trio.sleep(0)

            async with trio.open_nursery() as nursery:
                for _ in range(tasks):
                    nursery.start_soon(take_turns)
            return tasks * turns

        return measure

    async def sleepers(size: int) -> int:
        async def sleep_until(moment_s: float) -> None:
            await trio.sleep(max(moment_s - time.monotonic(), 0))

        async with trio.open_nursery() as nursery:
            for moment_s in wakeup_times(size):
                nursery.start_soon(sleep_until, moment_s)
        return size

    def wake(pairs: int) -> Measure:
        async def measure(size: int) -> int:
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

    def run(main: Coroutine[Any, Any, None]) -> None:
        async def start() -> None:
            await main

        trio.run(start)

    return Contender(run, by_size(spawn, switch, wake) | {"sleepers": sleepers})


CONTENDERS = {
    "coroscope": own_coroscope,
    "coroscope.sleep": own_coroscope_sleep,
    "asyncio": own_asyncio,
    "uvloop": own_uvloop,
    "trio": own_trio,
}


def wakeup_times(size: int) -> list[float]:
    """Moments of the monotonic clock, all later than the time that any loop needs to spawn so many tasks."""
    draw = random.Random(SEED)
    first_s = time.monotonic() + 0.1 + size * SPAWN_ALLOWANCE_S
    return [first_s + draw.uniform(0, SLEEP_SPREAD_S) for _ in range(size)]


def peak_bytes() -> int | None:
    """The most memory this process has held, or None where the system does not say."""
    try:
        # Not getrusage's ru_maxrss: that one begins at the size of the process which started this one.
        with open("/proc/self/status") as status:
            lines = [line for line in status if line.startswith("VmHWM:")]
    except OSError:
        return None
    return int(lines[0].split()[1]) * 1024 if lines else None


def measure(contender: Contender, workload: str, size: int) -> dict[str, float | int | None]:
    report: dict[str, float | int | None] = {}
    work = contender.workloads[workload]

    async def main() -> None:
        if workload != "sleepers":  # a warm-up would double the wait, and one operation is the whole of it
            await work(size // 20)
        gc.collect()
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        operations = await work(size)
        report["cpu_s"], report["wall_s"] = time.process_time() - cpu_s, time.perf_counter() - wall_s
        report["operations"] = operations

    contender.run(main())
    report["peak_bytes"] = peak_bytes()
    return report


def main(loop: str, workload: str, size: int) -> dict[str, Any]:
    try:
        contender = CONTENDERS[loop]()
    except (ImportError, AttributeError) as error:
        return {"missing": f"{error}"}
    if workload not in contender.workloads:
        return {"missing": f"{loop} has no {workload}"}
    return dict(measure(contender, workload, size))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
