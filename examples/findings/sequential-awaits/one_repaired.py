"""A price watch that asks all shops at once."""

import asyncio

DELAYS_S = {"north": 0.5, "south": 0.6, "east": 0.4, "west": 0.5, "online": 0.6}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    shop = (await reader.readline()).decode().strip()
    await asyncio.sleep(DELAYS_S[shop])
    writer.write(b"%d\n" % len(shop))
    await writer.drain()
    writer.close()


async def ask(port: int, shop: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(shop.encode() + b"\n")
    price = int(await reader.readline())
    writer.close()
    return price


async def compare_prices(port: int) -> dict[str, int]:
    prices = await asyncio.gather(*(ask(port, shop) for shop in DELAYS_S))
    return dict(zip(DELAYS_S, prices, strict=True))


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    prices = await compare_prices(server.sockets[0].getsockname()[1])
    server.close()
    print("cheapest:", min(prices, key=lambda shop: prices[shop]))


asyncio.run(main())
