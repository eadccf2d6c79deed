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
        return await self._when_ready(_READING, sock, "recv", n)  # type: ignore[no-any-return]

    async def sock_recv_into(self, sock: socket.socket, buf: Any) -> int:
        return await self._when_ready(_READING, sock, "recv_into", buf)  # type: ignore[no-any-return]

    async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, Any]:
        return await self._when_ready(_READING, sock, "recvfrom", bufsize)  # type: ignore[no-any-return]

    async def sock_recvfrom_into(self, sock: socket.socket, buf: Any, nbytes: int = 0) -> tuple[int, Any]:
        size = nbytes or len(buf)
        return await self._when_ready(_READING, sock, "recvfrom_into", buf, size)  # type: ignore[no-any-return]

    async def sock_sendto(self, sock: socket.socket, data: Any, address: Any) -> int:
        return await self._when_ready(_WRITING, sock, "sendto", data, address)  # type: ignore[no-any-return]

    async def sock_accept(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        connection, address = await self._when_ready(_READING, sock, "accept")
        connection.setblocking(False)
        return connection, address

    async def sock_sendall(self, sock: socket.socket, data: Any) -> None:
        rest = data if type(data) is bytes else memoryview(data).cast("B")
        while (sent := await self._when_ready(_WRITING, sock, "send", rest)) < len(rest):
            rest = memoryview(rest)[sent:]
            await self._until_ready(sock, _WRITING)  # It has just taken all that it could.

    async def _when_ready(self, side: int, sock: socket.socket, method: str, *args: Any) -> Any:
        """What `method` of `sock` returns as soon as it would not block."""
        _check_no_tls(sock)
        if self._debug and sock.gettimeout() != 0:
            raise ValueError("the socket must be non-blocking")
        while True:
            try:
                return getattr(sock, method)(*args)  # Asked for anew: the program may replace it meanwhile.
            except (BlockingIOError, InterruptedError):
                pass
            await self._until_ready(sock, side)

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
