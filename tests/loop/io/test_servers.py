"""Servers: what they accept, what happens when they cannot, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.loop.io.protocols import Recorder
from tests.loop.io.scenes import Scene, is_at_end, reset

HAS_CLIENTS = sys.version_info >= (3, 13)
"""close_clients() and abort_clients() came in 3.13."""
WAITS_FOR_CLIENTS = sys.version_info >= (3, 12)
"""Before, wait_closed() after close() returned at once: gh-79033."""


class Served:
    """A server of the scene and the protocols of its connections."""

    def __init__(self, scene: Scene, **reactions: Any) -> None:
        self.scene = scene
        self.protocols: list[Recorder] = []
        self.reactions = reactions
        self.server, self.address = scene.serve(scene.loop.create_server, self.new_protocol)

    def new_protocol(self) -> Recorder:
        self.protocols.append(Recorder(**self.reactions))
        return self.protocols[-1]

    def call(self) -> tuple[socket.socket, Recorder]:
        """A new client, and the protocol that serves it."""
        count = len(self.protocols)
        peer = self.scene.call(self.address)
        self.scene.run_until(lambda: len(self.protocols) > count and self.protocols[-1].notes)
        return peer, self.protocols[-1]


def test_every_client_gets_a_protocol_of_its_own(scene: Scene) -> None:
    served = Served(scene, data_received=lambda it: it.transport.write(b"answer"))
    for count in range(1, 4):
        peer, protocol = served.call()
        assert len(served.protocols) == count
        assert protocol.transport.get_extra_info("peername") == peer.getsockname()
        assert protocol.transport.get_extra_info("sockname") == served.address
        peer.send(b"question")
        assert scene.receive(peer, 6) == b"answer"


def test_many_clients_that_call_at_once_are_all_served(scene: Scene) -> None:
    served = Served(scene)
    for _ in range(90):  # More than one backlog's worth is left to the kernel, less than it takes.
        scene.call(served.address).send(b"hello")
    scene.run_until(lambda: [protocol.received() for protocol in served.protocols] == [b"hello"] * 90)


def test_a_client_that_resets_before_it_is_accepted_harms_nobody(scene: Scene) -> None:
    served = Served(scene)
    for _ in range(3):
        reset(socket.create_connection(served.address))
    peer, protocol = served.call()
    peer.send(b"hello")
    scene.run_until(lambda: any(protocol.received() for protocol in served.protocols))
    assert scene.reports == []
    assert protocol in served.protocols


# No descriptor left


@contextlib.contextmanager
def no_descriptors_left() -> Iterator[list[int]]:
    """Every descriptor that the process may have is taken by the list."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(highest + 20, hard), hard))
    taken: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield taken
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts its descriptors in /proc")
def test_a_server_without_descriptors_reports_it_and_goes_on_when_they_come_back(scene: Scene) -> None:
    retries: list[tuple[float, Any]] = []
    call_later = scene.loop.call_later

    def note_retry(delay: float, callback: Any, *arguments: Any, **options: Any) -> Any:
        if delay == 1:
            retries.append((delay, lambda: callback(*arguments)))
            return None
        return call_later(delay, callback, *arguments, **options)

    scene.loop.call_later = note_retry
    served = Served(scene)
    waiting = socket.socket()
    scene.adopt(waiting)
    with no_descriptors_left():
        with contextlib.suppress(BlockingIOError):
            waiting.connect(served.address)
        scene.run_until(lambda: scene.reports)
        scene.settle()
        assert set(scene.reports) == {("socket.accept() out of system resource", OSError, "socket")}
        assert served.protocols == []
        assert len(retries) == len(scene.reports)
    for _, retry in retries:
        retry()
    scene.run_until(lambda: len(served.protocols) == 1 and served.protocols[0].notes)
    waiting.send(b"hello")
    scene.run_until(served.protocols[0].received)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts its descriptors in /proc")
def test_a_client_without_descriptors_is_told(scene: Scene) -> None:
    served = Served(scene)
    connecting = scene.loop.create_connection(Recorder, *served.address)
    with no_descriptors_left(), pytest.raises(OSError, match="Too many open files"):
        scene.run(connecting)
    served.call()


# The end


def test_a_closed_server_accepts_nobody_and_keeps_its_connections(scene: Scene) -> None:
    served = Served(scene)
    peer, protocol = served.call()
    assert served.server.is_serving()
    assert [sock.getsockname() for sock in served.server.sockets] == [served.address]
    served.server.close()
    served.server.close()
    assert not served.server.is_serving()
    assert served.server.sockets == ()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(served.address)
    peer.send(b"hello")
    scene.run_until(protocol.received)
    assert not protocol.transport.is_closing()


def test_wait_closed_waits_for_close_and_the_last_connection(scene: Scene) -> None:
    served = Served(scene)
    peer, _ = served.call()
    waiting = scene.loop.create_task(served.server.wait_closed())
    for step in (lambda: None, served.server.close):
        step()
        scene.settle()
        assert not waiting.done()
    peer.close()
    scene.run(waiting)


