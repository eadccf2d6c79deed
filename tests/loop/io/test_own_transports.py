"""What is our transports' own: how much they read and when, what they keep of what is written, what they know.

What uses the fixture `scene` is true of asyncio's loop too; `ours` is a scene on our loop alone.
"""

from __future__ import annotations

import array
import asyncio
import errno
import socket
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from coroscope.loop.transports.stream import LARGE_READ_SIZE, READ_SIZE
from tests.loop.io.faulty_sockets import FaultyDatagramSocket, FaultySocket
from tests.loop.io.protocols import BufferedRecorder, DatagramRecorder, Recorder, raising
from tests.loop.io.scenes import Scene, available, datagram_pair, fill, is_at_end, reset, tcp_pair

KINDS: list[type[Any]] = [Recorder, BufferedRecorder]


def is_prompt(sock: Any) -> bool:
    """Whether small writes are sent without waiting for an acknowledgement."""
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


# Connections


def test_whoever_is_accepted_by_a_listener_of_the_default_protocol_is_answered_promptly(ours: Scene) -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    assert listener.proto == 0
    listener.bind(("127.0.0.1", 0))
    protocol = Recorder()
    ours.servers.append(ours.run(ours.loop.create_server(lambda: protocol, sock=listener)))
    ours.call(listener.getsockname())
    ours.run_until(lambda: protocol.notes)
    assert is_prompt(protocol.transport.get_extra_info("socket"))


def test_whoever_connects_with_a_socket_of_the_default_protocol_writes_promptly(ours: Scene) -> None:
    near, peer = tcp_pair()
    ours.adopt(peer)
    assert near.proto in (0, socket.IPPROTO_TCP)
    assert is_prompt(ours.start(Recorder(), near).get_extra_info("socket"))


@pytest.mark.parametrize("end", ["close", "abort", "reset", "eof"])
def test_what_nobody_asked_while_it_was_open_is_known_after_the_end(scene: Scene, end: str) -> None:
    near, peer = tcp_pair()
    scene.adopt(peer)
    here, there = near.getsockname(), near.getpeername()
    protocol = Recorder()
    transport = scene.start(protocol, near)
    if end == "reset":
        reset(peer)
    elif end == "eof":
        peer.close()
    else:
        getattr(transport, end)()
    scene.run_until(protocol.has_ended)
    scene.settle()
    assert transport.get_extra_info("sockname") == here
    assert transport.get_extra_info("peername") == there
    assert transport.get_extra_info("socket").fileno() == -1


def test_of_datagrams_too_the_addresses_are_known_after_the_end(scene: Scene) -> None:
    near, peer = datagram_pair()
    scene.adopt(peer)
    here, there = near.getsockname(), near.getpeername()
    transport = scene.start_datagrams(DatagramRecorder(), near)
    transport.close()
    scene.settle()
    assert transport.get_extra_info("sockname") == here
    assert transport.get_extra_info("peername") == there
    assert transport.get_extra_info("socket").fileno() == -1


def test_in_connection_lost_everything_can_still_be_asked(scene: Scene) -> None:
    asked: list[Any] = []

    def ask(protocol: Recorder) -> None:
        transport = protocol.transport
        asked.append((transport.get_extra_info("sockname"), transport.get_extra_info("socket").fileno() >= 0))

    transport, peer = scene.connect_tcp(Recorder(connection_lost=ask))
    transport.close()
    here = peer.getpeername()
    scene.settle()
    assert asked == [(here, True)]


# Servers


@pytest.mark.parametrize("debug", [False, True])
def test_an_error_in_what_makes_the_protocol_closes_the_connection_at_once(ours: Scene, debug: bool) -> None:
    """asyncio leaves it to the garbage collector, which warns of an unclosed socket."""

    class Listener(socket.socket):
        def accept(self) -> Any:
            accepted.append(super().accept()[0])
            return accepted[-1], "somewhere"

    accepted: list[socket.socket] = []
    ours.loop.set_debug(debug)
    listener = Listener()
    listener.bind(("127.0.0.1", 0))
    ours.servers.append(ours.run(ours.loop.create_server(lambda: 1 / 0, sock=listener)))
    peer = ours.call(listener.getsockname())
    ours.run_until(lambda: accepted)
    assert accepted[0].fileno() == -1
    ours.run_until(lambda: is_at_end(peer))
    message = "Error on transport creation for incoming connection"
    assert ours.reports == ([(message, ZeroDivisionError)] if debug else [])


