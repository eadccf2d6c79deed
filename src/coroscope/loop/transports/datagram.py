"""The transport of a datagram socket.

Rule: a datagram is sent at once; if the socket takes none, it is kept with its address, and so are those behind it.
"""

from __future__ import annotations

import socket
from asyncio import transports
from collections.abc import Callable
from contextvars import Context
from typing import Any

from coroscope.loop.transports.base import INTERNET, SocketTransport
from coroscope.loop.versions import NOT_BYTES

_LARGEST_OF_IP = 64 * 1024
_LARGEST = 256 * 1024
"""Bytes that a read asks for: asyncio's number, which Unix sockets' datagrams can have. To ask for less is faster."""
_MOST = 16
"""Datagrams that are read in one turn, at most."""
_TURNS = 8
"""As many are read as the last time: to find none costs as much as one. One turn in so many looks for more."""
_HEADER_SIZE = 8
"""Bytes that count as unsent for each datagram besides its data (CPython 3.14)."""


class DatagramTransport(SocketTransport, transports.DatagramTransport):
    """As asyncio's transport of a datagram socket."""

    __slots__ = ("_address", "_largest", "_most", "_turns")

    def __init__(
        self,
        loop: Any,
        sock: socket.socket,
        protocol: Any,
        address: Any = None,
        waiter: Any = None,
        extra: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        super().__init__(loop, sock, protocol, extra, None, context)
        self._address = address
        self._largest = _LARGEST_OF_IP if sock.family in INTERNET else _LARGEST
        self._most = _MOST
        self._turns = 0
        self._begin(waiter)

    def _reading_function(self) -> Callable[[Any], None]:
        return _receive

    def _writing_function(self) -> Callable[[Any], None]:
        return _send_more

    def sendto(self, data: Any, addr: Any = None) -> None:
        if type(data) is not bytes and not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"{NOT_BYTES}, not {type(data).__name__!r}")
        address = self._address
        if address:
            if addr not in (None, address):
                raise ValueError(f"Invalid address: must be None or {address}")
            addr = address
            if self._conn_lost:
                self._is_lost()
                return
        if self._buffer is None:
            try:
                if self._peername:
                    self._sock.send(data)
                else:
                    self._sock.sendto(data, addr)
                return
            except BaseException as error:
                if self._has_failed(error, "write"):
                    return
        # Immutable, for the program may use its buffer again.
        self._keep_unsent((bytes(data), addr), len(data) + _HEADER_SIZE)
        self._maybe_pause_protocol()

    def _has_failed(self, error: BaseException, doing: str) -> bool:
        """Take a failure of the socket: False if the call is just to be tried again."""
        if isinstance(error, OSError) and not isinstance(error, (BlockingIOError, InterruptedError)):
            self._protocol.error_received(error)
            return True
        return self._is_serious(error, f"Fatal {doing} error on datagram transport")


def _receive(transport: DatagramTransport) -> None:
    """Give the protocol the datagrams that have come, a few at most: then it is the others' turn."""
    count = 0
    while transport._reads is not None:
        try:
            data, address = transport._sock.recvfrom(transport._largest)
        except (BlockingIOError, InterruptedError):
            break
        except BaseException as error:
            transport._has_failed(error, "read")
            return
        count += 1
        transport._protocol.datagram_received(data, address)
        if count >= transport._most:
            break
    transport._turns += 1
    transport._most = count or 1 if transport._turns % _TURNS else _MOST


def _send_more(transport: DatagramTransport) -> None:
    """Send what is unsent, as long as the socket takes it."""
    buffer = transport._buffer
    if buffer is None:
        return
    while buffer:
        data, address = buffer[0]
        try:
            if transport._peername:
                transport._sock.send(data)
            else:
                transport._sock.sendto(data, address)
        except BaseException as error:
            if not isinstance(error, (BlockingIOError, InterruptedError)):
                _drop_first(transport)
                transport._has_failed(error, "write")
                return
            break
        _drop_first(transport)
    if not buffer:
        transport._forget_unsent()
    transport._maybe_resume_protocol()  # It may send, or close.
    if transport._buffer is None and transport._closing and not transport._conn_lost:
        transport._conn_lost += 1
        transport._call_connection_lost(None)


def _drop_first(transport: DatagramTransport) -> None:
    assert transport._buffer is not None
    data, _ = transport._buffer.popleft()
    transport._buffer_size -= len(data) + _HEADER_SIZE
