"""The transport of a stream socket: TCP and Unix.

Rule: what is written goes to the socket at once; only what it does not take is kept, and sent by what the loop queues
      when the socket takes more. So a small answer costs one system call.
Rule: a read asks for READ_SIZE bytes; once it gets as many, for LARGE_READ_SIZE, until little comes again.
"""

from __future__ import annotations

import itertools
import os
import socket
from asyncio import constants, protocols
from asyncio.log import logger
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import Any

from coroscope.loop.transports.base import INTERNET, SocketTransport
from coroscope.loop.versions import NOT_BYTES, WRITELINES_TRIES

READ_SIZE = 64 * 1024
"""Bytes. For a small read more can take ten times as long: from 128 KiB on glibc maps memory, and unmaps it again."""
LARGE_READ_SIZE = 256 * 1024
"""asyncio's."""
_LITTLE = READ_SIZE // 2
_TCP = {socket.IPPROTO_TCP, 0}
"""0 is the default of a stream socket; asyncio leaves such sockets as they are, which costs them 40 ms now and then."""

try:
    _MOST_BUFFERS = os.sysconf("SC_IOV_MAX") if hasattr(socket.socket, "sendmsg") else 0
except (OSError, ValueError):
    _MOST_BUFFERS = 16
"""How many buffers one `sendmsg` takes: 0 where there is none."""


class StreamTransport(SocketTransport):
    """As asyncio's transport of a stream socket."""

    __slots__ = ("_empty_waiter", "_eof", "_is_buffered", "_read_size")

    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.TRY_NATIVE

    def __init__(
        self,
        loop: Any,
        sock: socket.socket,
        protocol: Any,
        waiter: Any = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Context | None = None,
    ) -> None:
        self._eof = False
        self._empty_waiter: Any = None
        self._read_size = READ_SIZE
        super().__init__(loop, sock, protocol, extra, server, context)
        if sock.family in INTERNET and sock.proto in _TCP:
            # Small writes are sent without waiting for what was sent before to be acknowledged.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._begin(waiter)

    def set_protocol(self, protocol: Any) -> None:
        self._is_buffered = isinstance(protocol, protocols.BufferedProtocol)
        super().set_protocol(protocol)
        if self._reads is not None:
            self._reads = self._reading_function()

    # Reading

    def _reading_function(self) -> Callable[[Any], None]:
        return _read_into_buffer if self._is_buffered else _read

    def _end_of_stream(self) -> None:
        """The peer will send nothing more."""
        if self._loop._debug:
            logger.debug("%r received EOF", self)
        try:
            keep_open = self._protocol.eof_received()
        except BaseException as error:
            return self._protocol_failed(error, "eof_received")
        if keep_open:
            # The protocol may go on to write; there is nothing more to read.
            self._stop_reading()
        else:
            self.close()
        return None

    def _read_otherwise(self) -> None:
        """An event had been queued when reading was stopped, or went over to another kind of protocol."""
        if self._reads is not None:
            self._reads(self)

    # Writing

    def write(self, data: Any) -> None:
        if type(data) is not bytes:
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise TypeError(f"{NOT_BYTES}, not {type(data).__name__!r}")
            if type(data) is memoryview and data.nbytes != len(data):
                data = data.cast("B")  # Its elements are larger, and the socket counts bytes.
        if self._eof or self._empty_waiter is not None:
            self._refuse("write")
        if not data or (self._conn_lost and self._is_lost()):
            return
        sent = 0
        if self._buffer is None:
            try:
                sent = self._sock.send(data)
            except BaseException as error:
                if self._is_serious(error, "Fatal write error on socket transport"):
                    return
            if sent == len(data):
                return
        self._keep(data, sent)
        self._maybe_pause_protocol()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        if self._eof or self._empty_waiter is not None:
            self._refuse("writelines")
        chunks = [data for data in list_of_data if data]
        if not chunks or (self._conn_lost and self._is_lost()):
            return
        sent = 0
        is_first = self._buffer is None
        if is_first and _MOST_BUFFERS:
            try:
                sent = self._sock.sendmsg(chunks[:_MOST_BUFFERS])
            except BaseException as error:
                if self._is_serious(error, "Fatal write error on socket transport"):
                    return
        for data in chunks:
            size = memoryview(data).nbytes
            if sent < size:
                self._keep(data, sent)
            sent = max(0, sent - size)
        if WRITELINES_TRIES and not is_first:
            _write_more(self)
        self._maybe_pause_protocol()

    def _refuse(self, method: str) -> None:
        if self._eof:
            raise RuntimeError(f"Cannot call {method}() after write_eof()")
        raise RuntimeError(f"unable to {method}; sendfile is in progress")

    def _keep(self, data: Any, sent: int) -> None:
        """Keep all but the first `sent` bytes, as they are now: the program may use a buffer of its own again."""
        if type(data) is not bytes:
            rest = bytes(memoryview(data).cast("B")[sent:])
        else:
            rest = memoryview(data)[sent:] if sent else data  # type: ignore[assignment]
        if rest:
            self._keep_unsent(rest, len(rest))

    def _writing_function(self) -> Callable[[Any], None]:
        return _write_more

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing and not self._eof:
            self._eof = True
            if self._buffer is None:
                self._sock.shutdown(socket.SHUT_WR)

    def _all_is_sent(self) -> None:
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_result(None)
        if self._conn_lost:
            return
        if self._closing:
            self._conn_lost += 1
            self._call_connection_lost(None)
        elif self._eof:
            self._sock.shutdown(socket.SHUT_WR)

    # For `loop.sendfile`, which goes on when everything written before is sent

    def _make_empty_waiter(self) -> Any:
        if self._empty_waiter is not None:
            raise RuntimeError("Empty waiter is already set")
        self._empty_waiter = self._loop.create_future()
        if self._buffer is None:
            self._empty_waiter.set_result(None)
        return self._empty_waiter

    def _reset_empty_waiter(self) -> None:
        self._empty_waiter = None

    def _fail_waiter(self, error: BaseException) -> None:
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_exception(error)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        try:
            super()._call_connection_lost(error)
        finally:
            self._fail_waiter(ConnectionError("Connection is closed by peer"))


