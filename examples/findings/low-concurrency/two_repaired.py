"""Forty reports over a pool of as many connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CONNECTIONS = 40


class Pool:
    """Connections in a queue: who finds it empty waits until one comes back."""

    def __init__(self, size: int) -> None:
        self._idle: asyncio.Queue[str] = asyncio.Queue()
        for number in range(size):
            self._idle.put_nowait(f"connection {number}")

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[str]:
        connection = await self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put_nowait(connection)


async def report(pool: Pool, number: int) -> str:
    async with pool.connection() as connection:
        await asyncio.sleep(0.1 + number % 3 / 50)
        return f"report {number} over {connection}"


async def main() -> None:
    pool = Pool(CONNECTIONS)
    reports = await asyncio.gather(*(report(pool, number) for number in range(40)))
    print(len(reports), "reports")


asyncio.run(main())
