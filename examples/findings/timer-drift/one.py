"""A recorder that reads a sensor ten times a second, or so it believes."""

import asyncio

PERIOD_S = 0.1


async def read_sensor(number: int) -> float:
    await asyncio.sleep(0.07)  # The sensor takes its time.
    return 20 + number % 5 / 10


async def main() -> None:
    readings = []
    for number in range(20):
        readings.append(await read_sensor(number))
        await asyncio.sleep(PERIOD_S)  # here
    print(max(readings))


asyncio.run(main())
