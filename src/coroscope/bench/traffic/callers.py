"""Callers: connections each of which sends a message, waits until as much has come back, and sends the next.

Rule: alike for every loop: plain sockets, and epoll, edge-triggered, so that a small message costs two calls.
"""

from __future__ import annotations

import select
import socket
import ssl

from coroscope.bench.traffic.certificate import client_context
from coroscope.bench.traffic.serving import Address
from coroscope.bench.workload import Traffic

PATIENCE_S = 30.0
_ANSWER_BYTES = 256 * 1024
_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
_BLOCKED = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Caller:
    """One connection, and what of its exchanges is still to come."""

    __slots__ = ("_answer", "_exchanges", "_message", "_missing", "_unsent", "connection")

    def __init__(self, connection: socket.socket, size_bytes: int, answer: bytearray) -> None:
        self.connection = connection
        self._message = memoryview(bytes(size_bytes))
        self._answer = answer
        self._unsent = self._message[:0]
        self._missing = 0
        self._exchanges = 0

    def begin(self, exchanges: int) -> bool:
        """Start so many exchanges, one after another; True when they have already ended."""
        self._exchanges = exchanges
        self._unsent, self._missing = self._message, len(self._message)
        return self.go_on()

    def go_on(self) -> bool:
        """Send and receive what can be without waiting; True when all exchanges have ended."""
        while self._exchanges:
            self._send()
            if not self._receive():
                return False
            self._exchanges -= 1
            self._unsent, self._missing = self._message, len(self._message)
        return True

    def _send(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self.connection.send(self._unsent) :]
        except _BLOCKED:
            pass

    def _receive(self) -> bool:
        """Whether the whole answer has come."""
        try:
            while self._missing:
                # At most what is missing: nothing but this answer can be on its way.
                size_bytes = self.connection.recv_into(self._answer)
                if not size_bytes:
                    raise ConnectionError("the server has closed a connection")
                self._missing -= size_bytes
        except _BLOCKED:
            return False
        return True


class Crowd:
    """Connected callers, who call at the same time."""

    def __init__(self, traffic: Traffic, address: Address) -> None:
        answer = bytearray(_ANSWER_BYTES)
        self._callers: dict[int, Caller] = {}
        self._poller = select.epoll()
        for _ in range(traffic.connections):
            connection = connect(traffic, address)
            connection.setblocking(False)
            self._callers[connection.fileno()] = Caller(connection, traffic.size_bytes, answer)
            self._poller.register(connection, _EVENTS)

    def call(self, exchanges: int) -> int:
        """Make at least so many exchanges, each caller as many; how many have been made."""
        each = max(exchanges // len(self._callers), 1)
        calling = {descriptor for descriptor, caller in self._callers.items() if not caller.begin(each)}
        while calling:
            events = self._poller.poll(PATIENCE_S)
            if not events:
                raise TimeoutError(f"the server has not answered for {PATIENCE_S:.0f} s")
            for descriptor, _ in events:
                if self._callers[descriptor].go_on():
                    calling.discard(descriptor)
        return each * len(self._callers)

    def close(self) -> None:
        """Close all connections."""
        self._poller.close()
        for caller in self._callers.values():
            caller.connection.close()


def connect(traffic: Traffic, address: Address) -> socket.socket:
    """A connection to a server, with all greetings exchanged."""
    if traffic.transport == "unix":
        connection = socket.socket(socket.AF_UNIX)
    elif traffic.transport == "udp":
        connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    else:
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(PATIENCE_S)
    connection.connect(address)
    return client_context().wrap_socket(connection) if traffic.transport == "tls" else connection
