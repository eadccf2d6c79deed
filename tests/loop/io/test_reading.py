"""How a protocol gets what comes: all of it, in order, when it wants it, and until it closes."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.loop.io.protocols import BufferedRecorder, Recorder
from tests.loop.io.scenes import Scene, available, is_at_end

KINDS: list[type[Any]] = [Recorder, BufferedRecorder]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    """A protocol that gets bytes, then one that has them read into its buffer."""
    return request.param


def test_what_comes_before_connection_made_is_received_after_it(scene: Scene, kind: Any) -> None:
    near, peer = socket.socketpair()
    peer.send(b"early")
    peer.close()
    protocol = kind()
    scene.start(protocol, near)
    assert protocol.merged() == [
        ("connection_made",),
        ("data_received", b"early"),
        ("eof_received",),
        ("connection_lost", None),
    ]


def test_megabytes_come_in_order(scene: Scene, kind: Any) -> None:
    protocol = kind()
    _, peer = scene.connect(protocol)
    data = bytes(range(256)) * 4096
    left = memoryview(data)
    while left:
        left = left[peer.send(left[:100_000]) :]
        scene.settle()
    assert protocol.received() == data


def test_a_buffer_is_asked_for_each_read_and_filled_at_most(scene: Scene) -> None:
    protocol = BufferedRecorder()
    _, peer = scene.connect(protocol)
    peer.send(bytes(1000))
    scene.settle()
    sizes = [len(note[1]) for note in protocol.notes if note[0] == "data_received"]
    assert sum(sizes) == 1000
    assert max(sizes) == protocol.size
    assert protocol.size_hint == -1


def test_nothing_comes_while_reading_is_paused(scene: Scene, kind: Any) -> None:
    protocol = kind()
    transport, peer = scene.connect(protocol)
    assert transport.is_reading()
    transport.pause_reading()
    transport.pause_reading()
    assert not transport.is_reading()
    peer.send(b"hello")
    peer.close()
    scene.settle()
    assert protocol.names() == ["connection_made"]
    transport.resume_reading()
    transport.resume_reading()
    assert transport.is_reading()
    assert protocol.names() == ["connection_made"]
    scene.settle()
    assert protocol.merged()[1:] == [
        ("data_received", b"hello"),
        ("eof_received",),
        ("connection_lost", None),
    ]


def test_a_protocol_that_pauses_in_connection_made_gets_nothing_yet(scene: Scene, kind: Any) -> None:
    near, peer = socket.socketpair()
    scene.adopt(peer).send(b"early")
    protocol = kind(connection_made=lambda it: it.transport.pause_reading())
    transport = scene.start(protocol, near)
    assert protocol.names() == ["connection_made"]
    transport.resume_reading()
    scene.settle()
    assert protocol.received() == b"early"


def test_a_protocol_that_pauses_in_data_received_gets_nothing_more_until_it_resumes(scene: Scene) -> None:
    protocol = Recorder(data_received=lambda it: it.transport.pause_reading())
    transport, peer = scene.connect(protocol)
    data = bytes(range(256)) * 600
    assert peer.send(data) == len(data)
    peer.shutdown(socket.SHUT_WR)
    reads = 0
    while protocol.received() != data:
        scene.settle()
        reads += 1
        assert protocol.names()[1:] == ["data_received"] * reads
        transport.resume_reading()
    scene.settle()
    assert protocol.names()[-2:] == ["eof_received", "connection_lost"]


def test_a_buffered_protocol_that_pauses_gets_one_buffer_at_a_time(scene: Scene) -> None:
    protocol = BufferedRecorder(buffer_updated=lambda it: it.transport.pause_reading())
    transport, peer = scene.connect(protocol)
    peer.send(bytes(range(200)))
    for reads in range(1, 5):
        scene.settle()
        assert protocol.received() == bytes(range(min(200, 64 * reads)))
        transport.resume_reading()


def test_pausing_and_resuming_in_data_received_changes_nothing(scene: Scene) -> None:
    def pause_and_resume(protocol: Recorder) -> None:
        protocol.transport.pause_reading()
        protocol.transport.resume_reading()

    protocol = Recorder(data_received=pause_and_resume)
    _, peer = scene.connect(protocol)
    for piece in (b"one", b"two"):
        peer.send(piece)
        scene.settle()
    assert protocol.notes[1:] == [("data_received", b"one"), ("data_received", b"two")]


def test_what_was_ready_when_reading_was_paused_is_not_read(scene: Scene) -> None:
    """The pause comes between the poll and the callback for what it found."""
    first, second = Recorder(), Recorder()
    (one, peer_of_one), (two, peer_of_two) = scene.connect(first), scene.connect(second)
    first.reactions["data_received"] = lambda _: two.pause_reading()
    second.reactions["data_received"] = lambda _: one.pause_reading()
    peer_of_one.send(b"hello")
    peer_of_two.send(b"hello")
    scene.settle()
    assert sorted(first.received() + second.received()) == sorted(b"hello")
    one.resume_reading()
    two.resume_reading()
    scene.settle()
    assert sorted(first.received() + second.received()) == sorted(b"hello" * 2)


@pytest.mark.parametrize("end", ["close", "abort"])
def test_nothing_comes_after_a_close_in_data_received(scene: Scene, kind: Any, end: str) -> None:
    def close(protocol: Any) -> None:
        getattr(protocol.transport, end)()

    protocol = kind(data_received=close, buffer_updated=close)
    transport, peer = scene.connect(protocol)
    peer.send(bytes(300_000)[:100_000])
    peer.shutdown(socket.SHUT_WR)
    scene.settle()
    assert protocol.names() == ["connection_made", "data_received", "connection_lost"]
    assert protocol.notes[-1] == ("connection_lost", None)
    assert transport.is_closing()


def test_an_answer_before_close_in_data_received_is_delivered(scene: Scene) -> None:
    def answer(protocol: Recorder) -> None:
        protocol.transport.write(b"bye" * 200_000)
        protocol.transport.close()

    _, peer = scene.connect(Recorder(data_received=answer))
    peer.send(b"hello")
    assert scene.drain(peer) == b"bye" * 200_000
    assert is_at_end(peer)


def test_a_protocol_that_closes_in_connection_made_gets_nothing(scene: Scene, kind: Any) -> None:
    near, peer = socket.socketpair()
    scene.adopt(peer).send(b"early")
    protocol = kind(connection_made=lambda it: it.transport.close())
    scene.start(protocol, near)
    assert protocol.notes == [("connection_made",), ("connection_lost", None)]


# Half-open connections


@pytest.mark.parametrize("answer", [None, False, 0, ""])
def test_the_peers_end_closes_the_connection(scene: Scene, kind: Any, answer: object) -> None:
    protocol = kind(eof_received=lambda _: answer)
    transport, peer = scene.connect(protocol)
    peer.send(b"last")
    peer.shutdown(socket.SHUT_WR)
    scene.settle()
    assert protocol.merged()[1:] == [("data_received", b"last"), ("eof_received",), ("connection_lost", None)]
    assert transport.is_closing()
    assert is_at_end(peer)


def test_the_peers_end_closes_the_connection_when_all_is_sent(scene: Scene) -> None:
    protocol = Recorder(eof_received=lambda it: it.transport.write(bytes(1_000_000)))
    _, peer = scene.connect(protocol)
    peer.shutdown(socket.SHUT_WR)
    assert len(scene.drain(peer)) == 1_000_000
    assert protocol.names()[-1] == "connection_lost"
    assert is_at_end(peer)


@pytest.mark.parametrize("answer", [True, 1, "yes"])
def test_a_protocol_that_keeps_a_half_open_connection_writes_on(
    scene: Scene, kind: Any, answer: object
) -> None:
    protocol = kind(eof_received=lambda _: answer)
    transport, peer = scene.connect(protocol)
    peer.shutdown(socket.SHUT_WR)
    scene.settle()
    assert protocol.notes[1:] == [("eof_received",)]
    assert not transport.is_closing()
    assert transport.is_reading()
    transport.write(b"still here" * 50_000)
    assert scene.drain(peer) == b"still here" * 50_000
    transport.close()
    scene.settle()
    assert protocol.names()[-1] == "connection_lost"
    assert protocol.names().count("eof_received") == 1


def test_both_ends_half_closed_leave_the_connection_to_the_protocol(scene: Scene) -> None:
    protocol = Recorder(eof_received=lambda _: True)
    transport, peer = scene.connect(protocol)
    transport.write_eof()
    peer.shutdown(socket.SHUT_WR)
    scene.settle()
    assert protocol.names() == ["connection_made", "eof_received"]
    assert not transport.is_closing()
    transport.close()
    scene.settle()
    assert protocol.notes[-1] == ("connection_lost", None)


def test_resuming_a_half_open_connection_after_a_pause_tells_of_its_end_again(scene: Scene) -> None:
    protocol = Recorder(eof_received=lambda _: True)
    transport, peer = scene.connect(protocol)
    peer.shutdown(socket.SHUT_WR)
    scene.settle()
    transport.pause_reading()
    transport.resume_reading()
    scene.settle()
    assert protocol.names() == ["connection_made", "eof_received", "eof_received"]


# Another protocol in mid-stream


@pytest.mark.parametrize("new_kind", KINDS)
def test_a_new_protocol_gets_what_comes_from_now_on(scene: Scene, kind: Any, new_kind: Any) -> None:
    old, new = kind(), new_kind()
    scene.protocols.append(new)
    transport, peer = scene.connect(old)
    peer.send(b"old")
    scene.settle()
    transport.set_protocol(new)
    assert transport.get_protocol() is new
    peer.send(b"new")
    scene.settle()
    peer.close()
    scene.settle()
    assert old.merged() == [("connection_made",), ("data_received", b"old")]
    assert new.merged() == [("data_received", b"new"), ("eof_received",), ("connection_lost", None)]


@pytest.mark.parametrize("new_kind", KINDS)
def test_a_protocol_that_hands_over_while_it_receives_loses_nothing(
    scene: Scene, kind: Any, new_kind: Any
) -> None:
    new = new_kind()
    scene.protocols.append(new)

    def hand_over(protocol: Any) -> None:
        protocol.transport.set_protocol(new)

    old = kind(data_received=hand_over, buffer_updated=hand_over)
    _, peer = scene.connect(old)
    data = bytes(range(256)) * 500
    peer.send(data)
    peer.close()
    scene.settle()
    assert old.names() == ["connection_made", "data_received"]
    assert old.received() + new.received() == data
    assert new.names()[-2:] == ["eof_received", "connection_lost"]


def test_a_new_protocol_is_paused_and_resumed_in_place_of_the_old(scene: Scene) -> None:
    old, new = Recorder(), Recorder()
    transport, peer = scene.connect(old)
    transport.write(bytes(1 << 20))
    transport.set_protocol(new)
    scene.drain(peer)
    assert old.names() == ["connection_made", "pause_writing"]
    assert new.names() == ["resume_writing"]


def test_several_connections_are_read_in_turns(scene: Scene) -> None:
    """One that always has more to read does not starve the others."""
    greedy = Recorder()
    modest = Recorder(data_received=lambda it: it.transport.write(b"answer"))
    (_, flood), (_, peer) = scene.connect(greedy), scene.connect(modest)
    peer.send(b"question")
    rounds = 0
    while not (answer := available(peer)):
        flood.send(bytes(100_000))
        scene.round()
        rounds += 1
        assert rounds < 4
    assert answer == b"answer"
