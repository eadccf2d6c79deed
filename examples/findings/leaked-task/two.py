"""A shop that confirms orders in the background, and closes before all confirmations have gone out."""

import asyncio


class Mailer:
    def __init__(self) -> None:
        self.sent: list[int] = []

    async def send(self, order: int) -> None:
        await asyncio.sleep(0.3)
        self.sent.append(order)


class Shop:
    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer
        self.confirmation: asyncio.Future[None] | None = None

    async def handle(self, order: int) -> None:
        await asyncio.sleep(0.06)
        self.confirmation = asyncio.ensure_future(self.mailer.send(order))  # here

    async def run(self, orders: int) -> None:
        for order in range(orders):
            await self.handle(order)


def serve() -> None:
    mailer = Mailer()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(Shop(mailer).run(12))
    print(f"{len(mailer.sent)} of 12 orders confirmed so far")
    loop.run_until_complete(Shop(mailer).run(4))
    print(f"{len(mailer.sent)} of 16 orders confirmed")


serve()
