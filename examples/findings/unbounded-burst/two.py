"""An import of 2,000 rows, each a task that holds its row while it waits for one of twenty connections."""

import asyncio


class Database:
    """Twenty connections, kept in a queue."""

    def __init__(self) -> None:
        self._idle: asyncio.Queue[str] = asyncio.Queue()
        for number in range(20):
            self._idle.put_nowait(f"connection {number}")

    async def insert(self, row: bytes) -> int:
        connection = await self._idle.get()
        try:
            await asyncio.sleep(0.01)
            return len(row)
        finally:
            self._idle.put_nowait(connection)


async def main() -> None:
    database = Database()
    rows = (bytes(1000) for _ in range(2000))
    written = await asyncio.gather(*(database.insert(row) for row in rows))  # here
    print(sum(written), "bytes")


asyncio.run(main())
