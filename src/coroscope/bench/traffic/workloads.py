"""The workloads of input and output, by name: `tcp-protocol`, `tcp-protocol-16k-1000c`, …"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from coroscope.bench.workload import Figure, Traffic, Transport, Workload

_KIB = 1024
_SIZES = {"1k": _KIB, "16k": 16 * _KIB, "1m": _KIB * _KIB}
_FEW, _MANY = 4, 1_000
_LARGEST_DATAGRAM = 65_507
_IDLE = 10_000

REQUESTS = Figure("requests_per_s", "requests a second", more_is_better=True)
MEDIAN_LATENCY = Figure("latency_50_us", "median latency, µs")
TAIL_LATENCY = Figure("latency_99_us", "99 % within, µs")
CONNECTION_MEMORY = Figure("connection_bytes", "bytes a connection")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A server, and how many small messages make a repetition: 0.05 to 0.2 s of its time on a slow machine."""

    server: str
    transport: Transport
    does: str
    operations: int


_KINDS = (
    _Kind("tcp-protocol", "tcp", "TCP: a Protocol sends back what comes", 4_000),
    _Kind("tcp-buffered", "tcp", "TCP: a BufferedProtocol sends back what comes", 4_000),
    _Kind("tcp-streams", "tcp", "TCP: a task a connection, read, write, drain", 3_000),
    _Kind("tcp-sock", "tcp", "TCP: a task a connection, sock_recv, sock_sendall", 3_000),
    _Kind("unix-protocol", "unix", "Unix sockets: a Protocol sends back what comes", 4_000),
    _Kind("tls-protocol", "tls", "TLS: a Protocol sends back what comes", 2_000),
    _Kind("tls-streams", "tls", "TLS: a task a connection, read, write, drain", 2_000),
    _Kind("udp", "udp", "UDP: a DatagramProtocol sends back what comes", 4_000),
    _Kind("http-aiohttp", "http", "HTTP: an aiohttp server under wrk", 10_000),
    _Kind("http-uvicorn", "http", "HTTP: a uvicorn server under wrk", 10_000),
)


def _exchanges(kind: _Kind) -> Iterator[Workload]:
    """A server at every size of messages and number of connections that it can have."""
    for size, size_bytes in _SIZES.items():
        for connections in (_FEW, _MANY):
            # A thousand datagrams at once do not fit into a socket's buffer: some would be lost.
            if kind.transport == "udp" and (connections == _MANY or size_bytes > _LARGEST_DATAGRAM):
                continue
            yield _exchange(kind, size, connections)


def _exchange(kind: _Kind, size: str, connections: int) -> Workload:
    size_suffix = "" if size == "1k" else f"-{size}"
    connections_suffix = "" if connections == _FEW else f"-{connections}c"
    traffic = Traffic(kind.server, kind.transport, _SIZES[size], connections)
    is_http = kind.transport == "http"
    return Workload(
        f"{kind.server}{size_suffix}{connections_suffix}",
        kind.does,
        "request" if is_http else "exchange",
        # A mebibyte takes the time of some fifty small messages.
        kind.operations // 40 if size == "1m" else kind.operations,
        repetitions=1 if is_http else 3,
        traffic=traffic,
        figures=(REQUESTS, MEDIAN_LATENCY, TAIL_LATENCY) if is_http else (),
    )


def _idle(connections: int) -> Workload:
    return Workload(
        "idle" if connections == _IDLE else f"idle-{connections}c",
        "TCP connections to a Protocol, open and silent",
        "connection",
        connections,
        repetitions=1,
        traffic=Traffic("idle", "tcp", 1, connections, idle=True),
        figures=(CONNECTION_MEMORY,),
    )


_SUBPROCESS = Workload("subprocess", "`true`, one after another, each waited for", "process", 60)

TRAFFIC = {
    workload.name: workload
    for workload in (
        *(workload for kind in _KINDS for workload in _exchanges(kind)),
        _SUBPROCESS,
        _idle(_IDLE),
        _idle(_MANY),
    )
}
BASE_NAMES = (*(kind.server for kind in _KINDS), "subprocess", "idle")
"""The names without a suffix."""
DEFAULT_TRAFFIC = (
    "tcp-protocol",
    "tcp-protocol-16k",
    "tcp-protocol-1m",
    "tcp-protocol-1000c",
    "tcp-buffered",
    "tcp-streams",
    "tcp-streams-16k",
    "tcp-sock",
    "unix-protocol",
    "tls-protocol",
    "tls-streams",
    "udp",
    "subprocess",
)
"""What takes two to three minutes on three loops, and needs nothing that is not always there."""
