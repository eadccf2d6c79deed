"""A shop that confirms orders in the background, and waits for the last confirmations before it closes."""

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
        self.confirmations: set[asyncio.Task[None]] = set()

    async def handle(self, order: int) -> None:
        await asyncio.sleep(0.06)
        confirmation = asyncio.ensure_future(self.mailer.send(order))
        self.confirmations.add(confirmation)
        confirmation.add_done_callback(self.confirmations.discard)

    async def run(self, orders: int) -> None:
        for order in range(orders):
            await self.handle(order)

    async def close(self) -> None:
        await asyncio.gather(*self.confirmations)


def serve() -> None:
    mailer = Mailer()
    loop = asyncio.new_event_loop()
    shop = Shop(mailer)
    loop.run_until_complete(shop.run(12))
    print(f"{len(mailer.sent)} of 12 orders confirmed so far")
    loop.run_until_complete(shop.run(4))
    loop.run_until_complete(shop.close())
    print(f"{len(mailer.sent)} of 16 orders confirmed")
    loop.close()


serve()