# What the loop runs when the socket can be read or written. Functions, since a bound method of each transport would be
# an object more for each connection.


def _read(transport: StreamTransport) -> None:
    """Give the protocol what has come."""
    if transport._reads is not _read:
        return transport._read_otherwise()
    size = transport._read_size
    try:
        data = transport._sock.recv(size)
    except BaseException as error:
        transport._is_serious(error, "Fatal read error on socket transport")
        return None
    if not data:
        return transport._end_of_stream()
    if len(data) == size:
        transport._read_size = LARGE_READ_SIZE
    elif size != READ_SIZE and len(data) <= _LITTLE:
        transport._read_size = READ_SIZE
    try:
        transport._protocol.data_received(data)
    except BaseException as error:
        transport._protocol_failed(error, "data_received")
    return None


def _read_into_buffer(transport: StreamTransport) -> None:
    """As `_read`, into the buffer of a `BufferedProtocol`."""
    if transport._reads is not _read_into_buffer:
        return transport._read_otherwise()
    try:
        buffer = transport._protocol.get_buffer(-1)
        if not len(buffer):
            raise RuntimeError("get_buffer() returned an empty buffer")
    except BaseException as error:
        return transport._protocol_failed(error, "get_buffer")
    try:
        count = transport._sock.recv_into(buffer)
    except BaseException as error:
        transport._is_serious(error, "Fatal read error on socket transport")
        return None
    if not count:
        return transport._end_of_stream()
    try:
        transport._protocol.buffer_updated(count)
    except BaseException as error:
        transport._protocol_failed(error, "buffer_updated")
    return None


def _write_more(transport: StreamTransport) -> None:
    """Send what is unsent."""
    buffer = transport._buffer
    if buffer is None:
        return
    try:
        if _MOST_BUFFERS and len(buffer) > 1:
            sent = transport._sock.sendmsg(list(itertools.islice(buffer, _MOST_BUFFERS)))
        else:
            sent = transport._sock.send(buffer[0])
    except BaseException as error:
        if transport._is_serious(error, "Fatal write error on socket transport"):
            transport._fail_waiter(error)
        return
    transport._buffer_size -= sent
    while sent:
        first = buffer.popleft()
        if len(first) > sent:
            buffer.appendleft(memoryview(first)[sent:])
            break
        sent -= len(first)
    if not buffer:
        transport._forget_unsent()
    transport._maybe_resume_protocol()  # It may write, or close.
    if transport._buffer is None:
        transport._all_is_sent()
