"""A pipeline whose parser skips bad lines, and whose end is awaited."""

import asyncio
import json

LINES = ['{"price": 3}', '{"price": 4}', "price: 5", '{"price": 6}']
parsers: list[asyncio.Task[None]] = []


async def feed(queue: asyncio.Queue[str]) -> None:
    for line in LINES * 3:
        await queue.put(line)
        await asyncio.sleep(0.05)


async def parse(queue: asyncio.Queue[str], prices: list[int]) -> None:
    while True:
        line = await queue.get()
        try:
            record = json.loads(line)
        except ValueError:
            continue
        prices.append(record["price"])


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    prices: list[int] = []
    parsers.append(asyncio.create_task(parse(queue, prices)))
    await feed(queue)
    parsers[0].cancel()
    await asyncio.wait(parsers)
    print(f"{len(prices)} prices of {len(LINES * 3)} lines")


asyncio.run(main())
