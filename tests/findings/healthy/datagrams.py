"""A UDP time server, and clients that ask it and give up on what is lost."""

import asyncio
import time
from typing import Any


class Server(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.transport.sendto(data + str(time.time_ns()).encode(), address)


class Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        self.answers.put_nowait(data)


async def ask(address: tuple[str, int]) -> int:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=address)
    answered = 0
    for number in range(20):
        transport.sendto(f"{number} ".encode())
        try:
            await asyncio.wait_for(client.answers.get(), 1)
            answered += 1
        except TimeoutError:
            pass
        await asyncio.sleep(0.01)
    transport.close()
    return answered


async def main() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    answered = await asyncio.gather(*(ask(address) for _ in range(15)))
    transport.close()
    assert sum(answered) > 250


asyncio.run(main())
