"""Thumbnails of 1,500 pictures, by three workers."""

import asyncio
import time
from collections.abc import Iterator


def shrink(picture: int) -> int:
    time.sleep(0.003)  # As a library of images would, outside the interpreter.
    return picture % 7


async def work(pictures: Iterator[int]) -> int:
    total = 0
    for picture in pictures:
        total += await asyncio.to_thread(shrink, picture)
    return total


async def main() -> None:
    pictures = iter(range(1500))
    async with asyncio.TaskGroup() as group:
        workers = [group.create_task(work(pictures)) for _ in range(3)]
    print(sum(worker.result() for worker in workers))


asyncio.run(main())
