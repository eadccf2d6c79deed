"""A log whose every line is parsed by a task of its own."""

import asyncio

LINES = [f"GET /item/{number} {200 if number % 9 else 404}" for number in range(25_000)]


async def parse(line: str) -> int:
    _, _, status = line.split()
    return int(status)


async def main() -> None:
    statuses = await asyncio.gather(*[parse(line) for line in LINES])  # here
    print(statuses.count(404), "not found")


asyncio.run(main())
