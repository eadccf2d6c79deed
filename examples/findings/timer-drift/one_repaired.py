"""A recorder that reads a sensor ten times a second."""

import asyncio

PERIOD_S = 0.1


async def read_sensor(number: int) -> float:
    await asyncio.sleep(0.07)  # The sensor takes its time.
    return 20 + number % 5 / 10


async def main() -> None:
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    readings = []
    for number in range(20):
        readings.append(await read_sensor(number))
        due_s += PERIOD_S
        await asyncio.sleep(due_s - loop.time())
    print(max(readings))


asyncio.run(main())
