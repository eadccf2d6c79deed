"""A thumbnail service: each request runs a converter and waits for it, and so does everybody else."""

import asyncio
import subprocess

REQUESTS = 5


async def convert(picture: str) -> str:
    done = subprocess.run(["sleep", "0.5"], check=True)  # here
    return f"{picture}: {done.returncode}"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    picture = (await reader.readline()).decode().strip()
    writer.write(f"{await convert(picture)}\n".encode())
    await writer.drain()
    writer.close()


async def request(port: int, picture: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{picture}\n".encode())
    answer = (await reader.readline()).decode().strip()
    writer.close()
    return answer


async def main() -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answers = await asyncio.gather(*(request(port, f"{number}.png") for number in range(REQUESTS)))
    print(answers)


asyncio.run(main())