def test_wait_closed_after_close_waits_for_the_last_connection_too(scene: Scene) -> None:
    served = Served(scene)
    peer, _ = served.call()
    served.server.close()
    waiting = scene.loop.create_task(served.server.wait_closed())
    scene.settle()
    assert waiting.done() is not WAITS_FOR_CLIENTS
    peer.close()
    scene.run(waiting)


def test_wait_closed_after_the_last_connection_returns(scene: Scene) -> None:
    served = Served(scene)
    peer, protocol = served.call()
    served.server.close()
    peer.close()
    scene.run_until(protocol.has_ended)
    scene.run(served.server.wait_closed())


def test_a_server_without_clients_waits_for_its_close_alone(scene: Scene) -> None:
    served = Served(scene)
    waiting = scene.loop.create_task(served.server.wait_closed())
    scene.settle()
    assert not waiting.done()
    served.server.close()
    scene.run(waiting)


@pytest.mark.skipif(not HAS_CLIENTS, reason="came in 3.13")
def test_close_clients_delivers_what_is_unsent_and_abort_clients_does_not(scene: Scene) -> None:
    for method in ("close_clients", "abort_clients"):
        served = Served(scene)
        (peer, protocol), (_, idle) = served.call(), served.call()
        data = bytes(1 << 24)
        protocol.transport.write(data)
        served.server.close()
        getattr(served.server, method)()
        scene.run_until(idle.has_ended)
        delivered = method == "close_clients"
        assert ("connection_lost" in protocol.names()) is not delivered
        assert (len(scene.receive(peer, len(data))) == len(data)) is delivered
        scene.run(served.server.wait_closed())
        assert idle.notes[-1] == protocol.notes[-1] == ("connection_lost", None)


def test_serve_forever_ends_with_its_cancellation_and_closes_the_server(scene: Scene) -> None:
    served = Served(scene)

    async def serve_a_while() -> None:
        task = asyncio.ensure_future(served.server.serve_forever())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match=r"is already being awaited on serve_forever\(\)$"):
            await served.server.serve_forever()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    scene.run(serve_a_while())
    assert not served.server.is_serving()
    with pytest.raises(RuntimeError, match=r"is closed$"):
        scene.run(served.server.serve_forever())


def test_serve_forever_ends_with_close(scene: Scene) -> None:
    served = Served(scene)
    task = scene.loop.create_task(served.server.serve_forever())
    scene.settle()
    served.server.close()
    with pytest.raises(asyncio.CancelledError):
        scene.run(task)


def test_a_server_that_is_not_started_accepts_when_it_is(scene: Scene) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    protocols: list[Recorder] = []

    def new_protocol() -> Recorder:
        protocols.append(Recorder())
        return protocols[-1]

    server = scene.run(scene.loop.create_server(new_protocol, sock=listener, start_serving=False))
    scene.servers.append(server)
    assert not server.is_serving()
    peer = scene.call(listener.getsockname())
    scene.settle()
    assert protocols == []
    scene.run(server.start_serving())
    scene.run(server.start_serving())
    assert server.is_serving()
    scene.run_until(lambda: protocols and protocols[0].notes)
    protocols[0].transport.abort()
    scene.run_until(lambda: is_at_end(peer))


def test_a_server_as_a_context_ends_with_it(scene: Scene) -> None:
    served = Served(scene)

    async def serve() -> None:
        async with served.server as server:
            assert server.is_serving()

    scene.run(serve())
    assert not served.server.is_serving()


def test_an_address_in_use_is_refused_with_its_name(scene: Scene) -> None:
    served = Served(scene)
    with pytest.raises(OSError, match=r"[aA]ddress already in use") as caught:
        scene.run(scene.loop.create_server(Recorder, *served.address))
    assert str(served.address) in str(caught.value)


@pytest.mark.parametrize("end", ["close", "abort"])
def test_a_protocol_that_ends_in_connection_made_is_served_once(scene: Scene, end: str) -> None:
    served = Served(scene, connection_made=lambda it: getattr(it.transport, end)())
    peer = scene.call(served.address)
    scene.run_until(lambda: is_at_end(peer))
    [protocol] = served.protocols
    assert protocol.notes == [("connection_made",), ("connection_lost", None)]


def test_a_unix_server_serves_and_leaves_no_file_behind(scene: Scene, tmp_path: Any) -> None:
    path = str(tmp_path / "socket")
    protocols: list[Recorder] = []

    def new_protocol() -> Recorder:
        protocols.append(Recorder(data_received=lambda it: it.transport.write(b"answer")))
        return protocols[-1]

    server = scene.run(scene.loop.create_unix_server(new_protocol, path))
    scene.servers.append(server)
    client = Recorder()
    transport, _ = scene.run(scene.loop.create_unix_connection(lambda: client, path))
    transport.write(b"question")
    scene.run_until(client.received)
    transport.close()
    server.close()
    scene.run_until(lambda: "connection_lost" in protocols[0].names())
    assert os.path.exists(path) is (sys.version_info < (3, 13))
