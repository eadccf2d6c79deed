"""A large upload in chunks, which goes no faster than the other side reads it."""

import asyncio

CHUNK = bytes(64 * 1024)
CHUNKS = 200


async def main() -> None:
    received = 0
    is_over = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        while data := await reader.read(64 * 1024):
            received += len(data)
            await asyncio.sleep(0.001)
        writer.close()
        await writer.wait_closed()
        is_over.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(CHUNKS):
            writer.write(CHUNK)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        await is_over.wait()
    assert received == len(CHUNK) * CHUNKS


asyncio.run(main())
