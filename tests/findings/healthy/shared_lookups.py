"""A cache in which all who ask for the same key at once share one lookup."""

import asyncio

lookups = 0


async def look_up(key: int) -> str:
    global lookups
    lookups += 1
    await asyncio.sleep(0.03)
    return f"value {key}"


class Cache:
    def __init__(self) -> None:
        self._found: dict[int, asyncio.Task[str]] = {}

    async def get(self, key: int) -> str:
        if key not in self._found:
            self._found[key] = asyncio.create_task(look_up(key))
        return await asyncio.shield(self._found[key])


async def use(cache: Cache, number: int) -> str:
    found = ""
    for step in range(10):
        found = await cache.get((number + step) % 25)
        await asyncio.sleep(0.002)
    return found


async def main() -> None:
    cache = Cache()
    await asyncio.gather(*(use(cache, number) for number in range(40)))
    assert lookups == 25


asyncio.run(main())
