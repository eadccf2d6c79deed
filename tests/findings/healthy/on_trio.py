"""On trio: producers and consumers about a memory channel, under a deadline that is not reached."""

import trio


async def produce(channel: "trio.MemorySendChannel[int]", first: int) -> None:
    async with channel:
        for number in range(first, first + 40):
            await trio.sleep(0.005)
            await channel.send(number)


async def consume(channel: "trio.MemoryReceiveChannel[int]", found: list[int]) -> None:
    async with channel:
        async for number in channel:
            await trio.sleep(0.002)
            found.append(number)


async def main() -> None:
    found: list[int] = []
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            sending, receiving = trio.open_memory_channel[int](10)
            async with sending, receiving:
                for first in range(0, 200, 40):
                    nursery.start_soon(produce, sending.clone(), first)
                for _ in range(4):
                    nursery.start_soon(consume, receiving.clone(), found)
    assert sorted(found) == list(range(200))


trio.run(main)
