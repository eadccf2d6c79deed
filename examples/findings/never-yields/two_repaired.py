"""Searches for the largest prime that can be found in the time that there is."""

import asyncio
import time

SEARCH_S = 1.6


def is_prime(number: int) -> bool:
    divisor = 3
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 2
    return True


async def search(until_s: float) -> int:
    number = found = 1_000_001
    while time.monotonic() < until_s:
        await asyncio.sleep(0)
        number += 2
        if is_prime(number):
            found = number
    return found


async def show_progress() -> None:
    while True:
        await asyncio.sleep(0.2)


async def main() -> None:
    progress = asyncio.create_task(show_progress())
    print(await search(time.monotonic() + SEARCH_S) > 1_000_001)
    progress.cancel()


asyncio.run(main())
