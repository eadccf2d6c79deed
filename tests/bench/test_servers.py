"""Every server of the benchmarks sends back what it gets, on every kind of loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import select
import socket
import ssl
from collections.abc import Callable
from socket import IPPROTO_TCP, TCP_NODELAY

import pytest

from coroscope.bench.contenders import contender
from coroscope.bench.traffic import for_asyncio, for_trio
from coroscope.bench.traffic.callers import connect
from coroscope.bench.traffic.serving import Address, Sample, Servers
from coroscope.bench.traffic.workloads import TRAFFIC
from coroscope.bench.workload import Traffic

SERVED = {workload.traffic.server: workload.traffic for workload in TRAFFIC.values() if workload.traffic}
ECHOES = {server: traffic for server, traffic in SERVED.items() if traffic.transport != "http"}
_AHEAD_S = 0.2
_PATIENCE_S = 60
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
MESSAGE = bytes(itertools.islice(itertools.cycle(range(251)), 16_000))


def served(loop: str, traffic: Traffic, ask: Callable[[Address], Sample]) -> Sample:
    """What `ask` returns while the traffic's server runs on the loop."""
    under_test, answers = contender(loop), Sample()
    assert under_test.servers is not None
    servers = under_test.servers()

    async def main() -> None:
        async with servers.by_name[traffic.server](traffic) as address:
            answers.update(await servers.in_thread(lambda: ask(address)))

    under_test.run(main())
    return answers


def echo(traffic: Traffic, address: Address, times: int) -> bytes:
    """What comes back of a message sent so many times.

    As much as the server takes goes ahead of the reading, so that it has to keep what the socket does not hold. All is
    done by one thread: two may not use the same TLS connection at once.
    """
    unsent = memoryview(MESSAGE * times)
    answer = b""
    with connect(traffic, address) as connection:
        connection.setblocking(False)
        while len(answer) < len(MESSAGE) * times:
            if unsent and _can_write(connection, 0 if answer else _AHEAD_S):
                with contextlib.suppress(*_NOT_NOW):
                    unsent = unsent[connection.send(unsent[: len(MESSAGE)]) :]
                    continue
            try:
                part = connection.recv(1 << 20)
                assert part, "closed by the server"
                answer += part
            except _NOT_NOW:
                select.select([connection], [connection] if unsent else [], [], _PATIENCE_S)
    return answer


def _can_write(connection: socket.socket, timeout_s: float) -> bool:
    return bool(select.select([], [connection], [], timeout_s)[1])


@pytest.mark.parametrize(
    ("server", "loop"),
    [
        *itertools.product(ECHOES, ["coroscope", "asyncio", "uvloop"]),
        *((server, "trio") for server in ECHOES if server not in for_trio.SERVERS.without),
    ],
)
def test_a_server_sends_back_what_it_gets(server: str, loop: str) -> None:
    traffic = ECHOES[server]
    # More than any socket buffer holds, but for datagrams, which would be lost.
    times = 1 if traffic.transport == "udp" else 300
    answer = served(loop, traffic, lambda address: {"echo": echo(traffic, address, times)})["echo"]
    assert answer == MESSAGE * times


@pytest.mark.parametrize("servers", [for_asyncio.SERVERS, for_trio.SERVERS], ids=["asyncio", "trio"])
def test_an_interface_has_each_server_or_says_why_not(servers: Servers) -> None:
    assert set(servers.by_name) | set(servers.without) == set(SERVED)
    assert not set(servers.by_name) & set(servers.without)


@pytest.mark.parametrize("loop", ["coroscope", "asyncio", "uvloop"])
def test_no_small_answer_waits_for_the_acknowledgement_of_another(loop: str) -> None:
    nagle_off: list[int] = []

    class Told(asyncio.Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            nagle_off.append(transport.get_extra_info("socket").getsockopt(IPPROTO_TCP, TCP_NODELAY))
            transport.close()

    def wait_for_the_end(address: Address) -> None:
        with connect(ECHOES["tcp-protocol"], address) as connection:
            assert connection.recv(1) == b""

    async def main() -> None:
        async with for_asyncio.protocol_server(Told)(ECHOES["tcp-protocol"]) as address:
            await asyncio.to_thread(wait_for_the_end, address)

    contender(loop).run(main())
    assert nagle_off == [1]


def test_a_caller_who_leaves_in_the_middle_takes_no_other_along() -> None:
    traffic = ECHOES["tcp-sock"]

    def leave_then_ask(address: Address) -> Sample:
        connect(traffic, address).close()
        return {"echo": echo(traffic, address, 1)}

    for loop in ("coroscope", "trio"):
        assert served(loop, traffic, leave_then_ask)["echo"] == MESSAGE
