"""Sixteen child processes, two at a time, whose output is collected."""

import asyncio
import sys

CHILD = "import sys; print(sum(map(int, sys.stdin.read().split())))"


async def add_up(numbers: range, at_once: asyncio.Semaphore) -> int:
    async with at_once:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", CHILD, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate(" ".join(map(str, numbers)).encode())
        return int(output)


async def main() -> None:
    at_once = asyncio.Semaphore(2)
    sums = await asyncio.gather(*(add_up(range(100 * number), at_once) for number in range(16)))
    assert sums == [sum(range(100 * number)) for number in range(16)]


asyncio.run(main())
