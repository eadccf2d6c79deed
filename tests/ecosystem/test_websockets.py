"""The websockets library: its server and its client, both on the loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets
from websockets.asyncio.server import ServerConnection, broadcast, serve

from tests.ecosystem.conftest import Run
from tests.loop.io.certificates import client_context, server_context

MEGABYTE = random.Random(1).randbytes(1_000_000)


@asynccontextmanager
async def serving(handler: Any, tls: bool = False) -> AsyncIterator[str]:
    """The address of a server whose connections go to `handler`."""
    context = server_context() if tls else None
    async with serve(handler, "127.0.0.1", 0, ssl=context, max_size=None) as server:
        (listening,) = server.sockets
        yield f"{'wss' if tls else 'ws'}://localhost:{listening.getsockname()[1]}/"


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_messages_of_any_size_and_in_fragments_come_back(run: Run, secure: bool) -> None:
    async def main() -> Any:
        tls = client_context() if secure else None
        async with (
            serving(echo, secure) as url,
            websockets.connect(url, ssl=tls, max_size=None, proxy=None) as connection,
        ):
            await connection.send("text")
            await connection.send(["in ", "two ", "fragments"])
            await connection.send(MEGABYTE)
            return [await connection.recv() for _ in range(3)]

    assert run(main()) == ["text", "in two fragments", MEGABYTE]


def test_a_ping_is_answered(run: Run) -> None:
    async def main() -> bool:
        async with serving(echo) as url, websockets.connect(url, proxy=None) as connection:
            return await (await connection.ping()) >= 0

    assert run(main()) is True


def test_a_broadcast_reaches_everyone(run: Run) -> None:
    async def main() -> list[Any]:
        connections: set[ServerConnection] = set()
        everyone = asyncio.Event()

        async def register(connection: ServerConnection) -> None:
            connections.add(connection)
            if len(connections) == 20:
                everyone.set()
            await connection.wait_closed()

        async def listen(url: str) -> Any:
            async with websockets.connect(url, proxy=None) as connection:
                return await connection.recv()

        async with serving(register) as url:
            listeners = asyncio.gather(*(listen(url) for _ in range(20)))
            await everyone.wait()
            broadcast(connections, "news")
            return await listeners

    assert run(main()) == ["news"] * 20


def test_who_closes_gives_a_code_that_the_other_side_reads(run: Run) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(4321, "enough")

    async def main() -> Any:
        async with serving(leave) as url, websockets.connect(url, proxy=None) as connection:
            with pytest.raises(websockets.ConnectionClosedError) as caught:
                await connection.recv()
            assert caught.value.rcvd is not None
            return caught.value.rcvd.code, caught.value.rcvd.reason

    assert run(main()) == (4321, "enough")


def test_a_slow_reader_holds_the_sender_back(run: Run) -> None:
    async def main() -> Any:
        sent = 0

        async def flood(connection: ServerConnection) -> None:
            nonlocal sent
            while sent < 100:
                await connection.send(MEGABYTE)
                sent += 1

        async with (
            serving(flood) as url,
            websockets.connect(url, max_size=None, max_queue=1, compression=None, proxy=None) as connection,
        ):
            await connection.recv()
            for _ in range(1000):
                await asyncio.sleep(0)
            held_back = sent
            for _ in range(99):
                await connection.recv()
            return held_back, sent

    held_back, sent = run(main())
    assert held_back < 50
    assert sent == 100
