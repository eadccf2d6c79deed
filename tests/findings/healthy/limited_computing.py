"""Images, so to speak, are scaled by a pool of two processes, of which no more than two are asked for at a time."""

import asyncio
from concurrent.futures import ProcessPoolExecutor


def scale(pixels: int) -> int:
    return sum(pixel * pixel % 255 for pixel in range(pixels))


async def main(processes: ProcessPoolExecutor) -> None:
    loop = asyncio.get_running_loop()
    at_once = asyncio.Semaphore(2)

    async def handle(pixels: int) -> int:
        async with at_once:
            return await loop.run_in_executor(processes, scale, pixels)

    scaled = await asyncio.gather(*(handle(100_000) for _ in range(40)))
    assert len(set(scaled)) == 1


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(scale, [1] * 4))  # They are started before the loop, which they would hold up.
        asyncio.run(main(pool))
