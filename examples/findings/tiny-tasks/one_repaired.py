"""A log whose every line is parsed by a call."""

import asyncio

LINES = [f"GET /item/{number} {200 if number % 9 else 404}" for number in range(25_000)]


def parse(line: str) -> int:
    _, _, status = line.split()
    return int(status)


async def main() -> None:
    statuses = [parse(line) for line in LINES]
    print(statuses.count(404), "not found")


asyncio.run(main())
