"""What every server of the benchmarks has: a way to be started, and an address."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from coroscope.bench.workload import Traffic

InternetAddress = tuple[str, int]
Address = InternetAddress | str
"""Host and port, or the path of a Unix socket."""
Serve = Callable[[Traffic], AbstractAsyncContextManager[Address]]
"""Serves inside of `async with`, on the loop that runs it."""

Sample = dict[str, Any]
"""What a measurement comes to: `operations`, `cpu_s`, perhaps `figures`; or `missing`, why there is none."""

HOST = "127.0.0.1"
READ_BYTES = 64 * 1024
"""What a server reads at most at once, where it is its own to say."""


class Unavailable(Exception):
    """Something that a measurement needs is not there; the message says what, and how to get it."""


class Bound(Protocol):
    """A socket of the standard library's, or one of trio's."""

    def getsockname(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers in one interface, and how that waits for a thread; `without` says why it has no such server."""

    by_name: Mapping[str, Serve]
    in_thread: Callable[[Callable[[], Sample]], Awaitable[Sample]]
    without: Mapping[str, str] = field(default_factory=dict)


def backlog(traffic: Traffic) -> int:
    """Room for all connections at once, so that none has to knock twice."""
    return traffic.connections + 100


def listening_socket(traffic: Traffic) -> socket.socket:
    """A TCP socket that listens on a free port."""
    # The protocol is named, as getaddrinfo does: asyncio switches Nagle's algorithm off only where it is.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setblocking(False)
    listener.bind((HOST, 0))
    listener.listen(backlog(traffic))
    return listener


def address_of(bound: Bound) -> InternetAddress:
    """Where others find an IPv4 socket."""
    host, port = bound.getsockname()
    return host, port
