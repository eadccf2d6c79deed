"""A counter of events, each added by a plain await."""

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
        await totals.add({"id": number})
    print(dict(totals.seen))


asyncio.run(main())
