"""SQLite in one thread of its own, as it wants to be used, and requests that come at different times."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Database:
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)

    async def open(self) -> None:
        self._connection = await self._run(lambda: sqlite3.connect(":memory:"))
        await self.execute("CREATE TABLE visits (page TEXT, count INTEGER)")

    async def execute(self, sql: str, *values: object) -> Any:
        return await self._run(lambda: self._connection.execute(sql, values).fetchall())

    async def _run(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def close(self) -> None:
        await self._run(self._connection.close)
        self._thread.shutdown()


async def visit(database: Database, number: int) -> None:
    await asyncio.sleep(0.01 * (number % 7))
    await database.execute("INSERT INTO visits VALUES (?, ?)", f"page {number % 9}", 1)


async def main() -> None:
    database = Database()
    await database.open()
    for _ in range(10):
        await asyncio.gather(*(visit(database, number) for number in range(30)))
    (counted,) = await database.execute("SELECT sum(count) FROM visits")
    await database.close()
    assert counted == (300,)


asyncio.run(main())
