"""Reports are computed one after another, in a thread, so that the loop stays free for whoever may come."""

import asyncio


def compute(report: int) -> int:
    return sum(number * number % 97 for number in range(200_000 + report))


async def main() -> None:
    sums = [await asyncio.to_thread(compute, report) for report in range(10)]
    assert len(sums) == 10


asyncio.run(main())
