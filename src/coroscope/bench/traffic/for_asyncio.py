"""The servers in asyncio's interface, for every loop that has it.

Rule: what comes is sent back as it comes: none waits for a whole message.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY, socket

from coroscope.bench.traffic import http_servers
from coroscope.bench.traffic.certificate import server_context
from coroscope.bench.traffic.serving import (
    HOST,
    READ_BYTES,
    Address,
    Serve,
    Servers,
    address_of,
    backlog,
    listening_socket,
)
from coroscope.bench.workload import Traffic


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    _transport: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


class BufferedEcho(asyncio.BufferedProtocol):
    """Sends back what comes, received into one buffer."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(READ_BYTES))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        # A copy: the transport keeps what it cannot send at once, and the next bytes come into the buffer.
        self._transport.write(bytes(self._buffer[:nbytes]))


class DatagramEcho(asyncio.DatagramProtocol):
    """Sends each datagram back to where it came from."""

    _transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._transport.sendto(data, addr)  # type: ignore[arg-type]


async def echo_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes until nothing more does."""
    with closing(writer):
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()


async def echo_socket(connection: socket) -> None:
    """Send back what comes until nothing more does."""
    loop = asyncio.get_running_loop()
    with connection:
        while data := await loop.sock_recv(connection, READ_BYTES):
            await loop.sock_sendall(connection, data)


def protocol_server(protocol: Callable[[], asyncio.BaseProtocol], *, secure: bool = False) -> Serve:
    return _server(
        lambda **options: asyncio.get_running_loop().create_server(protocol, **options), secure=secure
    )


def stream_server(*, secure: bool = False) -> Serve:
    return _server(partial(asyncio.start_server, echo_stream), secure=secure)


def _server(start: Callable[..., Awaitable[asyncio.Server]], *, secure: bool) -> Serve:
    @asynccontextmanager
    async def serve(traffic: Traffic) -> AsyncIterator[Address]:
        server = await start(
            sock=listening_socket(traffic),
            backlog=backlog(traffic),
            ssl=server_context() if secure else None,
        )
        with closing(server):
            yield server.sockets[0].getsockname()

    return serve


@asynccontextmanager
async def socket_server(traffic: Traffic) -> AsyncIterator[Address]:
    loop, callers = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    with listening_socket(traffic) as listener:

        async def accept() -> None:
            while True:
                connection, _ = await loop.sock_accept(listener)
                connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # as the transports do of themselves
                callers.add(task := asyncio.create_task(echo_socket(connection)))
                task.add_done_callback(callers.discard)

        accepting = asyncio.create_task(accept())
        try:
            yield address_of(listener)
        finally:
            accepting.cancel()
            await asyncio.wait([accepting])


@asynccontextmanager
async def unix_server(traffic: Traffic) -> AsyncIterator[Address]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "socket"))
        server = await asyncio.get_running_loop().create_unix_server(Echo, path, backlog=backlog(traffic))
        with closing(server):
            yield path


@asynccontextmanager
async def datagram_server(traffic: Traffic) -> AsyncIterator[Address]:  # noqa: ARG001 (a server's signature)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        DatagramEcho, local_addr=(HOST, 0)
    )
    with closing(transport):
        yield transport.get_extra_info("sockname")


SERVERS = Servers(
    {
        "tcp-protocol": protocol_server(Echo),
        "tcp-buffered": protocol_server(BufferedEcho),
        "tcp-streams": stream_server(),
        "tcp-sock": socket_server,
        "unix-protocol": unix_server,
        "tls-protocol": protocol_server(Echo, secure=True),
        "tls-streams": stream_server(secure=True),
        "udp": datagram_server,
        "idle": protocol_server(Echo),
        "http-aiohttp": http_servers.serve_aiohttp,
        "http-uvicorn": http_servers.serve_uvicorn,
    },
    asyncio.to_thread,
)
