"""The loop's `sock_…` methods: nothing is lost, and whoever waits is woken."""

from __future__ import annotations

import array
import asyncio
import socket
from typing import Any

import pytest

from tests.loop.io.faulty_sockets import FaultySocket
from tests.loop.io.scenes import Scene, available


@pytest.fixture
def pair(scene: Scene) -> tuple[socket.socket, socket.socket]:
    near, peer = socket.socketpair()
    return scene.adopt(near), scene.adopt(peer)


@pytest.mark.parametrize("order", ["the cancellation", "the data"])
def test_a_cancelled_receiver_loses_nothing_whatever_comes_first(ours: Scene, order: str) -> None:
    """asyncio receives for the future that is awaited: if that is cancelled then, the data is lost."""
    near, peer = socket.socketpair()
    ours.adopt(near), ours.adopt(peer)
    task = ours.loop.create_task(ours.loop.sock_recv(near, 10))
    ours.settle()
    peer.send(b"hello")
    if order == "the cancellation":
        ours.loop.call_soon(task.cancel)
    else:
        ours.loop.call_later(0, task.cancel)  # Due timers run behind what the poll finds.
    ours.settle()
    assert task.cancelled()
    assert ours.run(ours.loop.sock_recv(near, 10)) == b"hello"


def test_one_task_sends_and_another_receives_by_one_socket(
    scene: Scene, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, peer = pair
    data = bytes(range(256)) * 10_000
    sender = scene.loop.create_task(scene.loop.sock_sendall(near, data))
    receiver = scene.loop.create_task(scene.loop.sock_recv(near, 10))
    scene.settle()
    assert not sender.done()
    assert not receiver.done()
    peer.send(b"hello")
    scene.settle()
    assert receiver.result() == b"hello"
    receiver = scene.loop.create_task(scene.loop.sock_recv(near, 10))
    assert scene.receive(peer, len(data)) == data
    scene.settle()
    assert sender.done()
    assert not receiver.done()
    peer.send(b"again")
    assert scene.run(receiver) == b"again"
    assert not scene.loop.remove_reader(near)
    assert not scene.loop.remove_writer(near)


def test_a_receiver_that_is_cancelled_leaves_the_sender_of_its_socket_at_work(
    scene: Scene, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, peer = pair
    data = bytes(1 << 22)
    sender = scene.loop.create_task(scene.loop.sock_sendall(near, data))
    receiver = scene.loop.create_task(scene.loop.sock_recv(near, 10))
    scene.settle()
    receiver.cancel()
    assert scene.receive(peer, len(data)) == data
    scene.run(sender)
    assert receiver.cancelled()


def test_a_receiver_that_another_has_replaced_leaves_the_other_at_work(
    scene: Scene, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, peer = pair
    first, second = (scene.loop.create_task(scene.loop.sock_recv(near, 10)) for _ in range(2))
    scene.settle()
    first.cancel()
    scene.settle()
    peer.send(b"hello")
    assert scene.run(second) == b"hello"


def test_numbers_are_sent_by_hand_to_their_last_byte(ours: Scene) -> None:
    near, peer = socket.socketpair()
    faulty = FaultySocket.of(near)
    ours.adopt(faulty), ours.adopt(peer)
    numbers = memoryview(array.array("I", [1, 2, 3, 4]))
    for taken in (1, 3, 4, 5, 16):
        faulty.faults[:] = [taken]
        ours.run(ours.loop.sock_sendall(faulty, numbers))
        assert available(peer) == bytes(numbers)


@pytest.mark.parametrize("name", ["send", "sendto"])
def test_what_stands_in_for_a_sockets_method_may_be_taken_away_while_it_waits(
    scene: Scene, name: str
) -> None:
    near, peer = (scene.adopt(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
    peer.bind(("127.0.0.1", 0))
    near.connect(peer.getsockname())

    class Wrapped:
        def __getattr__(self, name: str) -> Any:
            return getattr(near, name)

        def send(self, *_: Any) -> int:
            raise BlockingIOError

        sendto = send

    wrapped: Any = Wrapped()
    loop = scene.loop
    sending = (
        loop.sock_sendall(wrapped, b"hello")
        if name == "send"
        else loop.sock_sendto(wrapped, b"hello", peer.getsockname())
    )
    sender = loop.create_task(sending)
    loop.call_soon(setattr, wrapped, name, getattr(near, name))
    scene.settle()
    assert available(peer) == b"hello"
    sender.cancel()


@pytest.mark.parametrize("kind", ["Task", "_PyTask"])
def test_a_task_of_asyncios_own_sends_and_receives_on_our_loop(ours: Scene, kind: str) -> None:
    near, peer = socket.socketpair()
    ours.adopt(near), ours.adopt(peer)
    new_task: Any = getattr(asyncio.tasks, kind)

    async def echo() -> bytes:
        received = await ours.loop.sock_recv(near, 10)
        await ours.loop.sock_sendall(near, received * 100_000)
        return received  # type: ignore[no-any-return]

    async def start() -> Any:
        return new_task(echo(), loop=ours.loop)

    task = ours.run(start())
    assert not isinstance(task, type(ours.loop.create_task(asyncio.sleep(0))))
    ours.settle()
    peer.send(b"hello")
    assert ours.receive(peer, 500_000) == b"hello" * 100_000
    ours.run_until(task.done)
    assert task.result() == b"hello"
