"""What a transport does with what is written to it: all arrives in order, and no more is kept than the limits say."""

from __future__ import annotations

import array
import os
import socket
from typing import Any

import pytest

from tests.loop.io.protocols import Recorder
from tests.loop.io.scenes import Scene, available, fill, is_at_end, leave_out_asyncio

MEBIBYTE = 1 << 20


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_what_is_written_arrives(scene: Scene, kind: Any) -> None:
    transport, peer = scene.connect(Recorder())
    transport.write(kind(b"hello "))
    transport.writelines([kind(b"wor"), kind(b"ld")])
    assert available(peer) == b"hello world"
    assert transport.get_write_buffer_size() == 0


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_more_than_the_kernel_takes_arrives(scene: Scene, kind: Any) -> None:
    transport, peer = scene.connect(Recorder())
    data = os.urandom(MEBIBYTE)
    transport.write(kind(data[:1000]))
    transport.write(kind(data[1000:]))
    assert 0 < transport.get_write_buffer_size() < MEBIBYTE
    assert scene.drain(peer) == data
    assert transport.get_write_buffer_size() == 0


@pytest.mark.parametrize("data", ["text", None, 7, [b"list"], array.array("B", b"array")])
def test_only_bytes_can_be_written(scene: Scene, data: Any) -> None:
    transport, peer = scene.connect(Recorder())
    with pytest.raises(TypeError, match=f"^data argument must be a bytes.*, not '{type(data).__name__}'$"):
        transport.write(data)
    assert available(peer) == b""
    assert not transport.is_closing()


