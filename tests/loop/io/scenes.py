"""A loop, a transport on it and the peer's end of its connection, moved on by hand until nothing changes.

Nothing here waits for a clock. The peer is a plain socket that never blocks, and only the test moves it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.loop.io.protocols import Note, kind_of

CALM_ROUNDS = 6
"""So many rounds of the loop in which nothing happens, and nothing will: asyncio queues twice at most for one event."""


class Scene:
    """What a test of a transport has at hand."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.reports: list[Note] = []
        """What the exception handler was told: message, type of the exception, names of the other entries."""
        self.sockets: list[socket.socket] = []
        """The peers' ends, to be closed in the end."""
        self.transports: list[Any] = []
        self.protocols: list[Any] = []
        self.layered: list[Any] = []
        """Transports on top of others, those of TLS, which do not tell their buffer's size once they are closed."""
        self.servers: list[Any] = []
        self.watched: list[Callable[[], int]] = []
        """What else must have stopped to change before nothing changes any more."""
        loop.set_exception_handler(self._report)

    def _report(self, _: Any, report: dict[str, Any]) -> None:
        message = report["message"]
        if message.startswith("Exception in callback "):
            message = "Exception in callback"
        others = tuple(sorted(report.keys() - {"message", "exception", "source_traceback"}))
        self.reports.append((message, kind_of(report.get("exception")), *others))

    # Connections

    def connect(self, protocol: Any, sock: socket.socket | None = None) -> tuple[Any, socket.socket]:
        """The transport of `protocol` at one end of a pair of Unix sockets, and the other end."""
        near, peer = socket.socketpair() if sock is None else (sock, None)
        transport = self.start(protocol, near)
        if peer is not None:
            self.adopt(peer)
        return transport, peer  # type: ignore[return-value]

    def connect_tcp(self, protocol: Any) -> tuple[Any, socket.socket]:
        """As `connect`, by TCP: the peer can reset the connection."""
        near, peer = tcp_pair()
        self.adopt(peer)
        return self.start(protocol, near), peer

    def serve(
        self, start: Callable[..., Any], *arguments: Any, **options: Any
    ) -> tuple[Any, tuple[str, int]]:
        """A server that listens on TCP, by `loop.create_server` or `asyncio.start_server`, and its address."""
        listener = socket.create_server(("127.0.0.1", 0))
        server = self.run(start(*arguments, sock=listener, **options))
        self.servers.append(server)
        return server, listener.getsockname()

    def call(self, address: tuple[str, int]) -> socket.socket:
        """A peer connected to a server."""
        return self.adopt(socket.create_connection(address))

    def start(self, protocol: Any, sock: socket.socket, *, is_accepted: bool = False) -> Any:
        start = self.loop.connect_accepted_socket if is_accepted else self.loop.create_connection
        transport, _ = self.run(start(lambda: protocol, sock=sock))
        self.transports.append(transport)
        self.protocols.append(protocol)
        self.settle()
        return transport

    def start_datagrams(self, protocol: Any, sock: socket.socket) -> Any:
        transport, _ = self.run(self.loop.create_datagram_endpoint(lambda: protocol, sock=sock))
        self.transports.append(transport)
        self.protocols.append(protocol)
        self.settle()
        return transport

    def adopt(self, peer: socket.socket) -> socket.socket:
        """Have `peer` closed with the scene."""
        peer.setblocking(False)
        self.sockets.append(peer)
        return peer

    # Time

    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(main)

    def round(self) -> None:
        """Let the loop poll, and run what is ready."""
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    def settle(self) -> None:
        """Run rounds until nothing changes any more."""
        calm, before = 0, self._state()
        while calm < CALM_ROUNDS:
            self.round()
            after = self._state()
            calm, before = (calm + 1 if after == before else 0), after

    def _state(self) -> tuple[int, ...]:
        return (
            len(self.reports),
            *(len(protocol.notes) for protocol in self.protocols),
            *(transport.get_write_buffer_size() for transport in self.transports),
            *(watch() for watch in self.watched),
        )

    def run_until(self, is_true: Callable[[], Any]) -> None:
        """Run rounds until `is_true()`: for what the kernel may take its time for."""
        while not is_true():
            self.loop.call_later(0.001, self.loop.stop)
            self.loop.run_forever()

    def drain(self, peer: socket.socket) -> bytes:
        """Everything that the peer gets until nothing more comes."""
        received = b""
        while data := self.available(peer):
            received += data
        return received

    def available(self, peer: socket.socket) -> bytes:
        """What comes for the peer until nothing changes."""
        self.settle()
        return available(peer)

    def receive(self, peer: socket.socket, count: int) -> bytes:
        """So many bytes, or what comes until the stream ends, however long the kernel takes."""
        received = bytearray()

        def is_complete() -> bool:
            try:
                data = peer.recv(count - len(received))
            except BlockingIOError:
                return False
            received.extend(data)
            return not data or len(received) == count

        self.run_until(is_complete)
        return bytes(received)

    def close(self) -> None:
        for server in self.servers:
            server.close()
        for sock in self.sockets:
            sock.close()
        for transport in self.transports:
            if transport.get_protocol() is not None:
                transport.abort()
        for transport in self.layered:
            transport.abort()
        self.settle()


def available(peer: socket.socket) -> bytes:
    """What has come for `peer`, without waiting. Nothing at the end of the stream, too."""
    received = b""
    try:
        while data := peer.recv(1 << 20):
            received += data
    except BlockingIOError:
        pass
    return received


def is_at_end(peer: socket.socket) -> bool:
    """Whether the stream has ended for `peer`, which must have read all that came before."""
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        return near, listener.accept()[0]


def datagram_pair() -> tuple[socket.socket, socket.socket]:
    """Two Unix sockets for datagrams, each connected to the other's name, which the kernel has chosen."""
    pair = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in pair:
        sock.bind("")
    for sock, other in zip(pair, reversed(pair), strict=True):
        sock.connect(other.getsockname())
    return pair[0], pair[1]


def reset(peer: socket.socket) -> None:
    """Close a TCP connection by a reset: the other end gets ECONNRESET."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def fill(transport: Any, size: int = 1 << 20) -> bytes:
    """Write more than the kernel takes while the peer reads nothing."""
    data = bytes(range(256)) * (size // 256)
    transport.write(data)
    assert transport.get_write_buffer_size() > 0
    return data


def leave_out_asyncio(transport: Any, since: tuple[int, int], until: tuple[int, int], bug: str) -> None:
    """Skip the test where `transport` is asyncio's own, of a version from `since` to before `until`: it has a bug."""
    if since <= sys.version_info < until and type(transport).__module__.startswith("asyncio."):
        pytest.skip(f"asyncio's transport in {sys.version_info[0]}.{sys.version_info[1]}: {bug}")


async def turns(count: int) -> None:
    """Let everything else run so often."""
    for _ in range(count):
        await asyncio.sleep(0)
