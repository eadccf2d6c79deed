"""A worker that takes whatever goes wrong for a failed job, and so cannot be stopped before its jobs are done."""

import asyncio


class Worker:
    def __init__(self) -> None:
        self.done: list[int] = []
        self.failed = 0

    async def run_job(self, job: int) -> None:
        await asyncio.sleep(0.2)
        self.done.append(job)

    async def run(self, jobs: int) -> None:
        for job in range(jobs):
            try:
                await self.run_job(job)
            except BaseException:  # here
                self.failed += 1


async def main() -> None:
    worker = Worker()
    running = asyncio.create_task(worker.run(12))
    await asyncio.sleep(0.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    print(f"{len(worker.done)} jobs done, {worker.failed} failed")


asyncio.run(main())
