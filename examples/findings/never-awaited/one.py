"""A cache that is refreshed on a schedule; the call that writes it to disk was once an ordinary function."""

import asyncio


class Cache:
    def __init__(self) -> None:
        self.entries: dict[str, int] = {}
        self.flushes = 0

    async def refresh(self, key: str) -> None:
        await asyncio.sleep(0.06)
        self.entries[key] = len(self.entries)

    async def flush(self) -> None:
        await asyncio.sleep(0.01)
        self.flushes += 1


async def keep_fresh(cache: Cache, rounds: int) -> None:
    for number in range(rounds):
        await cache.refresh(f"key {number}")
        if number % 3 == 2:
            cache.flush()  # here


async def main() -> None:
    cache = Cache()
    await keep_fresh(cache, 12)
    print(f"{len(cache.entries)} entries, written {cache.flushes} times")


asyncio.run(main())
