"""Waits for a job in a thread by asking all the time whether it is done."""

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor


def export() -> str:
    time.sleep(1.5)
    return "report.csv"


async def wait_for(job: Future[str]) -> str:
    return await asyncio.wrap_future(job)


async def main() -> None:
    with ThreadPoolExecutor(1) as pool:
        print(await wait_for(pool.submit(export)))


asyncio.run(main())
