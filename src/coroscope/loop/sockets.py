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


class SocketLoop(ConnectionLoop):
    """The part of the loop that waits for the program's own sockets."""

    async def sock_recv(self, sock: socket.socket, n: int) -> bytes:
        self._check_socket(sock)
        while True:
            try:
                return sock.recv(n)
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_readable(sock)

    async def sock_recv_into(self, sock: socket.socket, buf: Any) -> int:
        self._check_socket(sock)
        while True:
            try:
                return sock.recv_into(buf)
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_readable(sock)

    async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, Any]:
        self._check_socket(sock)
        while True:
            try:
                return sock.recvfrom(bufsize)
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_readable(sock)

    async def sock_recvfrom_into(self, sock: socket.socket, buf: Any, nbytes: int = 0) -> tuple[int, Any]:
        self._check_socket(sock)
        while True:
            try:
                return sock.recvfrom_into(buf, nbytes or len(buf))
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_readable(sock)

    async def sock_sendall(self, sock: socket.socket, data: Any) -> None:
        self._check_socket(sock)
        if type(data) is not bytes:
            view = memoryview(data)
            if view.nbytes != len(view):
                data = view.cast("B")  # Its elements are larger, and the socket counts bytes.
        while True:
            try:
                sent = sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            if sent == len(data):
                return
            data = memoryview(data)[sent:]
            await self._until_writable(sock)

    async def sock_sendto(self, sock: socket.socket, data: Any, address: Any) -> int:
        self._check_socket(sock)
        while True:
            try:
                return sock.sendto(data, address)
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_writable(sock)

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
            await self._until_readable(sock)

    def _check_socket(self, sock: socket.socket) -> None:
        _check_no_tls(sock)
        if self._debug and sock.gettimeout() != 0:
            raise ValueError("the socket must be non-blocking")

    async def _until_readable(self, sock: socket.socket) -> None:
        fd = sock.fileno()
        self._ensure_fd_no_transport(fd)
        future = self.create_future()
        watcher = self._new_watcher(_wake, future, self._wakeup_context)
        self._watch_reader(fd, watcher)
        try:
            await future
        finally:
            if self._watchers_of(fd)[0] is watcher:
                self._remove_reader(fd)

    async def _until_writable(self, sock: socket.socket) -> None:
        fd = sock.fileno()
        self._ensure_fd_no_transport(fd)
        future = self.create_future()
        watcher = self._new_watcher(_wake, future, self._wakeup_context)
        self._watch_writer(fd, watcher)
        try:
            await future
        finally:
            if self._watchers_of(fd)[1] is watcher:
                self._remove_writer(fd)


def _wake(future: Any) -> None:
    if not future.done():
        future.set_result(None)
