"""A client that holds its lock while it renews its token, and no longer."""

import asyncio


class Client:
    """Talks to a service that wants a fresh token every hundred requests."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._uses_left = 0

    async def request(self, number: int) -> int:
        async with self._lock:
            if not self._uses_left:
                await self._renew()
            self._uses_left -= 1
        return await self._send(number)

    async def _renew(self) -> None:
        await asyncio.sleep(0.1)
        self._uses_left = 100

    async def _send(self, number: int) -> int:
        await asyncio.sleep(0.12)
        return number * number


async def main() -> None:
    client = Client()
    async with asyncio.TaskGroup() as group:
        requests = [group.create_task(client.request(number)) for number in range(20)]
    print(sum(request.result() for request in requests))


asyncio.run(main())
