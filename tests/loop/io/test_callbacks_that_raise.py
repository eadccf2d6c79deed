"""Protocols that raise in one of their callbacks: who is told, and what becomes of the connection."""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import Any

import pytest

from tests.loop.io.protocols import BufferedRecorder, DatagramRecorder, Recorder, raising
from tests.loop.io.scenes import Scene, available, datagram_pair, fill, is_at_end

FATAL = ("protocol", "transport")
KINDS: list[type[Any]] = [Recorder, BufferedRecorder]


def with_error(message: str, error: type[BaseException] = ValueError) -> list[tuple[Any, ...]]:
    """The report of an error that costs the connection."""
    return [(message, error, *FATAL)]


IN_CALLBACK = ("Exception in callback", ValueError, "handle")
"""The report of an error that the transport does not catch: the loop does, as that of any callback."""


def test_an_error_in_connection_made_is_reported_and_the_connection_lives(scene: Scene) -> None:
    protocol = Recorder(connection_made=raising(ValueError))
    transport, peer = scene.connect(protocol)
    assert scene.reports == [IN_CALLBACK]
    assert not transport.is_closing()
    peer.send(b"hello")
    scene.settle()
    assert protocol.notes == [("connection_made",), ("data_received", b"hello")]


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, GeneratorExit, RecursionError])
def test_an_error_in_data_received_costs_the_connection(scene: Scene, error: type[BaseException]) -> None:
    protocol = Recorder(data_received=raising(error))
    transport, peer = scene.connect(protocol)
    peer.send(b"hello")
    scene.settle()
    assert scene.reports == with_error("Fatal error: protocol.data_received() call failed.", error)
    assert protocol.notes[1:] == [("data_received", b"hello"), ("connection_lost", error)]
    assert transport.is_closing()
    assert is_at_end(peer)


@pytest.mark.parametrize("error", [OSError, FileNotFoundError, ConnectionResetError, TimeoutError])
def test_an_operating_systems_error_in_data_received_costs_the_connection_without_a_report(
    scene: Scene, error: type[OSError]
) -> None:
    protocol = Recorder(data_received=raising(error))
    _, peer = scene.connect(protocol)
    peer.send(b"hello")
    scene.settle()
    assert scene.reports == []
    assert protocol.notes[-1] == ("connection_lost", error)


