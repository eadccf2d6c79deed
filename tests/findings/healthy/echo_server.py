"""A line server on streams, and twenty clients that each have a short conversation with it."""

import asyncio


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def converse(port: int, name: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    for number in range(30):
        writer.write(f"{name} says {number}\n".encode())
        await writer.drain()
        answered += (await reader.readline()) == f"{name} says {number}\n".upper().encode()
        await asyncio.sleep(0.01)
    writer.close()
    await writer.wait_closed()
    return answered


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        answered = await asyncio.gather(*(converse(port, f"client {number}") for number in range(20)))
    assert sum(answered) == 600


asyncio.run(main())
