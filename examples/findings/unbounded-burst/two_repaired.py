"""An import of 2,000 rows by twenty workers, each with its connection."""

import asyncio
from collections.abc import Iterator


async def insert(connection: str, row: bytes) -> int:
    await asyncio.sleep(0.01)
    return len(row) if connection else 0


async def work(connection: str, rows: Iterator[bytes]) -> int:
    written = 0
    for row in rows:
        written += await insert(connection, row)
    return written


async def main() -> None:
    rows = (bytes(1000) for _ in range(2000))
    written = await asyncio.gather(*(work(f"connection {number}", rows) for number in range(20)))
    print(sum(written), "bytes")


asyncio.run(main())
