"""Callers share a budget of two hundred calls a second, as the other side demands."""

import asyncio


class Limiter:
    """Gives out turns at a steady rate."""

    def __init__(self, per_second: float) -> None:
        self._every_s = 1 / per_second
        self._next_s = 0.0

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = max(self._next_s, loop.time())
        self._next_s = due_s + self._every_s
        await asyncio.sleep(due_s - loop.time())


async def call(limiter: Limiter) -> None:
    await limiter.turn()
    await asyncio.sleep(0.02)


async def main() -> None:
    limiter = Limiter(200)

    async def caller() -> None:
        for _ in range(15):
            await call(limiter)

    await asyncio.gather(*(caller() for _ in range(10)))


asyncio.run(main())
