"""The loop's `sock_…` methods: the system's calls on sockets, for coroutines.

Rule: the call is tried first, and only one that would block waits: until the socket is ready, whereupon the waiting
      coroutine itself tries again. So what has been received is never lost with a cancelled call.
"""

from __future__ import annotations

import socket
from asyncio import base_events
from collections.abc import Callable
from typing import Any

from coroscope.loop.connections import ConnectionLoop

_check_no_tls: Callable[[socket.socket], None] = base_events._check_ssl_socket  # type: ignore[attr-defined]

_READING, _WRITING = 0, 1


class SocketLoop(ConnectionLoop):
    """The part of the loop that waits for the program's own sockets."""

    async def sock_recv(self, sock: socket.socket, n: int) -> bytes:
        self._check_socket(sock)
        while True:
            try:
                return sock.recv(n)
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_ready(sock, _READING)

    async def sock_recv_into(self, sock: socket.socket, buf: Any) -> int:
        self._check_socket(sock)
        while True:
            try:
                return sock.recv_into(buf)
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_ready(sock, _READING)

    async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, Any]:
        self._check_socket(sock)
        while True:
            try:
                return sock.recvfrom(bufsize)
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_ready(sock, _READING)

    async def sock_recvfrom_into(self, sock: socket.socket, buf: Any, nbytes: int = 0) -> tuple[int, Any]:
        self._check_socket(sock)
        while True:
            try:
                return sock.recvfrom_into(buf, nbytes or len(buf))
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_ready(sock, _READING)

    async def sock_sendall(self, sock: socket.socket, data: Any) -> None:
        self._check_socket(sock)
        rest = data if type(data) is bytes else memoryview(data).cast("B")
        while True:
            try:
                sent = sock.send(rest)
            except (BlockingIOError, InterruptedError):
                sent = 0
            if sent == len(rest):
                return
            rest = memoryview(rest)[sent:]
            await self._until_ready(sock, _WRITING)

    async def sock_sendto(self, sock: socket.socket, data: Any, address: Any) -> int:
        self._check_socket(sock)
        while True:
            try:
                return sock.sendto(data, address)
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_ready(sock, _WRITING)

    async def sock_accept(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        self._check_socket(sock)
        while True:
            try:
                connection, address = sock.accept()
            except (BlockingIOError, InterruptedError):
                pass
            else:
                connection.setblocking(False)
                return connection, address
            await self._until_ready(sock, _READING)

    def _check_socket(self, sock: socket.socket) -> None:
        _check_no_tls(sock)
        if self._debug and sock.gettimeout() != 0:
            raise ValueError("the socket must be non-blocking")

    async def _until_ready(self, sock: socket.socket, side: int) -> None:
        """Wait until `sock` can be read, or written: `side` is the place of that in what is watched."""
        fd = sock.fileno()
        self._ensure_fd_no_transport(fd)
        future = self.create_future()
        watcher = self._new_watcher(_wake, future, self._wakeup_context)
        watch, remove = (
            (self._watch_writer, self._remove_writer) if side else (self._watch_reader, self._remove_reader)
        )
        watch(fd, watcher)
        try:
            await future
        finally:
            if self._watchers_of(fd)[side] is watcher:
                remove(fd)


def _wake(future: Any) -> None:
    if not future.done():
        future.set_result(None)
