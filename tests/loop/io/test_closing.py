"""Loops closed, and transports forgotten, while connections are open: nothing hangs, and a warning says so."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import warnings
from typing import Any

import pytest

from tests.loop.io.protocols import Recorder, Recording
from tests.loop.io.scenes import Scene, available, datagram_pair, fill, is_at_end


@pytest.mark.parametrize("is_paused", [False, True])
def test_a_transport_that_outlives_its_loop_warns_and_closes_its_socket(
    new_loop: Any, is_paused: bool
) -> None:
    loop = new_loop()
    near, peer = socket.socketpair()
    peer.setblocking(False)
    transport, protocol = loop.run_until_complete(loop.create_connection(Recorder, sock=near))
    if is_paused:
        transport.pause_reading()
    loop.close()
    assert protocol.notes == [("connection_made",)]
    with peer:
        assert not is_at_end(peer)
        with pytest.warns(ResourceWarning, match=r"^unclosed transport <.* fd=\d+"):  # noqa: PT031
            del transport, protocol, near, loop
            gc.collect()
        assert is_at_end(peer)


def test_a_datagram_transport_that_outlives_its_loop_warns(new_loop: Any) -> None:
    loop = new_loop()
    near, peer = datagram_pair()
    endpoint = loop.run_until_complete(loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=near))
    loop.close()
    with peer, pytest.warns(ResourceWarning, match=r"^unclosed transport <"):  # noqa: PT031
        del endpoint, near, loop
        gc.collect()


def test_closing_a_transport_after_its_loop_raises_and_does_not_end_the_connection(new_loop: Any) -> None:
    loop = new_loop()
    near, peer = socket.socketpair()
    transport, protocol = loop.run_until_complete(loop.create_connection(Recorder, sock=near))
    loop.close()
    with peer:
        with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
            transport.close()
        assert transport.is_closing()
        assert protocol.notes == [("connection_made",)]
        near.close()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del transport, protocol, loop
            gc.collect()


def test_a_transport_that_is_closed_before_its_loop_does_not_warn(new_loop: Any) -> None:
    loop = new_loop()
    near, peer = socket.socketpair()
    transport, protocol = loop.run_until_complete(loop.create_connection(Recorder, sock=near))
    transport.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert protocol.notes[-1] == ("connection_lost", None)
    with peer, warnings.catch_warnings():
        warnings.simplefilter("error")
        del transport, protocol, near, loop
        gc.collect()


def test_an_open_transport_lives_while_only_its_loop_knows_it(scene: Scene) -> None:
    class Echo(Recording, asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    near, peer = socket.socketpair()
    scene.adopt(peer)
    scene.run(scene.loop.create_connection(Echo, sock=near))
    del near
    gc.collect()
    peer.send(b"hello")
    scene.settle()
    assert available(peer) == b"hello"
    peer.close()
    scene.settle()


def test_a_transport_with_much_unsent_lives_until_all_is_delivered(scene: Scene) -> None:
    near, peer = socket.socketpair()
    scene.adopt(peer)
    transport, _ = scene.run(scene.loop.create_connection(asyncio.Protocol, sock=near))
    data = fill(transport)
    transport.close()
    del transport, near
    gc.collect()
    assert scene.drain(peer) + scene.receive(peer, 1 << 20) == data


def test_a_closed_transport_lets_go_of_its_protocol_and_its_socket(scene: Scene) -> None:
    freed: list[str] = []

    class Mortal(Recording, asyncio.Protocol):
        def __del__(self) -> None:
            freed.append("protocol")

    near, peer = socket.socketpair()
    scene.adopt(peer)
    transport, protocol = scene.run(scene.loop.create_connection(Mortal, sock=near))
    transport.close()
    scene.settle()
    assert near.fileno() == -1
    protocol.transport = None
    del protocol
    gc.collect()
    assert freed == ["protocol"]


def test_a_loop_closes_with_a_server_that_serves(new_loop: Any) -> None:
    loop = new_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    server = loop.run_until_complete(loop.create_server(Recorder, sock=listener))
    loop.close()
    assert server.is_serving()
    listener.close()


@pytest.mark.parametrize("method", ["sock_recv", "sock_sendall"])
def test_a_coroutine_that_waits_for_a_socket_may_outlive_its_loop(
    new_loop: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    loop = new_loop()
    near, peer = socket.socketpair()
    with near, peer:
        near.setblocking(False)
        waiting = getattr(loop, method)(near, 10 if method == "sock_recv" else bytes(1 << 22))
        task = loop.create_task(waiting)
        task._log_destroy_pending = False
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        del loop, task, waiting
        gc.collect()
    assert complaints == []
