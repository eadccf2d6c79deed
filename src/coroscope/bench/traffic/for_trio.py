"""The servers in trio's interface, as its users write them.

Rule: what comes is sent back as it comes: none waits for a whole message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio
from trio.socket import IPPROTO_TCP, SOCK_DGRAM, TCP_NODELAY

from coroscope.bench.traffic.certificate import server_context
from coroscope.bench.traffic.serving import (
    HOST,
    READ_BYTES,
    Address,
    Serve,
    Servers,
    address_of,
    listening_socket,
)
from coroscope.bench.workload import Traffic


async def echo_stream(stream: trio.abc.Stream) -> None:
    """Send back what comes until nothing more does."""
    async with stream:
        while data := await stream.receive_some(READ_BYTES):
            await stream.send_all(data)


async def echo_secure_stream(stream: trio.abc.Stream) -> None:
    """The same over TLS, where a connection may end without the farewell that trio insists on."""
    with suppress(trio.BrokenResourceError):
        await echo_stream(stream)


async def echo_socket(connection: trio.socket.SocketType) -> None:
    """Send back what comes until nothing more does; trio's sockets have no `sendall`."""
    with connection:
        while data := await connection.recv(READ_BYTES):
            unsent = memoryview(data)
            while unsent:
                unsent = unsent[await connection.send(unsent) :]


def stream_server(*, secure: bool = False) -> Serve:
    @asynccontextmanager
    async def serve(traffic: Traffic) -> AsyncIterator[Address]:
        listener: trio.abc.Listener[trio.abc.Stream]
        listener = plain = trio.SocketListener(trio.socket.from_stdlib_socket(listening_socket(traffic)))
        if secure:
            listener = trio.SSLListener(plain, server_context())
        echo = echo_secure_stream if secure else echo_stream
        async with _in_background(partial(trio.serve_listeners, echo, [listener])):
            yield address_of(plain.socket)

    return serve


@asynccontextmanager
async def socket_server(traffic: Traffic) -> AsyncIterator[Address]:
    listener = trio.socket.from_stdlib_socket(listening_socket(traffic))

    async def accept() -> None:
        async with trio.open_nursery() as callers:
            while True:
                connection, _ = await listener.accept()
                connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # as the streams do of themselves
                callers.start_soon(echo_socket, connection)

    with listener:
        async with _in_background(accept):
            yield address_of(listener)


@asynccontextmanager
async def datagram_server(traffic: Traffic) -> AsyncIterator[Address]:  # noqa: ARG001 (a server's signature)
    with trio.socket.socket(type=SOCK_DGRAM) as endpoint:
        await endpoint.bind((HOST, 0))

        async def answer() -> None:
            while True:
                data, address = await endpoint.recvfrom(READ_BYTES)
                await endpoint.sendto(data, address)

        async with _in_background(answer):
            yield address_of(endpoint)


@asynccontextmanager
async def _in_background(work: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Does that work until the block has ended."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        yield
        nursery.cancel_scope.cancel()


SERVERS = Servers(
    {
        "tcp-streams": stream_server(),
        "tcp-sock": socket_server,
        "tls-streams": stream_server(secure=True),
        "udp": datagram_server,
        "idle": stream_server(),
    },
    trio.to_thread.run_sync,
    dict.fromkeys(("tcp-protocol", "tcp-buffered", "unix-protocol", "tls-protocol"), "trio has no protocols")
    | dict.fromkeys(("http-aiohttp", "http-uvicorn"), "runs on asyncio only"),
)
