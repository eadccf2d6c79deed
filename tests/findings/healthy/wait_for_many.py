"""Readers wait for a state under a condition, writers change it, and a barrier lets rounds begin together."""

import asyncio


async def main() -> None:
    changed = asyncio.Condition()
    level = 0

    async def wait_for_level(wanted: int) -> int:
        async with changed:
            await changed.wait_for(lambda: level >= wanted)
        return wanted

    async def rise() -> None:
        nonlocal level
        for _ in range(30):
            await asyncio.sleep(0.01)
            async with changed:
                level += 1
                changed.notify_all()

    barrier = asyncio.Barrier(5)

    async def run_rounds() -> None:
        for _ in range(20):
            await asyncio.sleep(0.01)
            await barrier.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(rise())
        waiting = [group.create_task(wait_for_level(wanted)) for wanted in range(1, 31)]
        for _ in range(5):
            group.create_task(run_rounds())
    assert sum(one.result() for one in waiting) == sum(range(31))


asyncio.run(main())
