"""How the loop makes transports of sockets: for those who connect, and for those whom a server accepts.

Rule: whoever is accepted has a transport at once. asyncio has a task of its own for each, which waits for the transport
      to begin; here only a TLS handshake is worth one.
"""

from __future__ import annotations

import errno
import socket
from asyncio import constants, sslproto, trsock
from asyncio.log import logger
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from coroscope.loop.descriptors import DescriptorLoop
from coroscope.loop.transports.datagram import DatagramTransport
from coroscope.loop.transports.stream import READ_SIZE, StreamTransport
from coroscope.loop.versions import ACCEPTS_BEYOND_BACKLOG, SERVERS_HAVE_CONTEXTS

_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RETRY_DELAY_S: float = constants.ACCEPT_RETRY_DELAY


class _TlsProtocol(sslproto.SSLProtocol):
    """asyncio's; at its 256 KiB each read of decrypted data would map and unmap memory, which costs more than TLS."""

    max_size = READ_SIZE


class ConnectionLoop(DescriptorLoop):
    """The part of the loop that makes transports."""

    def _make_socket_transport(
        self,
        sock: socket.socket,
        protocol: Any,
        waiter: Any = None,
        *,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Context | None = None,
    ) -> StreamTransport:
        self._ensure_fd_no_transport(sock.fileno())
        return StreamTransport(self, sock, protocol, waiter, extra, server, context)

    def _make_ssl_transport(
        self,
        rawsock: socket.socket,
        protocol: Any,
        sslcontext: Any,
        waiter: Any = None,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Context | None = None,
        **timeouts: Any,
    ) -> Any:
        self._ensure_fd_no_transport(rawsock.fileno())
        tls = _TlsProtocol(self, protocol, sslcontext, waiter, server_side, server_hostname, **timeouts)
        StreamTransport(self, rawsock, tls, None, extra, server, context)
        return tls._app_transport

    async def start_tls(self, *arguments: Any, **more: Any) -> Any:
        transport = await super().start_tls(*arguments, **more)
        if transport is not None:
            transport._ssl_protocol.max_size = _TlsProtocol.max_size  # type: ignore[attr-defined]
        return transport

    def _make_datagram_transport(
        self,
        sock: socket.socket,
        protocol: Any,
        address: Any = None,
        waiter: Any = None,
        extra: dict[str, Any] | None = None,
    ) -> DatagramTransport:
        self._ensure_fd_no_transport(sock.fileno())
        return DatagramTransport(self, sock, protocol, address, waiter, extra)

    def _accept_connection(
        self,
        protocol_factory: Callable[[], Any],
        sock: socket.socket,
        sslcontext: Any = None,
        server: Any = None,
        backlog: int = 100,
        ssl_handshake_timeout: float | None = constants.SSL_HANDSHAKE_TIMEOUT,
        ssl_shutdown_timeout: float | None = constants.SSL_SHUTDOWN_TIMEOUT,
        context: Context | None = None,
    ) -> None:
        """Accept everyone who waits at `sock`. Since CPython 3.15 there is a context, to be copied for each."""
        others: tuple[Any, ...] = sslcontext, server, backlog, ssl_handshake_timeout, ssl_shutdown_timeout
        if SERVERS_HAVE_CONTEXTS:
            others = *others, context
        if sslcontext is not None:
            super()._accept_connection(protocol_factory, sock, *others)
            return
        for _ in range(backlog + ACCEPTS_BEYOND_BACKLOG):
            try:
                connection, address = sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _OUT_OF_RESOURCES:
                    raise
                # The socket would be ready all the time, and nobody could be accepted.
                message = "socket.accept() out of system resource"
                self.call_exception_handler(
                    {"message": message, "exception": error, "socket": trsock.TransportSocket(sock)}
                )
                self._remove_reader(sock.fileno())
                self.call_later(_RETRY_DELAY_S, self._start_serving, protocol_factory, sock, *others)
                return
            if self._debug:
                logger.debug("%r got a new connection from %r: %r", server, address, connection)
            connection.setblocking(False)
            own = None if context is None else context.copy()
            around = copy_context() if own is None else own
            around.run(self._take_connection, protocol_factory, connection, address, server, own)

    def _start_serving(
        self, protocol_factory: Callable[[], Any], sock: socket.socket, *others: Any, **more: Any
    ) -> None:
        if sock.fileno() != -1:  # else the server was closed while it waited for resources
            super()._start_serving(protocol_factory, sock, *others, **more)

    def _take_connection(
        self,
        protocol_factory: Callable[[], Any],
        connection: socket.socket,
        address: Any,
        server: Any,
        context: Context | None,
    ) -> None:
        protocol = None
        given = {} if context is None else {"context": context}
        try:
            protocol = protocol_factory()
            self._make_socket_transport(
                connection, protocol, extra={"peername": address}, server=server, **given
            )
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            connection.close()
            if self._debug:
                about = {} if protocol is None else {"protocol": protocol}
                message = "Error on transport creation for incoming connection"
                self.call_exception_handler({"message": message, "exception": error, **about})
