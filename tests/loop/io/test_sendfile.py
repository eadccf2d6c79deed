"""Files sent over a transport: by the kernel where it can, by hand where it cannot, and in order in any case."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loop.io.protocols import Recorder
from tests.loop.io.scenes import Scene, fill, is_at_end, turns
from tests.loop.io.test_tls import Pair

SIZE = 1_000_000


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    with path.open("rb") as file:
        yield file


def content(file: Any) -> bytes:
    return os.pread(file.fileno(), SIZE, 0)


def test_a_file_arrives_behind_what_is_unsent_and_before_what_is_written_later(
    scene: Scene, file: Any
) -> None:
    transport, peer = scene.connect(Recorder())
    before = fill(transport)
    sending = scene.loop.create_task(scene.loop.sendfile(transport, file))
    scene.settle()
    for write in (transport.write, lambda data: transport.writelines([data])):
        with pytest.raises(RuntimeError, match=r"^unable to write(lines)?; sendfile is in progress$"):
            write(b"too early")
    received = scene.drain(peer)
    assert scene.run(sending) == SIZE
    transport.write(b"after")
    assert received + scene.drain(peer) == before + content(file) + b"after"
    assert file.tell() == SIZE


@pytest.mark.parametrize(("offset", "count"), [(0, 1000), (5000, None), (SIZE - 10, 1000), (SIZE, None)])
def test_a_part_of_a_file_arrives(scene: Scene, file: Any, offset: int, count: int | None) -> None:
    transport, peer = scene.connect(Recorder())
    sending = scene.loop.create_task(scene.loop.sendfile(transport, file, offset, count))
    received = scene.drain(peer)
    expected = content(file)[offset:][:count]
    assert received == expected
    assert scene.run(sending) == len(expected)
    if expected:  # Where nothing is sent, versions differ.
        assert file.tell() == offset + len(expected)


def test_what_is_no_file_is_refused_where_it_must_not_go_by_hand(scene: Scene) -> None:
    transport, _ = scene.connect(Recorder())
    with pytest.raises(RuntimeError, match=r"fallback is disabled|not supported|not a regular file"):
        scene.run(scene.loop.sendfile(transport, io.BytesIO(b"hello"), fallback=False))


def test_what_is_no_file_arrives_by_hand(ours: Scene) -> None:
    """Not on asyncio's loop: its transport refers to the one buffer that its sendfile reads into (3.12 to 3.15)."""
    transport, peer = ours.connect(Recorder())
    sending = ours.loop.create_task(ours.loop.sendfile(transport, io.BytesIO(b"hello" * 100_000)))
    received = ours.receive(peer, 500_000)
    assert received == b"hello" * 100_000
    assert ours.run(sending) == 500_000


def test_reading_goes_on_while_a_file_is_sent(scene: Scene, file: Any) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    sending = scene.loop.create_task(scene.loop.sendfile(transport, file))
    peer.send(b"hello")
    received = scene.drain(peer)
    scene.run(sending)
    assert protocol.received() == b"hello"
    assert received == content(file)


def test_a_peer_that_goes_fails_the_file(scene: Scene, file: Any) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    sending = scene.loop.create_task(scene.loop.sendfile(transport, file))
    scene.settle()
    peer.close()
    with pytest.raises((ConnectionError, BrokenPipeError)):
        scene.run(sending)
    assert scene.reports == []


def test_a_cancelled_file_leaves_the_transport_usable(scene: Scene, file: Any) -> None:
    transport, peer = scene.connect(Recorder())

    async def give_up() -> None:
        task = asyncio.ensure_future(scene.loop.sendfile(transport, file))
        await turns(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    scene.run(give_up())
    transport.write(b"after")
    received = scene.drain(peer)
    assert received.endswith(b"after")
    assert content(file).startswith(received[:-5])


def test_a_file_by_tls_arrives_by_hand(scene: Scene, file: Any) -> None:
    pair = Pair(scene)
    transport = pair.client.transport
    assert scene.run(scene.loop.sendfile(transport, file)) == SIZE
    scene.run_until(lambda: len(pair.server.received()) == SIZE)
    assert pair.server.received() == content(file)


def test_a_closing_transport_sends_no_file(scene: Scene, file: Any) -> None:
    transport, peer = scene.connect(Recorder())
    transport.close()
    with pytest.raises(RuntimeError, match=r"^Transport is closing$"):
        scene.run(scene.loop.sendfile(transport, file))
    assert is_at_end(peer)


def test_a_text_file_is_refused(scene: Scene, file: Any) -> None:
    transport, _ = scene.connect(Recorder())
    with open(file.name, encoding="latin-1") as text, pytest.raises(ValueError, match="binary mode"):
        scene.run(scene.loop.sendfile(transport, text))