def test_an_error_in_the_making_of_a_transport_names_the_protocol_in_debug_mode(ours: Scene) -> None:
    class Listener(socket.socket):
        def accept(self) -> Any:
            connection, address = super().accept()
            return Broken.of(connection), address

    class Broken(FaultySocket):
        def setsockopt(self, *_: Any) -> None:
            raise OSError(errno.EINVAL, "broken")

    ours.loop.set_debug(True)
    listener = Listener()
    listener.bind(("127.0.0.1", 0))
    server = ours.run(ours.loop.create_server(Recorder, sock=listener))
    peer = ours.call(listener.getsockname())
    ours.run_until(lambda: is_at_end(peer))
    message = "Error on transport creation for incoming connection"
    assert ours.reports == [(message, OSError, "protocol")]
    server.close()
    ours.run(server.wait_closed())


def test_an_interruption_in_what_makes_the_protocol_leaves_the_loop_which_serves_on(scene: Scene) -> None:
    protocols: list[Recorder] = []

    def new_protocol() -> Recorder:
        if not protocols:
            protocols.append(Recorder())
            raise KeyboardInterrupt
        protocols.append(Recorder())
        return protocols[-1]

    _, address = scene.serve(scene.loop.create_server, new_protocol)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        scene.call(address)
        with pytest.raises(KeyboardInterrupt):
            scene.run_until(lambda: protocols)
        scene.call(address).send(b"hello")
        scene.run_until(lambda: len(protocols) == 2 and protocols[1].received() == b"hello")


class FullListener(socket.socket):
    """Whoever calls cannot be accepted, while the process has no descriptor left."""

    is_full = True

    @classmethod
    def open(cls) -> FullListener:
        listener = cls()
        listener.bind(("127.0.0.1", 0))
        return listener

    def accept(self) -> tuple[socket.socket, Any]:
        if self.is_full:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


NO_DESCRIPTORS = ("socket.accept() out of system resource", OSError, "socket")


def test_a_listener_that_waits_for_descriptors_is_served_when_its_time_has_come(timeless: Scene) -> None:
    listener, protocol = FullListener.open(), Recorder()
    timeless.servers.append(
        timeless.run(timeless.loop.create_server(lambda: protocol, sock=listener, backlog=1))
    )
    timeless.call(listener.getsockname())
    timeless.run_until(lambda: timeless.reports)
    assert timeless.reports == [NO_DESCRIPTORS]
    timeless.settle()
    assert timeless.reports == [NO_DESCRIPTORS]
    timeless.run(asyncio.sleep(1.1))
    assert timeless.reports == [NO_DESCRIPTORS] * 2
    listener.is_full = False
    timeless.run(asyncio.sleep(1.1))
    assert protocol.notes == [("connection_made",)]


def test_a_listener_that_is_closed_while_it_waits_for_descriptors_is_not_served_again(
    timeless: Scene,
) -> None:
    listener = FullListener.open()
    server = timeless.run(timeless.loop.create_server(Recorder, sock=listener, backlog=1))
    timeless.call(listener.getsockname())
    timeless.run_until(lambda: timeless.reports)
    server.close()
    timeless.run(asyncio.sleep(5))
    assert timeless.reports == [NO_DESCRIPTORS]


# Reading


class MeteredSocket(FaultySocket):
    """Notes how many bytes it is asked for."""

    asked: list[int]

    def recv(self, size: int, *_: Any) -> bytes:
        self.asked.append(size)
        return super().recv(size)


