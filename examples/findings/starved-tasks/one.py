"""A worker that parses what it has received, in one go, while others have received something, too."""

import asyncio

LINES = [f"2026-11-{number % 28 + 1:02};{number};{number * 7 % 1000}" for number in range(250_000)]


async def total_of(lines: list[str]) -> int:
    total = 0
    for line in lines:
        total += sum(int(field) for field in line.split(";")[1:])  # here
    return total


async def receive(delay_s: float) -> int:
    await asyncio.sleep(delay_s)
    return await total_of(LINES)


async def main() -> None:
    print(await asyncio.gather(*(receive(0.1) for _ in range(5))))


asyncio.run(main())
