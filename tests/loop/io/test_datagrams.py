"""Datagrams: whole, in order, with the errors that the kernel brings back."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.loop.io.protocols import DatagramRecorder
from tests.loop.io.scenes import Scene, datagram_pair, leave_out_asyncio


def connect(scene: Scene, **reactions: Any) -> tuple[DatagramRecorder, Any, socket.socket]:
    protocol = DatagramRecorder(**reactions)
    near, peer = datagram_pair()
    return protocol, scene.start_datagrams(protocol, near), scene.adopt(peer)


def every_datagram(scene: Scene, peer: socket.socket) -> list[bytes]:
    """What comes until nothing more does, one by one."""
    received = []
    while True:
        scene.settle()
        try:
            received.append(peer.recv(1 << 17))
        except BlockingIOError:
            return received


def test_datagrams_come_whole_and_with_their_senders(scene: Scene) -> None:
    senders = []

    class Protocol(DatagramRecorder):
        def datagram_received(self, data: bytes, sender: Any) -> None:
            senders.append(sender)
            super().datagram_received(data, sender)

    near, peer = datagram_pair()
    protocol = Protocol()
    scene.start_datagrams(protocol, near)
    scene.adopt(peer)
    for data in (b"one", b"", b"three" * 10_000):
        peer.send(data)
    scene.settle()
    assert [note[1] for note in protocol.notes[1:]] == [b"one", b"", b"three" * 10_000]
    assert senders == [peer.getsockname()] * 3


def test_a_datagram_of_a_unix_socket_may_be_larger_than_those_of_ip(scene: Scene) -> None:
    protocol, _, peer = connect(scene)
    peer.send(bytes(100_000))
    scene.settle()
    assert [len(note[1]) for note in protocol.notes[1:]] == [100_000]


def test_datagrams_that_the_kernel_does_not_take_are_kept_in_order(scene: Scene) -> None:
    protocol, transport, peer = connect(scene)
    sent = [b"%d" % number * 1000 for number in range(1000)]
    for data in sent:
        transport.sendto(bytearray(data))
    assert protocol.names()[1:] == ["pause_writing"]
    assert every_datagram(scene, peer) == sent
    assert protocol.names()[1:] == ["pause_writing", "resume_writing"]


def test_nothing_is_left_in_the_buffers_size_when_all_is_sent(scene: Scene) -> None:
    _, transport, peer = connect(scene)
    leave_out_asyncio(
        transport, (3, 12), (3, 14), "8 bytes of each datagram that had to wait stay in the size"
    )
    for _ in range(100):
        transport.sendto(bytes(1000))
    assert transport.get_write_buffer_size() > 0
    every_datagram(scene, peer)
    assert transport.get_write_buffer_size() == 0


@pytest.mark.parametrize("data", ["text", None, 7])
def test_only_bytes_can_be_sent(scene: Scene, data: Any) -> None:
    _, transport, peer = connect(scene)
    with pytest.raises(TypeError, match=f"^data argument must be .*bytes.*, not '{type(data).__name__}'$"):
        transport.sendto(data)
    assert every_datagram(scene, peer) == []


def test_a_refused_datagram_is_an_error_received_and_the_transport_lives(scene: Scene) -> None:
    protocol, transport, peer = connect(scene)
    peer.close()
    transport.sendto(b"hello")
    assert protocol.notes[1:] == [("error_received", ConnectionRefusedError)]
    assert not transport.is_closing()
    assert scene.reports == []


def test_a_refused_datagram_that_had_to_wait_is_an_error_received_and_so_are_the_rest(scene: Scene) -> None:
    protocol, transport, peer = connect(scene)
    for _ in range(300):
        transport.sendto(bytes(4000))
    waiting = transport.get_write_buffer_size() // 4000
    assert waiting
    peer.close()
    scene.settle()
    errors = [note[1] for note in protocol.notes if note[0] == "error_received"]
    assert errors == [ConnectionRefusedError] + [OSError] * (
        waiting - 1
    )  # Then it is not connected any more.
    assert not transport.is_closing()


def test_the_error_that_comes_back_from_a_closed_port_is_received(scene: Scene) -> None:
    """ICMP says that nobody listens; the next call on the socket gets to know."""
    near, gone = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    gone.bind(("127.0.0.1", 0))
    near.connect(gone.getsockname())
    gone.close()
    protocol = DatagramRecorder()
    transport = scene.start_datagrams(protocol, near)
    transport.sendto(b"hello")
    scene.run_until(lambda: len(protocol.notes) > 1)
    assert protocol.notes[1:] == [("error_received", ConnectionRefusedError)]
    assert not transport.is_closing()
    assert scene.reports == []


def test_a_datagram_that_is_too_long_is_an_error_received(scene: Scene) -> None:
    near, peer = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    scene.adopt(peer).bind(("127.0.0.1", 0))
    protocol = DatagramRecorder()
    transport = scene.start_datagrams(protocol, near)
    transport.sendto(bytes(100_000), peer.getsockname())
    assert protocol.notes[1:] == [("error_received", OSError)]
    transport.sendto(b"short", peer.getsockname())
    scene.run_until(lambda: available_datagram(peer) == b"short")


def available_datagram(peer: socket.socket) -> bytes:
    try:
        return peer.recv(1 << 17)
    except BlockingIOError:
        return b""


def test_close_delivers_the_datagrams_that_wait_and_abort_does_not(scene: Scene) -> None:
    for end in ("close", "abort"):
        protocol, transport, peer = connect(scene)
        sent = [b"%d" % number * 1000 for number in range(300)]
        for data in sent:
            transport.sendto(data)
        assert transport.get_write_buffer_size()
        getattr(transport, end)()
        assert transport.is_closing()
        received = every_datagram(scene, peer)
        assert protocol.notes[-1] == ("connection_lost", None)
        assert received == sent[: len(received)]
        assert (len(received) == len(sent)) is (end == "close")


def test_nothing_is_received_after_close(scene: Scene) -> None:
    protocol, _, peer = connect(scene, datagram_received=lambda it: it.transport.close())
    for _ in range(3):
        peer.send(b"hello")
    scene.settle()
    assert protocol.notes[1:] == [("datagram_received", b"hello"), ("connection_lost", None)]


def test_a_connected_endpoint_refuses_another_address(scene: Scene) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        transport, _ = scene.run(
            scene.loop.create_datagram_endpoint(DatagramRecorder, remote_addr=peer.getsockname())
        )
        with pytest.raises(ValueError, match=r"^Invalid address: must be None or \('127.0.0.1', "):
            transport.sendto(b"hello", ("127.0.0.1", 1))
        transport.sendto(b"hello", peer.getsockname())
        assert peer.recv(10) == b"hello"
        transport.close()
        scene.settle()


def test_a_paused_reader_of_datagrams_gets_none(scene: Scene) -> None:
    protocol, transport, peer = connect(scene)
    transport.pause_reading()
    peer.send(b"hello")
    scene.settle()
    assert protocol.notes[1:] == []
    transport.resume_reading()
    scene.settle()
    assert protocol.notes[1:] == [("datagram_received", b"hello")]


def test_an_unnamed_peer_cannot_be_sent_to(scene: Scene) -> None:
    """The peer's name is empty, which asyncio takes for none, so that an address would be needed."""
    near, peer = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    protocol = DatagramRecorder()
    transport = scene.start_datagrams(protocol, near)
    scene.adopt(peer)
    transport.sendto(b"hello")
    scene.settle()
    assert scene.reports == [("Fatal write error on datagram transport", TypeError, "protocol", "transport")]
    assert protocol.notes[1:] == [("connection_lost", TypeError)]


def test_streams_are_no_datagrams(scene: Scene) -> None:
    near, peer = socket.socketpair()
    with near, peer, pytest.raises(ValueError, match=r"^A (UDP|datagram) [sS]ocket was expected, got "):
        scene.run(scene.loop.create_datagram_endpoint(DatagramRecorder, sock=near))
