"""Descriptors that the program watches, and loops on another selector than their own."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from collections.abc import Callable

import pytest

import coroscope
from tests.loop.io.protocols import Recorder
from tests.loop.io.scenes import Scene

# Descriptors


def test_a_number_that_was_closed_while_it_was_watched_can_be_watched_for_its_new_owner(scene: Scene) -> None:
    """The kernel has forgotten the old one; the loop learns it from the first change that it asks for."""
    calls: list[str] = []
    old, peer_of_old = socket.socketpair()
    scene.adopt(peer_of_old)
    number = old.fileno()
    scene.loop.add_reader(old, calls.append, "old")
    old.close()
    new, peer = socket.socketpair()
    scene.adopt(peer).send(b"hello")
    if new.fileno() != number:
        moved = new.detach()
        os.dup2(moved, number)
        os.close(moved)
        new = socket.socket(fileno=number)
    scene.adopt(new)
    scene.loop.add_reader(new, calls.append, "missed")
    scene.round()
    assert calls == []
    with pytest.raises(FileNotFoundError):
        scene.loop.add_writer(new, calls.append, "missed")
    scene.loop.add_reader(new, calls.append, "readable")
    scene.loop.add_writer(new, calls.append, "writable")
    scene.round()
    assert calls == ["readable", "writable"]
    assert scene.loop.remove_reader(new)
    assert scene.loop.remove_writer(new)
    scene.round()
    assert len(calls) == 2


def test_a_number_that_is_removed_after_it_was_closed_can_be_watched_for_its_new_owner(scene: Scene) -> None:
    calls: list[str] = []
    old, peer_of_old = socket.socketpair()
    scene.adopt(peer_of_old)
    scene.loop.add_reader(old, calls.append, "old")
    old.close()
    new, peer = socket.socketpair()
    scene.adopt(peer).send(b"hello")
    scene.adopt(new)
    assert scene.loop.remove_reader(old)
    scene.loop.add_reader(new, calls.append, "new")
    scene.round()
    assert calls == ["new"]


@pytest.mark.parametrize("debug", [False, True])
def test_who_waits_to_read_is_woken_by_a_hang_up(scene: Scene, debug: bool) -> None:
    scene.loop.set_debug(debug)
    reader, writer = os.pipe()
    calls: list[str] = []
    scene.loop.add_reader(reader, calls.append, "readable")
    scene.round()
    assert calls == []
    os.close(writer)
    scene.round()
    assert calls == ["readable"]
    scene.loop.remove_reader(reader)
    os.close(reader)


@pytest.mark.parametrize("debug", [False, True])
def test_who_waits_to_write_is_woken_by_an_error(scene: Scene, debug: bool) -> None:
    scene.loop.set_debug(debug)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(1 << 16))
    calls: list[str] = []
    scene.loop.add_writer(writer, calls.append, "writable")
    scene.round()
    assert calls == []
    os.close(reader)
    scene.round()
    assert calls == ["writable"]
    scene.loop.remove_writer(writer)
    os.close(writer)


# Selectors of others

SELECTORS = [
    getattr(selectors, name)
    for name in ("SelectSelector", "PollSelector", "EpollSelector", "KqueueSelector")
    if hasattr(selectors, name)
]


@pytest.mark.parametrize("new_selector", SELECTORS)
@pytest.mark.parametrize("debug", [False, True])
def test_on_another_selector_our_transports_serve_as_on_our_own(
    new_selector: Callable[[], selectors.BaseSelector], debug: bool
) -> None:
    def echo(protocol: Recorder) -> None:
        protocol.transport.write(protocol.notes[-1][1])

    loop = coroscope.Loop(new_selector())
    loop.set_debug(debug)
    scene = Scene(loop)
    protocol = Recorder(data_received=echo)
    server, address = scene.serve(loop.create_server, lambda: protocol)
    client = Recorder()
    transport, _ = scene.run(loop.create_connection(lambda: client, *address))
    data = bytes(range(256)) * 20_000
    transport.write(data)
    scene.run_until(lambda: len(client.received()) == len(data))
    assert client.received() == data
    transport.write_eof()
    scene.run_until(client.has_ended)
    assert [name for name in protocol.names() if "received" not in name] == [
        "connection_made",
        *[name for name in protocol.names() if name.endswith("_writing")],
        "connection_lost",
    ]
    assert protocol.notes[-1] == client.notes[-1] == ("connection_lost", None)
    server.close()
    scene.run(server.wait_closed())
    scene.close()
    loop.close()


@pytest.mark.parametrize("new_selector", SELECTORS)
def test_on_another_selector_sockets_and_descriptors_are_waited_for(
    new_selector: Callable[[], selectors.BaseSelector],
) -> None:
    loop = coroscope.Loop(new_selector())
    scene = Scene(loop)
    near, peer = socket.socketpair()
    scene.adopt(near), scene.adopt(peer)
    data = bytes(1 << 21)
    sender = loop.create_task(loop.sock_sendall(near, data))
    receiver = loop.create_task(loop.sock_recv(near, 10))
    scene.settle()
    peer.send(b"hello")
    assert scene.receive(peer, len(data)) == data
    scene.run_until(lambda: sender.done() and receiver.done())
    assert receiver.result() == b"hello"
    assert sender.result() is None
    calls: list[str] = []
    loop.add_writer(near, calls.append, "writable")
    loop.add_reader(near.fileno(), calls.append, "readable")
    scene.round()
    assert calls == ["writable"]
    assert loop.remove_writer(near.fileno())
    peer.send(b"hello")
    scene.round()
    assert calls == ["writable", "readable"]
    assert loop.remove_reader(near)
    assert not loop.remove_reader(near)
    scene.close()
    loop.close()