def test_a_full_read_is_followed_by_larger_ones_and_little_data_by_a_small_one(ours: Scene) -> None:
    near, peer = socket.socketpair()
    for sock in (near, peer):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    metered = MeteredSocket.of(near)
    metered.asked = []
    protocol = Recorder()
    ours.start(protocol, metered)
    ours.adopt(peer)
    asked: list[tuple[int, ...]] = []
    for size in (1, READ_SIZE - 1, READ_SIZE, READ_SIZE, READ_SIZE // 2 + 1, READ_SIZE // 2, 1):
        assert peer.send(bytes(size)) == size
        metered.asked.clear()
        ours.settle()
        asked.append((size, *metered.asked))
    assert asked == [
        (1, READ_SIZE),
        (READ_SIZE - 1, READ_SIZE),
        (READ_SIZE, READ_SIZE),
        (READ_SIZE, LARGE_READ_SIZE),
        (READ_SIZE // 2 + 1, LARGE_READ_SIZE),
        (READ_SIZE // 2, LARGE_READ_SIZE),
        (1, READ_SIZE),
    ]


def in_the_batch_of_its_event(scene: Scene, peer: socket.socket, function: Callable[[], object]) -> None:
    """Send something, and call `function` when the poller has found it, but before it is read.

    What is ready already runs before what the poll of its round finds.
    """
    peer.send(b"hello")
    scene.loop.call_soon(function)
    scene.round()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("new_kind", KINDS)
def test_what_has_been_found_already_goes_to_the_new_protocol(
    scene: Scene, kind: type[Any], new_kind: type[Any]
) -> None:
    old, new = kind(), new_kind()
    transport, peer = scene.connect(old)
    in_the_batch_of_its_event(scene, peer, lambda: transport.set_protocol(new))
    assert new.notes == [("data_received", b"hello")]
    assert old.notes == [("connection_made",)]
    transport.set_protocol(old)
    peer.send(b"again")
    scene.settle()
    assert old.received() == b"again"
    transport.abort()


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_been_found_already_is_not_read_after_a_pause(scene: Scene, kind: type[Any]) -> None:
    protocol = kind()
    transport, peer = scene.connect(protocol)
    in_the_batch_of_its_event(scene, peer, transport.pause_reading)
    scene.settle()
    assert protocol.notes == [("connection_made",)]
    transport.resume_reading()
    scene.settle()
    assert protocol.received() == b"hello"


@pytest.mark.parametrize("new_kind", KINDS)
def test_what_has_been_found_already_goes_to_who_came_in_a_pause_when_it_is_over(
    scene: Scene, new_kind: type[Any]
) -> None:
    transport, peer = scene.connect(Recorder())
    new = new_kind()
    scene.protocols.append(new)

    def hand_over_paused() -> None:
        transport.pause_reading()
        transport.set_protocol(new)
        transport.resume_reading()

    in_the_batch_of_its_event(scene, peer, hand_over_paused)
    scene.settle()
    assert new.notes == [("data_received", b"hello")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["close", "abort"])
def test_what_has_been_found_already_is_not_read_after_the_end(
    scene: Scene, kind: type[Any], end: str
) -> None:
    protocol = kind()
    transport, peer = scene.connect(protocol)
    in_the_batch_of_its_event(scene, peer, getattr(transport, end))
    scene.settle()
    assert protocol.notes == [("connection_made",), ("connection_lost", None)]


def test_a_datagram_that_has_been_found_already_is_not_read_after_a_pause(scene: Scene) -> None:
    near, peer = datagram_pair()
    protocol = DatagramRecorder()
    transport = scene.start_datagrams(protocol, near)
    scene.adopt(peer)
    in_the_batch_of_its_event(scene, peer, transport.pause_reading)
    scene.settle()
    assert protocol.notes == [("connection_made",)]
    transport.resume_reading()
    scene.settle()
    assert protocol.notes[1:] == [("datagram_received", b"hello")]


def test_room_that_has_been_found_already_is_not_written_to_after_an_abort(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    fill(transport)
    before = available(peer)
    scene.loop.call_soon(transport.abort)
    scene.round()
    scene.settle()
    assert before
    assert available(peer) == b""
    assert protocol.notes[-1] == ("connection_lost", None)


def test_room_for_datagrams_that_has_been_found_already_is_not_used_after_an_abort(scene: Scene) -> None:
    near, peer = datagram_pair()
    protocol = DatagramRecorder()
    transport = scene.start_datagrams(protocol, near)
    scene.adopt(peer)
    while not transport.get_write_buffer_size():
        transport.sendto(b"hello")
    peer.recv(10)
    scene.loop.call_soon(transport.abort)
    scene.settle()
    assert scene.reports == []
    assert protocol.notes == [("connection_made",), ("connection_lost", None)]


def test_an_interruption_in_data_received_does_not_lose_what_was_found_with_it(scene: Scene) -> None:
    protocols = [Recorder(data_received=raising(KeyboardInterrupt)) for _ in range(3)]
    peers = [scene.connect(protocol)[1] for protocol in protocols]
    for peer in peers:
        peer.send(b"hello")
    for _ in protocols:
        with pytest.raises(KeyboardInterrupt):
            scene.loop.run_forever()
    for protocol in protocols:
        assert protocol.received() == b"hello"
        protocol.reactions.clear()
    peers[0].send(b"again")
    scene.settle()
    assert protocols[0].received() == b"helloagain"


# Writing

PIECES: dict[str, Callable[[bytearray], Any]] = {
    "bytearray": lambda data: data,
    "memoryview": memoryview,
    "part of a memoryview": lambda data: memoryview(data)[1:],
    "memoryview of numbers": lambda data: memoryview(data).cast("I"),
}


@pytest.mark.parametrize("method", ["write", "writelines", "write behind what is unsent"])
@pytest.mark.parametrize("piece", PIECES)
def test_a_buffer_may_be_changed_as_soon_as_it_is_written(ours: Scene, method: str, piece: str) -> None:
    transport, peer = ours.connect(Recorder())
    data = bytearray(range(256)) * 4096
    written = PIECES[piece](data)
    expected = bytes(written)
    if method == "writelines":
        transport.writelines([b"first", written])
        expected = b"first" + expected
    else:
        expected = (fill(transport) if "behind" in method else b"") + expected
        transport.write(written)
    assert transport.get_write_buffer_size() > 0
    data[:] = bytes(len(data))
    assert ours.drain(peer) == expected


@pytest.mark.parametrize("taken", [1, 3, 4, 5, 16])
def test_numbers_are_sent_to_their_last_byte(ours: Scene, taken: int) -> None:
    """A memoryview's length is in its elements, and what the socket takes is in bytes."""
    near, peer = socket.socketpair()
    faulty = FaultySocket.of(near)
    transport = ours.start(Recorder(), faulty)
    ours.adopt(peer)
    numbers = memoryview(array.array("I", [1, 2, 3, 4]))
    faulty.faults[:] = [taken]
    transport.write(numbers)
    assert ours.drain(peer) == bytes(numbers)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_the_buffer_of_a_datagram_may_be_changed_as_soon_as_it_is_sent(ours: Scene, kind: Any) -> None:
    near, peer = datagram_pair()
    faulty = FaultyDatagramSocket.of(near)
    transport = ours.start_datagrams(DatagramRecorder(), faulty)
    ours.adopt(peer)
    data = bytearray(b"hello")
    faulty.faults[:] = ["again"]
    transport.sendto(kind(data), peer.getsockname())
    assert transport.get_write_buffer_size() > 0
    data[:] = b"later"
    ours.settle()
    assert peer.recv(100) == b"hello"


# Datagrams


class Mailbox(FaultyDatagramSocket):
    """Holds letters, and can be read from all the time; notes how often it is asked for one."""

    letters: list[bytes]
    asked = 0

    def recvfrom(self, _size: int, *_: Any) -> tuple[bytes, Any]:
        self.asked += 1
        if not self.letters:
            raise BlockingIOError
        return self.letters.pop(0), "sender"


class Post:
    """A transport of a mailbox, before its first turn."""

    def __init__(self, scene: Scene) -> None:
        near, peer = datagram_pair()
        scene.adopt(peer)
        self.box: Any = Mailbox.of(near)
        self.box.letters = []
        self.protocol = DatagramRecorder()
        self.transport = scene.start_datagrams(self.protocol, self.box)
        self.scene = scene
        peer.send(b"the poller finds this one as long as nobody takes it")

    def turn(self, *letters: bytes) -> list[bytes]:
        """Let some more letters come; which are received in the next turn?"""
        self.box.letters += letters
        self.protocol.notes.clear()
        self.scene.round()
        return [note[1] for note in self.protocol.notes]


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_the_datagrams_that_have_come_are_received_in_one_turn_but_not_more_than_sixteen(ours: Scene) -> None:
    post = Post(ours)
    assert post.turn(*numbered(40)) == numbered(40)[:16]
    assert post.turn() == numbered(40)[16:32]
    assert post.turn() == numbered(40)[32:]
    assert post.turn() == []


def test_datagrams_that_come_one_by_one_are_not_looked_for_in_vain(ours: Scene) -> None:
    """But for the first turn, and one in eight, which find out whether more come by now."""
    post = Post(ours)
    for _ in range(16):
        assert post.turn(b"letter") == [b"letter"]
    assert post.box.asked == 16 + 2


def test_datagrams_that_begin_to_come_in_numbers_are_soon_received_in_numbers(ours: Scene) -> None:
    post = Post(ours)
    post.turn(b"only one")
    turns, received = 0, post.turn(*numbered(30))
    while post.box.letters:
        turns += 1
        received += post.turn()
    assert received == numbered(30)
    assert turns < 10


def test_a_protocol_that_pauses_in_mid_turn_gets_no_more_datagrams(scene: Scene) -> None:
    near, peer = datagram_pair()
    protocol = DatagramRecorder(datagram_received=lambda it: it.transport.pause_reading())
    transport = scene.start_datagrams(protocol, near)
    scene.adopt(peer)
    for letter in numbered(3):
        peer.send(letter)
    for count in range(1, 4):
        scene.settle()
        assert [note[1] for note in protocol.notes[1:]] == numbered(count)
        transport.resume_reading()