def test_an_empty_write_does_nothing(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    for nothing in (b"", bytearray(), memoryview(b"")):
        transport.write(nothing)
    transport.writelines([])
    scene.settle()
    assert available(peer) == b""
    assert transport.get_write_buffer_size() == 0


def test_many_lines_arrive_in_order(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    lines = [b"%d\n" % number for number in range(5000)]
    transport.writelines(lines)
    assert scene.drain(peer) == b"".join(lines)


@pytest.mark.parametrize("size", [1, 300_000])
def test_empty_lines_between_others_are_left_out(scene: Scene, size: int) -> None:
    transport, peer = scene.connect(Recorder())
    leave_out_asyncio(transport, (3, 12), (3, 14), "it may try to send an empty line for ever")
    lines: list[Any] = [b"", b"a" * size, bytearray(), b"", b"b" * size, memoryview(b""), b"c" * size, b""]
    transport.writelines(lines)
    assert scene.drain(peer) == b"".join(lines)
    assert transport.get_write_buffer_size() == 0
    transport.close()
    scene.settle()
    assert is_at_end(peer)


def test_lines_of_an_iterator_arrive(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    transport.writelines(line for line in (b"a", b"b", b"c"))
    assert scene.drain(peer) == b"abc"


def test_a_buffer_that_is_reused_after_a_write_that_was_taken_at_once_changes_nothing(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    data = bytearray(b"hello")
    transport.write(data)
    data[:] = b"other and longer"
    assert available(peer) == b"hello"


def test_writes_and_lines_keep_their_order_behind_what_is_unsent(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    expected = fill(transport)
    for number in range(100):
        transport.write(b"<%d>" % number)
        transport.writelines([b"[%d" % number, b"]"])
        expected += b"<%d>[%d]" % (number, number)
    assert scene.drain(peer) == expected


# Closing


def test_close_delivers_what_is_unsent_first(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    transport.close()
    assert transport.is_closing()
    scene.settle()
    assert "connection_lost" not in protocol.names()
    assert scene.drain(peer) == data
    assert protocol.notes[-1] == ("connection_lost", None)
    assert is_at_end(peer)


def test_close_twice_ends_the_connection_once(scene: Scene) -> None:
    protocol = Recorder()
    transport, _ = scene.connect(protocol)
    transport.close()
    transport.close()
    transport.abort()
    scene.settle()
    transport.close()
    scene.settle()
    assert protocol.notes == [("connection_made",), ("connection_lost", None)]


def test_abort_after_the_end_does_nothing(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    leave_out_asyncio(
        transport, (3, 11), (3, 14), "abort() after a close() that had to wait is an AttributeError"
    )
    fill(transport)
    transport.close()
    scene.drain(peer)
    assert protocol.notes[-1] == ("connection_lost", None)
    transport.abort()
    scene.settle()
    assert protocol.names().count("connection_lost") == 1


def test_connection_lost_comes_in_a_later_round_than_close(scene: Scene) -> None:
    protocol = Recorder()
    transport, _ = scene.connect(protocol)
    for end in (transport.close, transport.abort):
        end()
        assert protocol.names() == ["connection_made"]
    scene.round()
    assert protocol.names() == ["connection_made", "connection_lost"]


def test_abort_throws_away_what_is_unsent(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    transport.abort()
    assert transport.is_closing()
    assert transport.get_write_buffer_size() == 0
    scene.settle()
    assert protocol.notes[-1] == ("connection_lost", None)
    received = available(peer)
    assert received == data[: len(received)]
    assert len(received) < len(data)
    assert is_at_end(peer)


def test_abort_after_close_does_not_wait_for_the_peer(scene: Scene) -> None:
    protocol = Recorder()
    transport, _ = scene.connect(protocol)
    fill(transport)
    transport.close()
    scene.settle()
    transport.abort()
    scene.settle()
    assert protocol.notes[-1] == ("connection_lost", None)


def test_nothing_is_read_after_close(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    fill(transport)
    transport.close()
    peer.send(b"hello")
    scene.settle()
    assert protocol.received() == b""


def test_what_is_written_after_close_is_dropped(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    transport.write(b"before")
    transport.close()
    transport.write(b"after")
    scene.settle()
    transport.write(b"long after")
    assert available(peer) == b"before"
    assert is_at_end(peer)


def test_lines_after_close_are_dropped(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    leave_out_asyncio(transport, (3, 12), (3, 14), "writelines() after close() is a TypeError")
    transport.close()
    transport.writelines([b"after"])
    scene.settle()
    transport.writelines([b"long after"])
    assert is_at_end(peer)
    assert scene.reports == []


def test_what_is_written_after_close_behind_what_is_unsent_is_delivered(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    data = fill(transport)
    transport.close()
    transport.write(b"after")
    assert scene.drain(peer) == data + b"after"


def test_the_sixth_write_to_a_lost_connection_is_logged(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    transport, _ = scene.connect(Recorder())
    transport.close()
    for _ in range(4):
        transport.write(b"lost")
    assert caplog.messages == []
    transport.write(b"lost")
    transport.write(b"lost")
    assert caplog.messages == ["socket.send() raised exception."] * 2


def test_a_closed_transport_still_answers(scene: Scene) -> None:
    protocol = Recorder()
    transport, _ = scene.connect(protocol)
    sock = transport.get_extra_info("socket")
    transport.close()
    scene.settle()
    assert transport.is_closing()
    assert not transport.is_reading()
    assert transport.get_write_buffer_size() == 0
    assert transport.get_protocol() is None
    assert transport.get_extra_info("sockname") == ""
    assert transport.get_extra_info("nothing", "default") == "default"
    assert sock.fileno() == -1
    transport.pause_reading()
    transport.resume_reading()
    transport.abort()
    assert "closed" in repr(transport)


# The end of what we write


def test_write_eof_is_sent_behind_what_is_unsent(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    assert transport.can_write_eof()
    transport.write_eof()
    assert scene.drain(peer) == data
    assert is_at_end(peer)
    assert not transport.is_closing()
    peer.send(b"still heard")
    scene.settle()
    assert protocol.received() == b"still heard"


def test_nothing_can_be_written_after_write_eof(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    transport.write_eof()
    transport.write_eof()
    for nothing_or_something in (b"", b"more"):
        with pytest.raises(RuntimeError, match=r"^Cannot call write\(\) after write_eof\(\)$"):
            transport.write(nothing_or_something)
    with pytest.raises(RuntimeError, match=r"^Cannot call (writelines|write)\(\) after write_eof\(\)$"):
        transport.writelines([b"more"])
    assert is_at_end(peer)


def test_write_eof_after_close_does_nothing(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    data = fill(transport)
    transport.close()
    transport.write_eof()
    transport.write(b"after")
    assert scene.drain(peer) == data + b"after"


def test_close_after_write_eof_delivers_what_is_unsent(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    transport.write_eof()
    transport.close()
    assert scene.drain(peer) == data
    assert is_at_end(peer)
    assert protocol.notes[-1] == ("connection_lost", None)


# A reader that is slower than we


def test_a_protocol_is_paused_and_resumed_around_what_the_peer_does_not_read(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    assert protocol.names()[1:] == ["pause_writing"]
    scene.settle()
    assert protocol.names()[1:] == ["pause_writing"]
    assert scene.drain(peer) == data
    assert protocol.names()[1:] == ["pause_writing", "resume_writing"]


def test_a_writer_that_heeds_its_pauses_needs_bounded_memory(scene: Scene) -> None:
    """16 MiB pass through, and no more than the upper limit and one piece are ever kept."""
    piece = bytes(16 * 1024)
    writable, sizes, left = [True], [], [1024]

    def write(protocol: Recorder) -> None:
        writable[0] = True
        while writable[0] and left[0]:
            left[0] -= 1
            protocol.transport.write(piece)
            sizes.append(protocol.transport.get_write_buffer_size())

    def pause(_: Recorder) -> None:
        writable[0] = False

    protocol = Recorder(pause_writing=pause, resume_writing=write)
    transport, peer = scene.connect(protocol)
    _, high = transport.get_write_buffer_limits()
    write(protocol)
    received = 0
    while chunk := scene.available(peer):
        received += len(chunk)
    assert received == 1024 * len(piece)
    assert max(sizes) <= high + len(piece)
    callbacks = protocol.names()[1:]
    assert callbacks == ["pause_writing", "resume_writing"] * (len(callbacks) // 2)
    assert len(callbacks) > 10


@pytest.mark.parametrize(
    ("arguments", "limits"),
    [
        ({}, (16 * 1024, 64 * 1024)),
        ({"high": 100}, (25, 100)),
        ({"low": 100}, (100, 400)),
        ({"high": 100, "low": 100}, (100, 100)),
        ({"high": 0}, (0, 0)),
    ],
)
def test_limits_of_what_is_kept(scene: Scene, arguments: dict[str, int], limits: tuple[int, int]) -> None:
    transport, _ = scene.connect(Recorder())
    assert transport.get_write_buffer_limits() == (16 * 1024, 64 * 1024)
    transport.set_write_buffer_limits(**arguments)
    assert transport.get_write_buffer_limits() == limits


@pytest.mark.parametrize("arguments", [{"high": 1, "low": 2}, {"high": -1}, {"low": -1}])
def test_limits_that_make_no_sense_are_refused(scene: Scene, arguments: dict[str, int]) -> None:
    transport, _ = scene.connect(Recorder())
    with pytest.raises(ValueError, match=r"^high \(.*\) must be >= low \(.*\) must be >= 0$"):
        transport.set_write_buffer_limits(**arguments)


def test_an_upper_limit_that_is_lowered_under_what_is_kept_pauses_at_once(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    transport.set_write_buffer_limits(high=2 * MEBIBYTE)
    fill(transport)
    assert protocol.names()[1:] == []
    transport.set_write_buffer_limits(high=10)
    assert protocol.names()[1:] == ["pause_writing"]
    scene.drain(peer)
    assert protocol.names()[1:] == ["pause_writing", "resume_writing"]


def test_a_limit_of_nothing_pauses_for_every_byte_that_is_kept(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    transport.set_write_buffer_limits(high=0)
    transport.write(b"taken at once")
    assert protocol.names()[1:] == []
    fill(transport)
    assert protocol.names()[1:] == ["pause_writing"]
    transport.write(b"more")
    assert protocol.names()[1:] == ["pause_writing"]
    scene.drain(peer)
    assert protocol.names()[1:] == ["pause_writing", "resume_writing"]


def test_lines_that_are_kept_pause_the_protocol_too(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    leave_out_asyncio(transport, (3, 12), (3, 14), "writelines() never pauses the protocol")
    transport.writelines([bytes(MEBIBYTE // 2)] * 2)
    assert protocol.names()[1:] == ["pause_writing"]
    scene.drain(peer)
    assert protocol.names()[1:] == ["pause_writing", "resume_writing"]


def test_a_protocol_may_write_when_it_is_resumed(scene: Scene) -> None:
    more = [b"again" * 40_000]
    protocol = Recorder(resume_writing=lambda it: more and it.transport.write(more.pop()))
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    assert scene.drain(peer) == data + b"again" * 40_000
    assert protocol.names()[1:3] == ["pause_writing", "resume_writing"]


def test_a_protocol_may_close_when_it_is_resumed_and_all_is_delivered(scene: Scene) -> None:
    protocol = Recorder(resume_writing=lambda it: it.transport.close())
    transport, peer = scene.connect(protocol)
    leave_out_asyncio(
        transport, (3, 11), (3, 14), "a close() in resume_writing() may end the connection twice"
    )
    transport.set_write_buffer_limits(high=0)  # It is resumed when all is sent.
    data = fill(transport)
    assert scene.drain(peer) == data
    assert protocol.notes[1:] == [("pause_writing",), ("resume_writing",), ("connection_lost", None)]
    assert scene.reports == []
    assert is_at_end(peer)


def test_a_protocol_may_abort_when_it_is_paused(scene: Scene) -> None:
    protocol = Recorder(pause_writing=lambda it: it.transport.abort())
    transport, peer = scene.connect(protocol)
    transport.write(bytes(MEBIBYTE))
    scene.settle()
    assert protocol.notes[1:] == [("pause_writing",), ("connection_lost", None)]
    available(peer)
    assert is_at_end(peer)


def test_a_peer_that_reads_no_more_ends_the_writing(scene: Scene) -> None:
    protocol = Recorder(eof_received=lambda _: True)
    transport, peer = scene.connect(protocol)
    peer.shutdown(socket.SHUT_RD)
    scene.settle()
    transport.write(b"hello")
    scene.settle()
    assert protocol.notes[1:] == [("connection_lost", BrokenPipeError)]
    assert scene.reports == []


def test_a_method_of_one_transport_may_be_replaced(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    written: list[bytes] = []
    transport.write = written.append
    transport.write(b"kept")
    del transport.write
    transport.write(b"sent")
    assert written == [b"kept"]
    assert available(peer) == b"sent"
