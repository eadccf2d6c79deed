"""A long computation beside a server: it is cut into short parts, and lets others run between two of them."""

import asyncio


async def compute() -> int:
    total = 0
    for part in range(150):
        total += sum(number * number for number in range(part * 2_000, (part + 1) * 2_000))
        await asyncio.sleep(0)
    return total


async def answer(is_done: asyncio.Event) -> int:
    answered = 0
    while not is_done.is_set():
        await asyncio.sleep(0.005)
        answered += 1
    return answered


async def main() -> None:
    is_done = asyncio.Event()
    answering = asyncio.create_task(answer(is_done))
    total = await compute()
    is_done.set()
    await answering
    assert total == sum(number * number for number in range(300_000))


asyncio.run(main())
