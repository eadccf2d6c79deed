"""A service that sends a heartbeat every 25 ms, by the clock, while it answers its users; then it is stopped."""

import asyncio
import contextlib
import random


async def beat(beats: list[float]) -> None:
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        beats.append(loop.time())
        due_s += 0.025
        await asyncio.sleep(max(0.0, due_s - loop.time()))


async def handle(number: int) -> int:
    await asyncio.sleep(0.003)
    return number


async def user(chance: random.Random) -> None:
    for number in range(30):
        await handle(number)
        await asyncio.sleep(chance.uniform(0.005, 0.02))


async def main() -> None:
    beats: list[float] = []
    heart = asyncio.create_task(beat(beats))
    chance = random.Random(7)
    await asyncio.gather(*(user(chance) for _ in range(10)))
    heart.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await heart
    assert len(beats) > 10


asyncio.run(main())
