"""A client with a time limit for all its tries, each of which takes the limit for one more failure."""

import asyncio


class Service:
    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.asked = 0

    async def ask(self) -> str:
        self.asked += 1
        await asyncio.sleep(self.latency_s)
        raise ConnectionError("overloaded")


async def ask_again_and_again(service: Service, tries: int) -> str | None:
    for _ in range(tries):
        try:
            return await service.ask()
        except (ConnectionError, TimeoutError):
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:  # here
            await asyncio.sleep(0.01)
    return None


async def look_up(service: Service) -> str:
    try:
        async with asyncio.timeout(0.5):
            return await ask_again_and_again(service, 8) or "gave up"
    except TimeoutError:
        return "out of time"


async def main() -> None:
    service = Service(latency_s=0.3)
    answers = await asyncio.gather(*[look_up(service) for _ in range(5)])
    print(answers, service.asked)


asyncio.run(main())
