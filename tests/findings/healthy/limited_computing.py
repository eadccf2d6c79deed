"""Images, so to speak, are scaled by a pool of two processes, of which no more than two are asked for at a time."""

import asyncio
from concurrent.futures import ProcessPoolExecutor


def scale(pixels: int) -> int:
    return sum(pixel * pixel % 255 for pixel in range(pixels))


async def main() -> None:
    loop = asyncio.get_running_loop()
    at_once = asyncio.Semaphore(2)
    with ProcessPoolExecutor(2) as processes:

        async def handle(pixels: int) -> int:
            async with at_once:
                return await loop.run_in_executor(processes, scale, pixels)

        scaled = await asyncio.gather(*(handle(100_000) for _ in range(40)))
    assert len(set(scaled)) == 1


if __name__ == "__main__":
    asyncio.run(main())