def test_an_operating_systems_error_in_data_received_is_logged_in_debug_mode(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.loop.set_debug(True)
    _, peer = scene.connect(Recorder(data_received=raising(FileNotFoundError)))
    peer.send(b"hello")
    with caplog.at_level("DEBUG", "asyncio"):
        scene.settle()
    [record] = [record for record in caplog.records if "call failed" in record.getMessage()]
    assert record.getMessage().endswith(": Fatal error: protocol.data_received() call failed.")
    assert record.exc_info is not None
    assert record.exc_info[0] is FileNotFoundError


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("callback", ["data_received", "eof_received"])
def test_an_interruption_in_a_callback_leaves_the_loop_and_the_connection_lives(
    scene: Scene, callback: str, error: type[BaseException]
) -> None:
    protocol = Recorder(**{callback: raising(error)})
    transport, peer = scene.connect(protocol)
    peer.send(b"one") if callback == "data_received" else peer.shutdown(socket.SHUT_WR)
    with pytest.raises(error):
        scene.settle()
    assert not transport.is_closing()
    assert scene.reports == []
    protocol.reactions.clear()
    peer.send(b"two") if callback == "data_received" else None
    scene.settle()
    assert protocol.names() == (
        ["connection_made", callback, callback]
        if callback == "data_received"
        else ["connection_made", callback, callback, "connection_lost"]
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("callback", ["get_buffer", "buffer_updated"])
def test_an_interruption_in_a_buffered_protocol_leaves_the_loop_and_the_connection_lives(
    scene: Scene, callback: str, error: type[BaseException]
) -> None:
    protocol = BufferedRecorder(**{callback: raising(error)})
    transport, peer = scene.connect(protocol)
    peer.send(b"one")
    with pytest.raises(error):
        scene.settle()
    assert not transport.is_closing()
    protocol.reactions.clear()
    scene.settle()
    assert protocol.received() == b"one"


@pytest.mark.parametrize("callback", ["get_buffer", "buffer_updated"])
def test_an_error_of_a_buffered_protocol_costs_the_connection(scene: Scene, callback: str) -> None:
    protocol = BufferedRecorder(**{callback: raising(ValueError)})
    _, peer = scene.connect(protocol)
    peer.send(b"hello")
    scene.settle()
    assert scene.reports == with_error(f"Fatal error: protocol.{callback}() call failed.")
    assert protocol.notes[-1] == ("connection_lost", ValueError)


@pytest.mark.parametrize(
    ("buffer", "message", "error"),
    [
        (bytearray(), "Fatal error: protocol.get_buffer() call failed.", RuntimeError),
        (None, "Fatal error: protocol.get_buffer() call failed.", TypeError),
        (b"read only", "Fatal read error on socket transport", TypeError),
        ("text", "Fatal read error on socket transport", TypeError),
    ],
)
def test_what_cannot_be_read_into_costs_the_connection(
    scene: Scene, buffer: Any, message: str, error: type[BaseException]
) -> None:
    protocol = BufferedRecorder(get_buffer=lambda _: buffer)
    _, peer = scene.connect(protocol)
    peer.send(b"hello")
    scene.settle()
    assert scene.reports == with_error(message, error)
    assert protocol.notes[1:] == [("connection_lost", error)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_in_eof_received_costs_the_connection(scene: Scene, kind: type[Any]) -> None:
    protocol = kind(eof_received=raising(ValueError))
    _, peer = scene.connect(protocol)
    peer.shutdown(socket.SHUT_WR)
    scene.settle()
    assert scene.reports == with_error("Fatal error: protocol.eof_received() call failed.")
    assert protocol.notes[1:] == [("eof_received",), ("connection_lost", ValueError)]


def test_an_error_in_a_callback_throws_away_what_is_unsent(scene: Scene) -> None:
    protocol = Recorder(data_received=raising(ValueError))
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    peer.send(b"hello")
    scene.settle()
    assert protocol.names()[1:] == ["pause_writing", "data_received", "connection_lost"]
    assert len(available(peer)) < len(data)


def test_an_error_in_pause_writing_is_reported_and_all_is_sent(scene: Scene) -> None:
    protocol = Recorder(pause_writing=raising(ValueError))
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    assert scene.reports == with_error("protocol.pause_writing() failed")
    assert scene.drain(peer) == data
    assert protocol.names() == ["connection_made", "pause_writing", "resume_writing"]
    assert not transport.is_closing()


def test_an_error_in_resume_writing_is_reported_and_the_connection_lives(scene: Scene) -> None:
    protocol = Recorder(resume_writing=raising(ValueError))
    transport, peer = scene.connect(protocol)
    data = fill(transport)
    assert scene.drain(peer) == data
    assert scene.reports == with_error("protocol.resume_writing() failed")
    assert not transport.is_closing()
    fill(transport)
    assert protocol.names()[-1] == "pause_writing"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_in_pause_writing_comes_out_of_write(
    scene: Scene, error: type[BaseException]
) -> None:
    transport, peer = scene.connect(Recorder(pause_writing=raising(error)))
    with pytest.raises(error):
        fill(transport)
    assert len(scene.drain(peer)) == 1 << 20


def test_an_error_in_connection_lost_is_reported_and_the_socket_is_closed(scene: Scene) -> None:
    protocol = Recorder(connection_lost=raising(ValueError))
    transport, peer = scene.connect(protocol)
    transport.close()
    scene.settle()
    assert scene.reports == [IN_CALLBACK]
    assert is_at_end(peer)
    assert transport.get_extra_info("socket").fileno() == -1


def test_a_callback_that_raises_after_it_closed_is_reported_and_the_connection_ends_once(
    scene: Scene,
) -> None:
    def close_and_fail(protocol: Recorder) -> None:
        protocol.transport.close()
        raise ValueError

    protocol = Recorder(data_received=close_and_fail)
    _, peer = scene.connect(protocol)
    peer.send(b"hello")
    scene.settle()
    assert scene.reports == with_error("Fatal error: protocol.data_received() call failed.")
    assert protocol.notes[1:] == [("data_received", b"hello"), ("connection_lost", None)]


# Streams and servers


def test_an_error_in_the_coroutine_for_a_client_is_reported_and_its_connection_closed(scene: Scene) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"sorry")
        raise ValueError

    peer = scene.call(scene.serve(asyncio.start_server, answer)[1])
    scene.run_until(lambda: scene.reports)
    assert scene.reports == [("Unhandled exception in client_connected_cb", ValueError, "transport")]
    assert scene.receive(peer, 100) == b"sorry"


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_an_error_in_what_makes_the_protocol_drops_the_connection_without_a_report(scene: Scene) -> None:
    server, address = scene.serve(scene.loop.create_server, lambda: 1 / 0)
    peer = scene.call(address)
    scene.run_until(lambda: is_at_end(peer))
    assert scene.reports == []
    server.close()
    scene.run(server.wait_closed())


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_an_error_in_what_makes_the_protocol_is_reported_in_debug_mode(scene: Scene) -> None:
    scene.loop.set_debug(True)
    peer = scene.call(scene.serve(scene.loop.create_server, lambda: 1 / 0)[1])
    scene.run_until(lambda: scene.reports)
    assert scene.reports == [("Error on transport creation for incoming connection", ZeroDivisionError)]
    gc.collect()  # asyncio leaves the socket in a cycle with the error.
    scene.run_until(lambda: is_at_end(peer))


def test_an_error_in_what_makes_the_protocol_comes_out_of_create_connection(scene: Scene) -> None:
    near, peer = socket.socketpair()
    with near, peer, pytest.raises(ZeroDivisionError):
        scene.run(scene.loop.create_connection(lambda: 1 / 0, sock=near))


# Datagrams


def datagrams(scene: Scene, protocol: DatagramRecorder) -> tuple[Any, socket.socket]:
    near, peer = datagram_pair()
    return scene.start_datagrams(protocol, near), scene.adopt(peer)


def test_an_error_in_datagram_received_is_reported_and_the_next_datagram_comes(scene: Scene) -> None:
    protocol = DatagramRecorder(datagram_received=raising(ValueError))
    transport, peer = datagrams(scene, protocol)
    peer.send(b"one")
    scene.settle()
    peer.send(b"two")
    scene.settle()
    assert scene.reports == [IN_CALLBACK, IN_CALLBACK]
    assert protocol.notes[1:] == [("datagram_received", b"one"), ("datagram_received", b"two")]
    assert not transport.is_closing()


def test_an_error_in_error_received_comes_out_of_the_sendto_that_failed(scene: Scene) -> None:
    protocol = DatagramRecorder(error_received=raising(ValueError))
    transport, peer = datagrams(scene, protocol)
    peer.close()
    with pytest.raises(ValueError, match=r"^$"):
        transport.sendto(b"hello")
    assert protocol.notes[1:] == [("error_received", ConnectionRefusedError)]
    assert not transport.is_closing()


def test_an_error_in_the_connection_lost_of_datagrams_is_reported(scene: Scene) -> None:
    transport, _ = datagrams(scene, DatagramRecorder(connection_lost=raising(ValueError)))
    transport.close()
    scene.settle()
    assert scene.reports == [IN_CALLBACK]
    assert transport.get_extra_info("socket").fileno() == -1
