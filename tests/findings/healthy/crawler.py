"""A crawler with eight workers: each page is fetched once, and links to pages that are fetched later."""

import asyncio

WORKERS = 8


async def fetch(page: int) -> list[int]:
    await asyncio.sleep(0.01 + page % 5 * 0.004)
    return [link for link in (2 * page + 1, 2 * page + 2) if link < 200]


async def work(queue: "asyncio.Queue[int]", seen: set[int]) -> None:
    while True:
        page = await queue.get()
        try:
            for link in await fetch(page):
                if link not in seen:
                    seen.add(link)
                    queue.put_nowait(link)
        finally:
            queue.task_done()


async def main() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(0)
    seen = {0}
    workers = [asyncio.create_task(work(queue, seen)) for _ in range(WORKERS)]
    await queue.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    assert len(seen) == 200


asyncio.run(main())
