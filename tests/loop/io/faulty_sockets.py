"""Sockets whose calls fail, stop short or find no room, as a test tells them to."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any, Literal, Self

Fault = int | Literal["again", "interrupted", "aborted"]
"""What comes of one call: EAGAIN, EINTR, ECONNABORTED (of `accept`), or no more than so many bytes."""

ERRORS: dict[Fault, type[OSError]] = {
    "again": BlockingIOError,
    "interrupted": InterruptedError,
    "aborted": ConnectionAbortedError,
}
UNLIMITED = 1 << 62


class FaultySocket(socket.socket):
    """Its calls have the faults of `faults`, one each, and none when these are used up.

    It takes `window` bytes that its peer has not read, to the byte: how many the kernel takes depends on how they are
    cut.
    """

    faults: list[Fault]
    window: int = UNLIMITED
    sent: int = 0
    read_by_peer: int = 0

    @classmethod
    def of(cls, sock: socket.socket, window: int = UNLIMITED) -> Self:
        """Take over `sock`."""
        faulty = cls(sock.family, sock.type, sock.proto, sock.detach())
        faulty.setblocking(False)
        faulty.faults = []
        faulty.window = window
        return faulty

    def _limit(self) -> int:
        """How many bytes the next fault lets pass."""
        fault = self.faults.pop(0) if self.faults else UNLIMITED
        if isinstance(fault, int):
            return fault
        raise ERRORS[fault]

    def send(self, data: Any, *_: Any) -> int:
        room = self.window - (self.sent - self.read_by_peer)
        limit = min(self._limit(), room)
        if limit <= 0:
            raise BlockingIOError
        count = super().send(memoryview(data).cast("B")[:limit])
        self.sent += count
        return count

    def sendmsg(self, buffers: Iterable[Any], *_: Any) -> int:
        return self.send(b"".join(buffers))

    def recv(self, size: int, *_: Any) -> bytes:
        return super().recv(min(size, self._limit()))

    def recv_into(self, buffer: Any, *_: Any) -> int:
        view = memoryview(buffer)
        return super().recv_into(view[: min(len(view), self._limit())])

    def accept(self) -> tuple[socket.socket, Any]:
        self._limit()
        return super().accept()


class FaultyDatagramSocket(FaultySocket):
    """As a `FaultySocket`, but a datagram passes whole or not at all."""

    def _limit(self) -> int:
        super()._limit()
        return UNLIMITED

    def sendto(self, data: Any, *arguments: Any) -> int:
        self._limit()
        return super().sendto(data, *arguments)

    def recvfrom(self, size: int, *_: Any) -> tuple[bytes, Any]:
        self._limit()
        return super().recvfrom(size)
