"""Services run until a signal says stop; each is cancelled, and tidies up before the program ends."""

import asyncio
import os
import signal


async def service(name: str, tidied: list[str]) -> None:
    try:
        while True:
            await asyncio.sleep(0.01)
    finally:
        await asyncio.sleep(0.005)
        tidied.append(name)


async def main() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.call_later(0.5, os.kill, os.getpid(), signal.SIGTERM)
    tidied: list[str] = []
    services = [asyncio.create_task(service(f"service {number}", tidied)) for number in range(5)]
    await stop.wait()
    for one in services:
        one.cancel()
    await asyncio.gather(*services, return_exceptions=True)
    loop.remove_signal_handler(signal.SIGTERM)
    assert len(tidied) == 5


asyncio.run(main())
