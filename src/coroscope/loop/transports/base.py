"""What the transports of streams and of datagrams have in common: a socket's life, and the limits of what is unsent.

Rule: a transport is open; then closing, once `close` or `abort` was called or an error came; then lost, when
      `connection_lost` is on its way: at once if nothing is unsent, or if that does not matter any more.
Rule: `_reads` is the function that reads, exactly while the loop watches for something to read.
Rule: `_buffer` is what is unsent, or None; the loop watches for the socket to take more exactly while it is not None.
Names, texts and order are those of asyncio's transports (CPython 3.14, Lib/asyncio/selector_events.py), which other
parts of asyncio and libraries know; what differs is the cost.
"""

from __future__ import annotations

import socket
import warnings
from asyncio import transports, trsock
from asyncio.log import logger
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from coroscope.loop.versions import attach_to_server, detach_from_server

INTERNET = {socket.AF_INET, socket.AF_INET6}
_WRITES_LOST_BEFORE_WARNING = 5
"""CPython 3.14, Lib/asyncio/constants.py."""
_HIGH_WATER, _LOW_WATER = 64 * 1024, 16 * 1024
"""asyncio's own defaults."""
_ALWAYS_KNOWN = ("socket", "sockname", "peername")
_NOT_ASKED = object()


class SocketTransport(transports._FlowControlMixin, transports.Transport):
    """A transport on a socket of its own, which does not block."""

    __slots__ = (
        "__dict__",  # for those who replace a method of one transport, as tests do: 8 bytes while nobody does
        "__weakref__",
        "_buffer",
        "_buffer_size",
        "_closing",
        "_conn_lost",
        "_context",
        "_given",
        "_paused",
        "_peername",
        "_protocol",
        "_protocol_connected",
        "_reads",
        "_server",
        "_sock",
        "_sock_fd",
        "_socket",
        "_sockname",
    )

    _loop: Any
    _buffer: deque[Any] | None
    _reads: Callable[[Any], None] | None

    if TYPE_CHECKING:
        _server: Any

        def _maybe_pause_protocol(self) -> None: ...
        def _maybe_resume_protocol(self) -> None: ...

    def __init__(
        self,
        loop: Any,
        sock: socket.socket,
        protocol: Any,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Context | None = None,
    ) -> None:
        self._loop = loop
        self._sock: Any = sock
        self._sock_fd = sock.fileno()
        self._socket: Any = None
        self._sockname: Any = _NOT_ASKED
        if extra and "peername" in extra:
            self._peername = extra["peername"]
            self._given = extra if len(extra) > 1 else None
        else:
            self._peername = _unless_it_fails(sock.getpeername)
            self._given = extra
        self._context = context
        self._buffer = self._reads = None
        self._buffer_size = 0
        self._conn_lost = 0
        """Once lost, 1 and how often it was written to since then."""
        self._closing = self._paused = self._protocol_paused = False
        self._high_water, self._low_water = _HIGH_WATER, _LOW_WATER
        self.set_protocol(protocol)
        self._server = server
        if server is not None:
            attach_to_server(server, self)
        loop._transports[self._sock_fd] = self

    def _begin(self, waiter: Any) -> None:
        """Have the protocol told, then begin to read, then set the result of `waiter`, a future or None."""
        self._loop.call_soon(self._protocol.connection_made, self, context=self._context)
        self._loop.call_soon(self._start, waiter, context=self._context)

    def _start(self, waiter: Any) -> None:
        try:
            self._start_reading()
        finally:
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._sock is None:
            info.append("closed")
        elif self._closing:
            info.append("closing")
        info.append(f"fd={self._sock_fd}")
        if self._sock is not None and not self._loop.is_closed():
            info.append("read=idle" if self._reads is None else "read=polling")
            state = "idle" if self._buffer is None else "polling"
            info.append(f"write=<{state}, bufsize={self._buffer_size}>")
        return f"<{' '.join(info)}>"

    def __del__(self, _warn: Any = warnings.warn) -> None:
        sock = getattr(self, "_sock", None)  # The constructor may have failed.
        if sock is not None:
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            sock.close()
            if self._server is not None:
                detach_from_server(self._server, self)

    # What is known of it. Of most connections nobody ever asks; an address and a socket object are 200 bytes.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "socket":
            if self._socket is None:
                self._socket = trsock.TransportSocket(self._sock)
            return self._socket
        if name == "peername":
            return self._peername
        if name == "sockname":
            if self._sockname is _NOT_ASKED:
                self._sockname = _unless_it_fails(self._sock.getsockname)
            return self._sockname
        return default if self._given is None else self._given.get(name, default)

    @property
    def _extra(self) -> dict[str, Any]:
        known = {name: self.get_extra_info(name) for name in _ALWAYS_KNOWN}
        return known if self._given is None else {**self._given, **known}

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        self._protocol_connected = True

    def get_protocol(self) -> Any:
        return self._protocol

    def get_write_buffer_size(self) -> int:
        """How many bytes are unsent."""
        return self._buffer_size

    # Reading

    def is_reading(self) -> bool:
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        if self.is_reading():
            self._paused = True
            self._stop_reading()
            if self._loop._debug:
                logger.debug("%r pauses reading", self)

    def resume_reading(self) -> None:
        if self._paused and not self._closing:
            self._paused = False
            self._start_reading()
            if self._loop._debug:
                logger.debug("%r resumes reading", self)

    def _start_reading(self) -> None:
        if self.is_reading():
            loop = self._loop
            reads = self._reads = self._reading_function()
            loop._watch_reader(self._sock_fd, loop._new_watcher(reads, self, self._context))

    def _stop_reading(self) -> None:
        self._reads = None
        self._loop._remove_reader(self._sock_fd)

    def _reading_function(self) -> Callable[[Any], None]:
        raise NotImplementedError

    # Writing

    def _is_lost(self) -> bool:
        """True, and a warning to a protocol that goes on to write nevertheless."""
        if self._conn_lost >= _WRITES_LOST_BEFORE_WARNING:
            logger.warning("socket.send() raised exception.")
        self._conn_lost += 1
        return True

    def _keep_unsent(self, data: Any, size: int) -> None:
        """Send `data`, of `size` bytes, behind what is unsent already, as soon as the socket takes more."""
        if self._buffer is None:
            self._buffer = deque()
            loop = self._loop
            loop._watch_writer(
                self._sock_fd, loop._new_watcher(self._writing_function(), self, self._context)
            )
        self._buffer.append(data)
        self._buffer_size += size

    def _writing_function(self) -> Callable[[Any], None]:
        raise NotImplementedError

    def _forget_unsent(self) -> None:
        """Nothing is unsent, or nothing of it matters."""
        if self._buffer is not None:
            self._buffer = None
            self._buffer_size = 0
            self._loop._remove_writer(self._sock_fd)

    # Ending

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._stop_reading()
            if self._buffer is None:
                self._lose(None)

    def abort(self) -> None:
        self._force_close(None)

    def _fatal_error(self, error: BaseException, message: str = "Fatal error on transport") -> None:
        if not isinstance(error, OSError):
            self._loop.call_exception_handler(
                {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
            )
        elif self._loop._debug:
            logger.debug("%r: %s", self, message, exc_info=True)
        self._force_close(error)

    def _is_serious(self, error: BaseException, message: str) -> bool:
        """Take a failure of the socket: False if the call is just to be tried again; else it ends the transport."""
        if isinstance(error, (BlockingIOError, InterruptedError)):
            return False
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            raise error
        self._fatal_error(error, message)
        return True

    def _protocol_failed(self, error: BaseException, method: str) -> None:
        """Take an exception of the protocol's own code, which ends the transport."""
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            raise error
        self._fatal_error(error, f"Fatal error: protocol.{method}() call failed.")

    def _force_close(self, error: BaseException | None) -> None:
        if not self._conn_lost:
            self._forget_unsent()
            if not self._closing:
                self._closing = True
                self._stop_reading()
            self._lose(error)

    def _lose(self, error: BaseException | None) -> None:
        self._conn_lost += 1
        self._loop.call_soon(self._call_connection_lost, error, context=self._context)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        try:
            if self._protocol_connected:
                self._protocol.connection_lost(error)
        finally:
            for name in _ALWAYS_KNOWN:
                self.get_extra_info(name)  # as long as it can be known
            self._sock.close()
            self._sock = self._protocol = None
            if self._server is not None:
                detach_from_server(self._server, self)
                self._server = None


def _unless_it_fails(get_address: Callable[[], Any]) -> Any:
    try:
        return get_address()
    except OSError:
        return None
