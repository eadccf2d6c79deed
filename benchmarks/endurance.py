"""Does the loop's memory stay the same, however long it schedules?

    python benchmarks/endurance.py [--steps N]

A day's worth of scheduling on one loop: tasks that give up their turn, wake one another by futures and queues, set and
cancel timers, fail, are cancelled, and are born and gone. What the process holds is read at twenty moments; after the
first quarter it may not grow by more than 2 %.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Callable

import coroscope

STEPS = 100_000_000
READINGS = 20
WARM_UP = READINGS // 4
MAY_GROW = 1.02
TASKS_AT_ONCE = 100
TURNS = 20


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def timers() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(TURNS):
        loop.call_later(3600, print).cancel()
        async with asyncio.timeout(3600):
            await asyncio.sleep(0)


async def wakeups() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(TURNS):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future


async def failures() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    await asyncio.gather(*(fail() for _ in range(TURNS // 2)), return_exceptions=True)


async def cancellations() -> None:
    tasks = [asyncio.ensure_future(asyncio.sleep(3600)) for _ in range(TURNS // 2)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def handovers() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    async def put() -> None:
        for number in range(TURNS // 2):
            await queue.put(number)

    async with asyncio.TaskGroup() as group:
        group.create_task(put())
        for _ in range(TURNS // 2):
            await queue.get()


KINDS: tuple[Callable[[], object], ...] = (turns, timers, wakeups, failures, cancellations, handovers)
STEPS_A_TASK = TURNS + 1
"""At least: each kind takes about a turn for each of its repetitions, some a few more."""


def resident_bytes() -> int:
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


async def schedule(steps: int) -> None:
    """Run about so many steps."""
    rounds = max(steps // (TASKS_AT_ONCE * STEPS_A_TASK), 1)
    for _ in range(rounds):
        kinds = [KINDS[number % len(KINDS)] for number in range(TASKS_AT_ONCE)]
        await asyncio.gather(*(kind() for kind in kinds))  # type: ignore[call-overload]


async def main(steps: int) -> bool:
    """Schedule `steps` steps, and say what they left behind; true when that is nothing."""
    readings: list[tuple[int, int, int]] = []
    started_s = time.process_time()
    for number in range(1, READINGS + 1):
        await schedule(steps // READINGS)
        gc.collect()
        readings.append((resident_bytes(), sys.getallocatedblocks(), len(gc.get_objects())))
        size, blocks, objects = readings[-1]
        print(
            f"{number * steps // READINGS:>13,} steps  {time.process_time() - started_s:6.0f} s  "
            f"{size / 1e6:7.1f} MB  {blocks:>9,} blocks  {objects:>8,} objects",
            flush=True,
        )
    is_constant = all(
        now <= MAY_GROW * then for now, then in zip(readings[-1], readings[WARM_UP - 1], strict=True)
    )
    print("memory is constant" if is_constant else f"memory has grown by more than {MAY_GROW - 1:.0%}")
    return is_constant


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--steps", type=int, default=STEPS, metavar="N", help=f"take N steps (default {STEPS:,})"
    )
    options = parser.parse_args()
    if options.steps < READINGS:
        parser.error(f"--steps is {options.steps}: give {READINGS} or more")
    sys.exit(0 if coroscope.run(main(options.steps)) else 1)
