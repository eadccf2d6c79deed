"""Connections that break: reset by the peer, or closed under the transport."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import pytest

from tests.loop.io.protocols import BufferedRecorder, Recorder
from tests.loop.io.scenes import Scene, available, fill, is_at_end, reset

KINDS: list[type[Any]] = [Recorder, BufferedRecorder]


@pytest.mark.parametrize("kind", KINDS)
def test_a_reset_ends_the_connection_with_its_error_without_a_report(scene: Scene, kind: type[Any]) -> None:
    protocol = kind()
    _, peer = scene.connect_tcp(protocol)
    peer.send(b"hello")
    scene.run_until(protocol.received)
    reset(peer)
    scene.run_until(protocol.has_ended)
    assert protocol.merged()[1:] == [("data_received", b"hello"), ("connection_lost", ConnectionResetError)]
    assert scene.reports == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_reset_before_the_first_read_takes_what_was_sent_before_it(scene: Scene, kind: type[Any]) -> None:
    protocol = kind()
    transport, peer = scene.connect_tcp(protocol)
    transport.pause_reading()
    peer.send(b"hello")
    reset(peer)
    transport.resume_reading()
    scene.run_until(protocol.has_ended)
    assert protocol.notes[-1] == ("connection_lost", ConnectionResetError)


def test_a_reset_with_much_unsent_ends_the_connection(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect_tcp(protocol)
    fill(transport, 1 << 24)
    reset(peer)
    scene.run_until(protocol.has_ended)
    assert protocol.names() == ["connection_made", "pause_writing", "connection_lost"]
    assert protocol.notes[-1][1] in (ConnectionResetError, BrokenPipeError)
    assert transport.get_write_buffer_size() == 0
    assert scene.reports == []


def test_a_reset_that_only_a_write_finds_ends_the_connection(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect_tcp(protocol)
    transport.pause_reading()
    reset(peer)
    write_until_closing(scene, transport)
    scene.settle()
    assert protocol.names() == ["connection_made", "connection_lost"]
    assert protocol.notes[-1][1] in (ConnectionResetError, BrokenPipeError)


def is_connected(sock: Any) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def write_until_closing(scene: Scene, transport: Any) -> None:
    def write() -> Any:
        transport.write(b"hello")
        return transport.is_closing()

    scene.run_until(write)


def test_a_failed_write_does_not_raise(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    transport.pause_reading()
    peer.close()
    transport.write(b"hello")
    assert transport.is_closing()
    assert protocol.names() == ["connection_made"]
    transport.write(b"hello")
    scene.settle()
    assert protocol.notes[1:] == [("connection_lost", BrokenPipeError)]
    assert scene.reports == []


def test_a_failed_write_behind_what_is_unsent_ends_the_connection(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    transport.pause_reading()
    fill(transport)
    peer.close()
    scene.settle()
    assert protocol.names() == ["connection_made", "pause_writing", "connection_lost"]
    assert protocol.notes[-1] == ("connection_lost", BrokenPipeError)


def test_a_failed_write_in_debug_mode_is_logged(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.loop.set_debug(True)
    transport, peer = scene.connect(Recorder())
    peer.close()
    with caplog.at_level("DEBUG", "asyncio"):
        transport.write(b"hello")
    assert any(message.endswith(": Fatal write error on socket transport") for message in caplog.messages)


def test_write_eof_to_a_peer_that_has_reset_raises(scene: Scene) -> None:
    transport, peer = scene.connect_tcp(Recorder())
    transport.pause_reading()
    reset(peer)

    scene.run_until(lambda: not is_connected(transport.get_extra_info("socket")))
    with pytest.raises(OSError, match="not connected"):
        transport.write_eof()
    assert not transport.is_closing()


def test_a_reset_while_closing_waits_for_what_is_unsent_ends_the_connection_with_its_error(
    scene: Scene,
) -> None:
    protocol = Recorder()
    transport, peer = scene.connect_tcp(protocol)
    fill(transport, 1 << 24)
    transport.close()
    scene.settle()
    reset(peer)
    scene.run_until(protocol.has_ended)
    assert protocol.notes[-1][1] in (ConnectionResetError, BrokenPipeError)
    assert protocol.names().count("connection_lost") == 1


# Descriptors


def test_writing_to_a_descriptor_closed_under_the_transport_ends_the_connection(scene: Scene) -> None:
    protocol = Recorder()
    transport, peer = scene.connect(protocol)
    os.close(transport.get_extra_info("socket").fileno())
    transport.write(b"hello")
    scene.settle()
    assert protocol.notes[1:] == [("connection_lost", OSError)]
    assert scene.reports == [("Exception in callback", OSError, "handle")]
    assert available(peer) == b""
    assert is_at_end(peer)


def test_a_descriptor_closed_under_the_transport_and_used_again_is_not_read_by_it(scene: Scene) -> None:
    """epoll forgets a descriptor that is closed; whoever gets its number next is on its own."""
    protocol = Recorder()
    transport, _ = scene.connect(protocol)
    number = transport.get_extra_info("socket").fileno()
    os.close(number)
    reader, writer = socket.socketpair()
    with reader, writer:
        os.dup2(reader.fileno(), number)
        writer.send(b"for another")
        scene.settle()
        assert protocol.names() == ["connection_made"]
        assert reader.recv(100) == b"for another"
    transport.abort()
    scene.settle()
    assert protocol.notes[1:] == [("connection_lost", None)]


def test_a_descriptor_that_a_transport_uses_is_refused_to_others(scene: Scene) -> None:
    transport, _ = scene.connect(Recorder())
    number = transport.get_extra_info("socket").fileno()
    for take in (scene.loop.add_reader, scene.loop.add_writer):
        with pytest.raises(RuntimeError, match=f"^File descriptor {number} is used by transport <"):
            take(number, print)
    for leave in (scene.loop.remove_reader, scene.loop.remove_writer):
        with pytest.raises(RuntimeError, match=f"^File descriptor {number} is used by transport <"):
            leave(number)
    transport.close()
    scene.settle()


def test_a_descriptor_is_free_for_others_as_soon_as_its_transport_closes(scene: Scene) -> None:
    transport, _ = scene.connect(Recorder())
    number = transport.get_extra_info("socket").fileno()
    transport.close()
    scene.loop.add_reader(number, print)
    assert scene.loop.remove_reader(number)


def test_the_socket_of_a_transport_is_shown_and_cannot_be_used_to_send(scene: Scene) -> None:
    transport, peer = scene.connect_tcp(Recorder())
    shown = transport.get_extra_info("socket")
    assert shown.getsockname() == transport.get_extra_info("sockname") == peer.getpeername()
    assert shown.getpeername() == transport.get_extra_info("peername") == peer.getsockname()
    assert shown.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert shown.gettimeout() == 0
    for method in ("send", "recv", "close", "accept"):
        assert not hasattr(shown, method)


@pytest.mark.parametrize("method", ["sock_recv", "sock_sendall", "sock_accept", "sock_connect"])
def test_the_sockets_own_methods_refuse_one_that_blocks_in_debug_mode(scene: Scene, method: str) -> None:
    scene.loop.set_debug(True)
    near, peer = socket.socketpair()
    arguments: dict[str, tuple[Any, ...]] = {"sock_recv": (1,), "sock_sendall": (b"",), "sock_connect": ("",)}
    with near, peer, pytest.raises(ValueError, match=r"^the socket must be non-blocking$"):
        scene.run(getattr(scene.loop, method)(near, *arguments.get(method, ())))


@pytest.mark.parametrize("method", ["sock_recv", "sock_recv_into", "sock_recvfrom", "sock_sendall"])
def test_a_cancelled_socket_operation_leaves_its_descriptor_free(scene: Scene, method: str) -> None:
    near, peer = socket.socketpair()
    near.setblocking(False)
    argument: Any = {"sock_recv_into": bytearray(10), "sock_sendall": bytes(1 << 22)}.get(method, 10)

    async def give_up() -> None:
        task = asyncio.ensure_future(getattr(scene.loop, method)(near, argument))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with near, peer:
        scene.run(give_up())
        assert not scene.loop.remove_reader(near.fileno())
        assert not scene.loop.remove_writer(near.fileno())


def test_a_reset_reaches_whoever_waits_for_the_socket(scene: Scene) -> None:
    near, peer = socket.socketpair()
    near.setblocking(False)

    async def receive() -> bytes:
        scene.loop.call_soon(peer.close)
        return await scene.loop.sock_recv(near, 10)  # type: ignore[no-any-return]

    with near:
        assert scene.run(receive()) == b""
        with pytest.raises(BrokenPipeError):
            scene.run(scene.loop.sock_sendall(near, b"hello"))


def test_a_refused_connection_comes_out_of_create_connection(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    with pytest.raises(ConnectionRefusedError) as caught:
        scene.run(scene.loop.create_connection(Recorder, host, port))
    assert caught.value.strerror == f"Connect call failed ('{host}', {port})"


@pytest.mark.parametrize("options", [{"host": "127.0.0.1"}, {"port": 1}])
def test_a_socket_and_an_address_exclude_each_other(scene: Scene, options: dict[str, Any]) -> None:
    near, peer = socket.socketpair()
    with (
        near,
        peer,
        pytest.raises(ValueError, match=r"^host/port and sock can not be specified at the same time$"),
    ):
        scene.run(scene.loop.create_connection(Recorder, sock=near, **options))
