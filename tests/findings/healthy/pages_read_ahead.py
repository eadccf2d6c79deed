"""Reads a listing page by page, as each page names the next one, and works on one while the next is on its way."""

import asyncio
from collections.abc import AsyncIterator


async def fetch(page: int) -> tuple[list[int], int | None]:
    await asyncio.sleep(0.015)
    return list(range(page * 10, page * 10 + 10)), page + 1 if page < 24 else None


async def pages() -> AsyncIterator[list[int]]:
    coming: asyncio.Task[tuple[list[int], int | None]] | None = asyncio.create_task(fetch(0))
    while coming is not None:
        rows, following = await coming
        coming = None if following is None else asyncio.create_task(fetch(following))
        yield rows


async def store(rows: list[int]) -> int:
    await asyncio.sleep(0.01)
    return len(rows)


async def main() -> None:
    stored = 0
    async for rows in pages():
        stored += await store(rows)
    assert stored == 250


asyncio.run(main())
