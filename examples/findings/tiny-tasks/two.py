"""A counter of events, each handed to a task that is then awaited at once."""

import asyncio
from collections import Counter


class Totals:
    """How often each kind of event was seen."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    async def add(self, event: dict[str, int]) -> None:
        self.seen["even" if event["id"] % 2 == 0 else "odd"] += 1


async def main() -> None:
    totals = Totals()
    for number in range(16_000):
        await asyncio.create_task(totals.add({"id": number}))  # here
    print(dict(totals.seen))


asyncio.run(main())
