"""Sessions that must be kept alive every so often, and a planner that thinks for long at a time."""

import asyncio
import random
import time
from itertools import pairwise

THINKING_S = 0.4
SESSIONS = 6


def length_of(tour: list[int]) -> int:
    return sum(abs(here - there) for here, there in pairwise(tour))


async def improve(tour: list[int], until_s: float) -> list[int]:
    best = length_of(tour)
    while time.monotonic() < until_s:
        await asyncio.sleep(0)
        one, other = sorted(random.sample(range(len(tour)), 2))
        changed = tour[:one] + tour[one:other][::-1] + tour[other:]
        if (length := length_of(changed)) < best:
            tour, best = changed, length
    return tour


async def plan() -> None:
    tour = random.sample(range(1000), 1000)
    for _ in range(3):
        tour = await improve(tour, time.monotonic() + THINKING_S)
        await asyncio.sleep(0.05)


async def keep_alive() -> None:
    while True:
        await asyncio.sleep(0.05)


async def main() -> None:
    sessions = [asyncio.create_task(keep_alive()) for _ in range(SESSIONS)]
    await plan()
    for session in sessions:
        session.cancel()
    await asyncio.gather(*sessions, return_exceptions=True)


asyncio.run(main())
