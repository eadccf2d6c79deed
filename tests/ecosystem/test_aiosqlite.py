"""aiosqlite: a database in a thread of its own, which wakes the loop for each answer."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from tests.ecosystem.conftest import Run


def test_rows_go_in_and_come_out_one_by_one(run: Run) -> None:
    rows = [(number, f"row {number}") for number in range(500)]

    async def main() -> Any:
        async with aiosqlite.connect(":memory:") as database:
            await database.execute("CREATE TABLE t (n INTEGER, s TEXT)")
            await database.executemany("INSERT INTO t VALUES (?, ?)", rows)
            async with database.execute("SELECT n, s FROM t ORDER BY n") as cursor:
                return [row async for row in cursor]

    assert run(main()) == rows


def test_what_is_not_committed_is_rolled_back(run: Run, tmp_path: Path) -> None:
    async def main() -> Any:
        async with aiosqlite.connect(tmp_path / "file") as database:
            await database.execute("CREATE TABLE t (n INTEGER)")
            await database.execute("INSERT INTO t VALUES (1)")
            await database.commit()
            await database.execute("INSERT INTO t VALUES (2)")
            await database.rollback()
            return await database.execute_fetchall("SELECT n FROM t")

    assert run(main()) == [(1,)]


def test_many_tasks_share_one_connection(run: Run) -> None:
    async def main() -> list[int]:
        async with aiosqlite.connect(":memory:") as database:

            async def square(number: int) -> int:
                ((value,),) = await database.execute_fetchall("SELECT ? * ?", (number, number))
                return int(value)

            return await asyncio.gather(*map(square, range(100)))

    assert run(main()) == [number**2 for number in range(100)]


def test_an_error_in_the_thread_is_raised_in_the_task(run: Run) -> None:
    async def main() -> None:
        async with aiosqlite.connect(":memory:") as database:
            with pytest.raises(sqlite3.OperationalError, match="no such table"):
                await database.execute("SELECT * FROM missing")

    run(main())
