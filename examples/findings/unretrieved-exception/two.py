"""A pipeline whose parser dies of the first bad line, while everybody else goes on waiting for the time to be up."""

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
        record = json.loads(await queue.get())  # here
        prices.append(record["price"])


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    prices: list[int] = []
    parsers.append(asyncio.create_task(parse(queue, prices)))
    await feed(queue)
    print(f"{len(prices)} prices of {len(LINES * 3)} lines")


asyncio.run(main())
