"""A price watcher that asks a shop for several products, with a client that knows nothing of the event loop."""

import asyncio
import socket
import threading
import time

PRODUCTS = 5


def sell(shop: socket.socket) -> None:
    while True:
        buyer, _ = shop.accept()
        threading.Thread(target=answer, args=(buyer,), daemon=True).start()


def answer(buyer: socket.socket) -> None:
    with buyer:
        product = int(buyer.recv(100))
        time.sleep(0.5)
        buyer.sendall(f"{product}.99".encode())


def price_of(address: tuple[str, int], product: int) -> float:
    with socket.create_connection(address) as shop:
        shop.sendall(str(product).encode())
        return float(shop.recv(100))


async def watch(address: tuple[str, int], product: int) -> float:
    await asyncio.sleep(0.1)
    price = await asyncio.to_thread(price_of, address, product)
    await asyncio.sleep(0.1)
    return price


async def main() -> None:
    shop = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=sell, args=(shop,), daemon=True).start()
    async with asyncio.TaskGroup() as group:
        prices = [group.create_task(watch(shop.getsockname(), product)) for product in range(PRODUCTS)]
    print(sum(price.result() for price in prices))


asyncio.run(main())
