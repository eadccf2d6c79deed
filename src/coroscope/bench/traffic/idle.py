"""What a server's process grows by with every connection that is open and silent."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from coroscope.bench.traffic.callers import connect
from coroscope.bench.traffic.server_process import ServerProcess
from coroscope.bench.traffic.serving import Address
from coroscope.bench.traffic.workloads import CONNECTION_MEMORY
from coroscope.bench.workload import Traffic

_FIRST = 100
"""Connections that come before the counted ones: they make the server's process take the memory it takes once."""


def hold_open(server: ServerProcess, traffic: Traffic, connections: int, address: Address) -> dict[str, Any]:
    """Open so many connections, and see what the server's process needs more than before."""
    with ExitStack() as held:
        _open(held, traffic, _FIRST, address)
        start_s, start_bytes = server.cpu_s(), server.resident_bytes()
        _open(held, traffic, connections, address)
        grown_bytes = server.resident_bytes() - start_bytes
        return {
            "operations": connections,
            "cpu_s": server.cpu_s() - start_s,
            "figures": {CONNECTION_MEMORY.key: grown_bytes / connections},
        }


def _open(held: ExitStack, traffic: Traffic, connections: int, address: Address) -> None:
    for _ in range(connections):
        connection = held.enter_context(connect(traffic, address))
        # Only an answer shows that the server has taken the connection.
        connection.sendall(b"?")
        if not connection.recv(1):
            raise ConnectionError("the server has closed a connection")
