"""A job that reports its health all the while, and stops doing so when it is done."""

import asyncio
import contextlib


async def report_health(beats: list[float]) -> None:
    while True:
        beats.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)


async def work_off(jobs: int) -> int:
    done = 0
    for _ in range(jobs):
        await asyncio.sleep(0.08)
        done += 1
    return done


async def main() -> None:
    beats: list[float] = []
    health = asyncio.create_task(report_health(beats))
    done = await work_off(10)
    print(f"{done} jobs done, healthy: {not health.done()}")
    health.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await health


asyncio.run(main())
