"""TLS on both loops' transports: handshakes that fail, connections that break, and upgrades in mid-stream."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest

from tests.loop.io.certificates import client_context, distrustful_context, server_context
from tests.loop.io.protocols import BufferedRecorder, DatagramRecorder, Recorder, raising
from tests.loop.io.scenes import Scene, available, fill, is_at_end, reset, tcp_pair

KINDS: list[type[Any]] = [Recorder, BufferedRecorder]


class Pair:
    """A client and a server that talk TLS to each other, both on the loop of the scene."""

    def __init__(self, scene: Scene, client: Any = None, server: Any = None, **options: Any) -> None:
        self.client, self.server = client or Recorder(), server or Recorder()
        self.outcomes = scene.run(self._shake_hands(scene, **options))
        scene.protocols += [self.client, self.server]
        scene.layered += [outcome[0] for outcome in self.outcomes if not isinstance(outcome, Exception)]
        scene.settle()

    async def _shake_hands(
        self, scene: Scene, context: ssl.SSLContext | None = None, hostname: str = "localhost"
    ) -> list[Any]:
        near, far = socket.socketpair()
        client = scene.loop.create_connection(
            lambda: self.client, sock=near, ssl=context or client_context(), server_hostname=hostname
        )
        server = scene.loop.connect_accepted_socket(lambda: self.server, sock=far, ssl=server_context())
        return list(await asyncio.gather(client, server, return_exceptions=True))


def test_both_ends_talk_and_know_what_was_agreed(scene: Scene) -> None:
    pair = Pair(scene)
    pair.client.transport.write(b"question")
    pair.server.transport.writelines([b"ans", b"wer"])
    scene.settle()
    assert pair.server.merged() == [("connection_made",), ("data_received", b"question")]
    assert pair.client.merged() == [("connection_made",), ("data_received", b"answer")]
    transport = pair.client.transport
    assert transport.get_extra_info("peercert")["subject"] == ((("commonName", "localhost"),),)
    assert transport.get_extra_info("cipher") == transport.get_extra_info("ssl_object").cipher()
    assert transport.get_extra_info("socket").family is socket.AF_UNIX
    assert not transport.can_write_eof()


@pytest.mark.parametrize("kind", KINDS)
def test_megabytes_arrive_in_order(scene: Scene, kind: type[Any]) -> None:
    pair = Pair(scene, server=kind())
    data = bytes(range(256)) * 8192
    pair.client.transport.write(data)
    scene.run_until(lambda: len(pair.server.received()) == len(data))
    assert pair.server.received() == data
    scene.settle()
    callbacks = pair.client.names()[1:]
    assert callbacks == ["pause_writing", "resume_writing"] * (len(callbacks) // 2)


def test_close_delivers_all_and_ends_both(scene: Scene) -> None:
    pair = Pair(scene)
    data = bytes(1 << 20)
    pair.client.transport.write(data)
    pair.client.transport.close()
    scene.run_until(
        lambda: "connection_lost" in pair.server.names() and "connection_lost" in pair.client.names()
    )
    assert pair.server.received() == data
    assert pair.server.names()[-2:] == ["eof_received", "connection_lost"]
    assert pair.client.notes[-1] == pair.server.notes[-1] == ("connection_lost", None)


def test_abort_ends_both_at_once(scene: Scene) -> None:
    pair = Pair(scene)
    pair.client.transport.abort()
    scene.settle()
    assert pair.client.notes[1:] == [("connection_lost", None)]
    assert pair.server.names()[-1] == "connection_lost"
    assert scene.reports == []


# Handshakes that fail


def test_a_certificate_that_is_not_trusted_is_refused(scene: Scene) -> None:
    pair = Pair(scene, context=distrustful_context())
    refused, told = pair.outcomes
    assert type(refused) is ssl.SSLCertVerificationError
    assert isinstance(told, (ssl.SSLError, ConnectionResetError, BrokenPipeError))
    assert pair.client.notes == pair.server.notes == []
    assert scene.reports == []


def test_a_certificate_for_another_name_is_refused(scene: Scene) -> None:
    pair = Pair(scene, hostname="example.org")
    assert type(pair.outcomes[0]) is ssl.SSLCertVerificationError
    assert "example.org" in str(pair.outcomes[0])
    assert pair.client.notes == []


def test_a_refused_certificate_is_no_concern_of_the_server_and_its_other_clients(scene: Scene) -> None:
    protocols: list[Recorder] = []

    def new_protocol() -> Recorder:
        protocols.append(Recorder())
        return protocols[-1]

    _, (host, port) = scene.serve(scene.loop.create_server, new_protocol, ssl=server_context())
    for context, accepted in ((distrustful_context(), False), (client_context(), True)):
        calling = scene.loop.create_connection(Recorder, host, port, ssl=context, server_hostname="localhost")
        if accepted:
            transport, _ = scene.run(calling)
            transport.write(b"hello")
            scene.run_until(protocols[-1].received)
            scene.layered.append(transport)
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                scene.run(calling)
    assert [protocol.received() for protocol in protocols] == [b"", b"hello"]
    assert protocols[0].notes == []
    assert scene.reports == []


def tls_client(scene: Scene, near: socket.socket, protocol: Any, **options: Any) -> asyncio.Task[Any]:
    """A client at the beginning of its handshake."""
    connecting = scene.loop.create_connection(
        lambda: protocol, sock=near, ssl=client_context(), server_hostname="localhost", **options
    )
    task: asyncio.Task[Any] = scene.loop.create_task(connecting)
    scene.settle()
    return task


def test_a_reset_in_mid_handshake_comes_out_of_create_connection(scene: Scene) -> None:
    near, peer = tcp_pair()
    protocol = Recorder()
    task = tls_client(scene, near, protocol)
    scene.adopt(peer)
    scene.run_until(lambda: available(peer))
    reset(peer)
    with pytest.raises(ConnectionResetError):
        scene.run(task)  # type: ignore[arg-type]
    assert protocol.notes == []
    assert scene.reports == []
    assert near.fileno() == -1


def test_an_end_in_mid_handshake_comes_out_of_create_connection(scene: Scene) -> None:
    near, peer = socket.socketpair()
    protocol = Recorder()
    task = tls_client(scene, near, protocol)
    assert available(scene.adopt(peer))[:1] == b"\x16"
    peer.close()
    with pytest.raises(ConnectionResetError):
        scene.run(task)  # type: ignore[arg-type]
    assert protocol.notes == []


def test_noise_in_place_of_a_handshake_comes_out_of_create_connection(scene: Scene) -> None:
    near, peer = socket.socketpair()
    task = tls_client(scene, near, Recorder())
    scene.adopt(peer).send(b"SSH-2.0-no TLS here\r\n")
    with pytest.raises(ssl.SSLError):
        scene.run(task)  # type: ignore[arg-type]
    assert scene.reports == []


def test_a_handshake_that_takes_too_long_is_given_up(scene: Scene) -> None:
    near, peer = socket.socketpair()
    scene.adopt(peer)
    task = tls_client(scene, near, Recorder(), ssl_handshake_timeout=0.01)
    with pytest.raises(ConnectionAbortedError, match=r"SSL handshake is taking longer than 0\.01 seconds"):
        scene.run(task)  # type: ignore[arg-type]
    scene.settle()
    available(peer)
    assert is_at_end(peer)


def test_a_cancelled_handshake_closes_the_connection(scene: Scene) -> None:
    near, peer = socket.socketpair()
    scene.adopt(peer)
    task = tls_client(scene, near, Recorder())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        scene.run(task)  # type: ignore[arg-type]
    scene.settle()
    available(peer)
    assert is_at_end(peer)


# Connections that break


def test_a_reset_ends_the_connection_with_its_error(scene: Scene) -> None:
    near, far = tcp_pair()
    client, server = Recorder(), Recorder()

    async def shake_hands() -> Any:
        return await asyncio.gather(
            scene.loop.create_connection(
                lambda: client, sock=near, ssl=client_context(), server_hostname="localhost"
            ),
            scene.loop.connect_accepted_socket(lambda: server, sock=far, ssl=server_context()),
        )

    scene.run(shake_hands())
    # What the server has to say last is still unread, so that its end is a reset.
    client.transport.pause_reading()
    scene.settle()
    sock = server.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server.transport.abort()
    scene.settle()
    client.transport.resume_reading()
    scene.run_until(client.has_ended)
    assert client.notes[-1] == ("connection_lost", ConnectionResetError)
    assert scene.reports == []


@pytest.mark.parametrize(
    ("callback", "report", "end"),
    [
        ("connection_made", "Fatal error: protocol.buffer_updated() call failed.", ValueError),
        ("data_received", "Fatal error on SSL protocol", ValueError),
        ("eof_received", "Error calling eof_received()", ValueError),
        ("connection_lost", "Exception in callback", None),
    ],
)
def test_an_error_in_a_callback_is_reported_and_costs_the_connection(
    scene: Scene, callback: str, report: str, end: Any
) -> None:
    server = Recorder(**{callback: raising(ValueError)})
    pair = Pair(scene, server=server)
    pair.client.transport.write(b"hello")
    scene.settle()
    pair.client.transport.close()
    scene.run_until(pair.client.has_ended)
    assert [told[:2] for told in scene.reports] == [(report, ValueError)]
    assert server.notes[-1] == ("connection_lost", end)
    assert callback in server.names()


def test_an_error_in_connection_made_comes_out_of_what_connects(scene: Scene) -> None:
    pair = Pair(scene, server=Recorder(connection_made=raising(ValueError)))
    assert type(pair.outcomes[1]) is ValueError


def test_a_slow_reader_pauses_the_writer(scene: Scene) -> None:
    pair = Pair(scene)
    pair.server.transport.pause_reading()
    pair.client.transport.write(bytes(1 << 20))
    scene.settle()
    assert pair.client.names() == ["connection_made"]  # All that is paused yet is the transport below.
    for _ in range(3):
        pair.client.transport.write(bytes(1 << 20))
    scene.settle()
    assert pair.client.names() == ["connection_made", "pause_writing"]
    pair.server.transport.resume_reading()
    scene.run_until(lambda: len(pair.server.received()) == 1 << 22)
    scene.settle()
    assert pair.client.names()[-1] == "resume_writing"


# Upgrades in mid-stream


def test_a_connection_is_upgraded_on_both_sides(scene: Scene) -> None:
    old_client, old_server, client, server = (Recorder() for _ in range(4))
    near, far = socket.socketpair()
    plain_client, plain_server = scene.start(old_client, near), scene.start(old_server, far)
    plain_client.write(b"upgrade?")
    scene.settle()
    assert old_server.received() == b"upgrade?"

    async def upgrade() -> Any:
        return await asyncio.gather(
            scene.loop.start_tls(plain_client, client, client_context(), server_hostname="localhost"),
            scene.loop.start_tls(plain_server, server, server_context(), server_side=True),
        )

    tls_client, tls_server = scene.run(upgrade())
    tls_client.write(b"question")
    tls_server.write(b"answer")
    scene.settle()
    assert server.merged() == [("data_received", b"question")]
    assert client.merged() == [("data_received", b"answer")]
    tls_client.close()
    scene.settle()
    assert client.notes[-1] == server.notes[-1] == ("connection_lost", None)
    assert old_client.names() == ["connection_made"]


def test_a_refused_upgrade_closes_the_connection(scene: Scene) -> None:
    near, far = socket.socketpair()
    plain_client, plain_server = scene.start(Recorder(), near), scene.start(Recorder(), far)

    async def upgrade() -> Any:
        return await asyncio.gather(
            scene.loop.start_tls(
                plain_client, Recorder(), distrustful_context(), server_hostname="localhost"
            ),
            scene.loop.start_tls(plain_server, Recorder(), server_context(), server_side=True),
            return_exceptions=True,
        )

    assert type(scene.run(upgrade())[0]) is ssl.SSLCertVerificationError
    scene.settle()
    assert plain_client.is_closing()
    assert plain_server.is_closing()
    assert scene.reports == []


@pytest.mark.parametrize("not_a_context", [None, True, "context"])
def test_an_upgrade_needs_a_context(scene: Scene, not_a_context: Any) -> None:
    transport, _ = scene.connect(Recorder())
    with pytest.raises(TypeError, match=r"^sslcontext is expected to be an instance of ssl\.SSLContext"):
        scene.run(scene.loop.start_tls(transport, Recorder(), not_a_context))


def test_a_datagram_transport_cannot_be_upgraded(scene: Scene) -> None:
    transport = scene.start_datagrams(DatagramRecorder(), socket.socket(type=socket.SOCK_DGRAM))
    with pytest.raises(TypeError, match=r"is not supported by start_tls\(\)$"):
        scene.run(scene.loop.start_tls(transport, Recorder(), client_context()))


def test_what_is_unsent_goes_out_before_the_upgrade(scene: Scene) -> None:
    transport, peer = scene.connect(Recorder())
    data = fill(transport)
    task = scene.loop.create_task(
        scene.loop.start_tls(transport, Recorder(), client_context(), server_hostname="localhost")
    )
    received = scene.drain(peer)
    assert received[: len(data)] == data
    assert received[len(data)] == 0x16
    peer.close()
    with pytest.raises(ConnectionResetError):
        scene.run(task)
