"""Waits for a job in a thread by asking all the time whether it is done."""

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor


def export() -> str:
    time.sleep(1.5)
    return "report.csv"


async def wait_for(job: Future[str]) -> str:
    asked = 0
    while not job.done():  # here
        asked += 1
    return job.result()


async def main() -> None:
    with ThreadPoolExecutor(1) as pool:
        print(await wait_for(pool.submit(export)))


asyncio.run(main())
