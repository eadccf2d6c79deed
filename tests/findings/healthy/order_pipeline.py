"""Orders go through three stages, each with workers of its own and a bounded queue before it."""

import asyncio
from collections.abc import Awaitable, Callable

END = None
Stage = Callable[[int], Awaitable[int]]


async def price(order: int) -> int:
    await asyncio.sleep(0.004)
    return order * 3


async def charge(amount: int) -> int:
    await asyncio.sleep(0.006)
    return amount


async def send(amount: int) -> int:
    await asyncio.sleep(0.005)
    return amount


async def work(
    stage: Stage, taken_from: "asyncio.Queue[int | None]", given_to: "asyncio.Queue[int | None]"
) -> None:
    while (item := await taken_from.get()) is not END:
        await given_to.put(await stage(item))
    await taken_from.put(END)


async def main() -> None:
    queues: list[asyncio.Queue[int | None]] = [asyncio.Queue(10) for _ in range(3)]
    done: asyncio.Queue[int | None] = asyncio.Queue()
    stages = zip((price, charge, send), queues, [*queues[1:], done], strict=True)

    async def run(
        stage: Stage, source: "asyncio.Queue[int | None]", sink: "asyncio.Queue[int | None]"
    ) -> None:
        await asyncio.gather(*(work(stage, source, sink) for _ in range(6)))
        await sink.put(END)

    async with asyncio.TaskGroup() as group:
        for stage, source, sink in stages:
            group.create_task(run(stage, source, sink))
        for order in range(300):
            await queues[0].put(order)
        await queues[0].put(END)
    assert done.qsize() == 301


asyncio.run(main())
