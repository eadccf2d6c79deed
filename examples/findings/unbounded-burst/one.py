"""Thumbnails of 1,500 pictures: a task and a place in the threads' queue for each, all at once."""

import asyncio
import time


def shrink(picture: int) -> int:
    time.sleep(0.003)  # As a library of images would, outside the interpreter.
    return picture % 7


async def thumbnail(picture: int) -> int:
    return await asyncio.to_thread(shrink, picture)


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(thumbnail(picture)) for picture in range(1500)]  # here
    print(sum(task.result() for task in tasks))


asyncio.run(main())
