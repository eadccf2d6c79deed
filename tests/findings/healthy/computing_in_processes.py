"""What computes for long is given to processes, in parts of a sensible size, while the loop answers."""

import asyncio
import math
from concurrent.futures import ProcessPoolExecutor


def count_primes(first: int, last: int) -> int:
    return sum(
        all(number % d for d in range(2, math.isqrt(number) + 1)) for number in range(max(first, 2), last)
    )


async def answer(is_done: asyncio.Event) -> int:
    answered = 0
    while not is_done.is_set():
        await asyncio.sleep(0.005)
        answered += 1
    return answered


async def main(processes: ProcessPoolExecutor) -> None:
    loop = asyncio.get_running_loop()
    is_done = asyncio.Event()
    answering = asyncio.create_task(answer(is_done))
    parts = [(first, first + 10_000) for first in range(0, 60_000, 10_000)]
    counts = await asyncio.gather(*(loop.run_in_executor(processes, count_primes, *part) for part in parts))
    is_done.set()
    assert await answering > 0
    assert sum(counts) == 6057


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        list(
            pool.map(count_primes, [0] * 4, [1] * 4)
        )  # They are started before the loop, which they would hold up.
        asyncio.run(main(pool))
