"""Pure waiting: fifty requests to something far away, with nothing to compute before or after.

    coroscope compare examples/workloads/waiting.py
    python examples/workloads/waiting.py [ITEMS]

In sequence the waits add up, to 1.5 s. Whatever waits for several at once is faster by as much as it has at once:
threads by their number, processes by theirs, which is the processors' and has nothing to do with waiting. One loop
waits for all fifty together, and needs the time of the longest. A loop on each core cannot better that, and has
processes to start before.
"""

from __future__ import annotations

import asyncio
import time

import coroscope

REQUESTS = 50


def waits() -> list[float]:
    """Seconds: from 10 to 50 ms, short and long ones in turns."""
    return [0.010 + 0.040 * (number * 7 % REQUESTS) / (REQUESTS - 1) for number in range(REQUESTS)]


def wait(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


async def wait_async(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


workload = coroscope.Workload(waits, call=wait, coroutine=wait_async, name="waiting")

if __name__ == "__main__":
    import by_hand  # type: ignore[import-not-found]  # beside this file

    by_hand.main(workload)
