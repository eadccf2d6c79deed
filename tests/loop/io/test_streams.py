"""Streams on both loops' transports: limits, pauses and ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.loop.io.scenes import Scene, available, is_at_end, reset, tcp_pair, turns

MEBIBYTE = 1 << 20
Reading = Callable[[asyncio.StreamReader], Awaitable[Any]]


def open_stream(
    scene: Scene, **options: Any
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, socket.socket]:
    near, peer = socket.socketpair()
    reader, writer = scene.run(asyncio.open_connection(sock=near, **options))
    scene.transports.append(writer.transport)
    return reader, writer, scene.adopt(peer)


def feed(scene: Scene, peer: socket.socket, data: bytes) -> Callable[[], None]:
    """Have the peer send `data` whenever the kernel takes more of it."""
    left = [memoryview(data)]

    def send() -> None:
        left[0] = left[0][peer.send(left[0]) :]
        if not left[0]:
            scene.loop.remove_writer(peer)
            peer.shutdown(socket.SHUT_WR)

    scene.loop.add_writer(peer, send)
    return send


@pytest.mark.parametrize(
    ("read", "error", "message"),
    [
        (lambda reader: reader.readline(), ValueError, "Separator is not found, and chunk exceed the limit"),
        (
            lambda reader: reader.readuntil(b"\n"),
            asyncio.LimitOverrunError,
            "Separator is not found, and chunk exceed the limit",
        ),
    ],
)
def test_a_million_bytes_without_a_newline_overrun_the_limit(
    scene: Scene, read: Reading, error: type[Exception], message: str
) -> None:
    reader, writer, peer = open_stream(scene)
    feed(scene, peer, bytes(MEBIBYTE))
    with pytest.raises(error, match=message) as caught:
        scene.run(read(reader))  # type: ignore[arg-type]
    assert isinstance(caught.value, asyncio.LimitOverrunError) is (error is asyncio.LimitOverrunError)
    assert not writer.is_closing()
    rest = scene.run(reader.read())
    assert set(rest) == {0}


def test_what_overran_the_limit_can_still_be_read(scene: Scene) -> None:
    reader, _, peer = open_stream(scene, limit=100)
    peer.send(b"x" * 150 + b"\nnext\n")
    with pytest.raises(asyncio.LimitOverrunError) as caught:
        scene.run(reader.readuntil(b"\n"))
    assert caught.value.consumed == 150
    assert scene.run(reader.readexactly(caught.value.consumed + 1)) == b"x" * 150 + b"\n"
    assert scene.run(reader.readline()) == b"next\n"


def test_a_reader_keeps_about_twice_its_limit_while_nobody_reads(scene: Scene) -> None:
    reader, writer, peer = open_stream(scene, limit=10_000)
    feed(scene, peer, bytes(8 * MEBIBYTE))
    scene.run(turns(50))
    assert not writer.transport.is_reading()  # type: ignore[attr-defined]
    kept = len(reader._buffer)  # type: ignore[attr-defined]
    assert 20_000 < kept <= 20_000 + 256 * 1024
    assert len(scene.run(reader.read())) == 8 * MEBIBYTE


def test_an_end_in_mid_message_is_an_incomplete_read(scene: Scene) -> None:
    reader, _, peer = open_stream(scene)
    peer.send(b"hel")
    peer.close()
    with pytest.raises(asyncio.IncompleteReadError) as caught:
        scene.run(reader.readexactly(5))
    assert (caught.value.partial, caught.value.expected) == (b"hel", 5)
    assert scene.run(reader.read()) == b""
    assert reader.at_eof()


def test_a_reset_reaches_the_reader_and_the_writer(scene: Scene) -> None:
    near, peer = tcp_pair()
    reader, writer = scene.run(asyncio.open_connection(sock=near))
    scene.adopt(peer)
    reset(peer)
    with pytest.raises(ConnectionResetError):
        scene.run(reader.read())
    with pytest.raises(ConnectionResetError):
        scene.run(writer.drain())
    writer.close()
    with pytest.raises(ConnectionResetError):
        scene.run(writer.wait_closed())


def test_drain_waits_for_the_peer(scene: Scene) -> None:
    _, writer, peer = open_stream(scene)
    writer.write(bytes(MEBIBYTE))
    draining = scene.loop.create_task(writer.drain())
    scene.settle()
    assert not draining.done()
    assert len(scene.drain(peer)) == MEBIBYTE
    scene.run(draining)


def test_drain_fails_when_the_peer_goes(scene: Scene) -> None:
    _, writer, peer = open_stream(scene)
    writer.write(bytes(MEBIBYTE))
    draining = scene.loop.create_task(writer.drain())
    scene.settle()
    peer.close()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        scene.run(draining)


def test_several_may_drain_at_once(scene: Scene) -> None:
    _, writer, peer = open_stream(scene)
    writer.write(bytes(MEBIBYTE))
    draining = [scene.loop.create_task(writer.drain()) for _ in range(3)]
    scene.drain(peer)
    scene.run(asyncio.wait(draining))
    assert [task.exception() for task in draining] == [None] * 3


def test_a_cancelled_drain_leaves_the_stream_usable(scene: Scene) -> None:
    _, writer, peer = open_stream(scene)
    writer.write(bytes(MEBIBYTE))

    async def give_up() -> None:
        task = asyncio.ensure_future(writer.drain())
        await turns(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    scene.run(give_up())
    writer.write(b"more")
    assert len(scene.drain(peer)) == MEBIBYTE + 4
    scene.run(writer.drain())


def test_close_delivers_all_and_wait_closed_waits_for_it(scene: Scene) -> None:
    _, writer, peer = open_stream(scene)
    writer.write(bytes(MEBIBYTE))
    writer.close()
    closing = scene.loop.create_task(writer.wait_closed())
    scene.settle()
    assert not closing.done()
    assert len(scene.drain(peer)) == MEBIBYTE
    scene.run(closing)
    assert is_at_end(peer)


def test_write_eof_leaves_the_reading_side_open(scene: Scene) -> None:
    reader, writer, peer = open_stream(scene)
    writer.write(b"question")
    writer.write_eof()
    assert available(peer) == b"question"
    assert is_at_end(peer)
    peer.send(b"answer")
    peer.close()
    assert scene.run(reader.read()) == b"answer"


def test_two_that_read_one_stream_at_once_are_refused(scene: Scene) -> None:
    reader, _, peer = open_stream(scene)

    async def read_twice() -> Any:
        first = asyncio.ensure_future(reader.read(1))
        await turns(1)
        second = asyncio.ensure_future(reader.read(1))
        await turns(1)
        peer.send(b"x")
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = scene.run(read_twice())
    assert first == b"x"
    assert type(second) is RuntimeError
    assert str(second) == "read() called while another coroutine is already waiting for incoming data"


def test_a_writer_after_close_still_drains_without_hanging(scene: Scene) -> None:
    _, writer, peer = open_stream(scene)
    writer.close()
    writer.write(b"lost")
    scene.run(turns(3))
    with pytest.raises(ConnectionResetError):
        scene.run(writer.drain())
    assert is_at_end(peer)
