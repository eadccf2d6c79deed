"""What surrounds a transport's callback: its context, its name in warnings, the cause that an observer is told."""

from __future__ import annotations

import asyncio
import contextvars
import socket
from collections.abc import Callable
from typing import Any

import pytest

import coroscope
from tests.loop.clocks import pass_time
from tests.loop.io.certificates import client_context, server_context
from tests.loop.io.protocols import BufferedRecorder, DatagramRecorder, Recorder
from tests.loop.io.scenes import Scene, available, datagram_pair, fill
from tests.loop.test_observer import Notes

# Contexts

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nothing")


class Witness(Recorder):
    """Notes what the variable is in each callback, then sets it to the callback's name."""

    def called(self, name: str, *_: Any) -> Any:
        self.notes.append((name, variable.get()))
        variable.set(name)
        return True


def witness_connection(scene: Scene) -> list[Any]:
    near, peer = socket.socketpair()
    scene.adopt(peer)
    protocol = Witness()

    def in_context(value: str, function: Callable[[], Any]) -> Any:
        context = contextvars.copy_context()
        context.run(variable.set, value)
        result = context.run(function)
        scene.settle()
        return result

    transport = in_context("connected", lambda: scene.start(protocol, near))
    for _ in range(2):
        peer.send(b"hello")
        scene.settle()
    in_context("written", lambda: fill(transport))
    scene.drain(peer)
    in_context("paused", transport.pause_reading)
    in_context("resumed", transport.resume_reading)
    peer.send(b"again")
    peer.shutdown(socket.SHUT_WR)
    scene.settle()
    in_context("closed", transport.close)
    return protocol.notes


def witness_server(scene: Scene) -> list[Any]:
    protocols: list[Witness] = []

    def new_protocol() -> Witness:
        protocols.append(Witness())
        protocols[-1].called("made")
        return protocols[-1]

    variable.set("serving")
    _, address = scene.serve(scene.loop.create_server, new_protocol)
    variable.set("served")
    for client in range(2):
        peer = scene.call(address)
        for count in (1, 2):
            peer.send(b"hello")
            scene.run_until(
                lambda: len(protocols) > client and protocols[client].names().count("data_received") == count  # noqa: B023
            )
        peer.close()
        scene.run_until(lambda: "eof_received" in protocols[client].names())  # noqa: B023
        protocols[client].transport.abort()
        scene.settle()
    return [protocol.notes for protocol in protocols]


def witness_tls(scene: Scene) -> list[Any]:
    client, server = Witness(), Witness()

    def connect() -> None:
        _, address = scene.serve(scene.loop.create_server, lambda: server, ssl=server_context())
        variable.set("connecting")
        connecting = scene.loop.create_connection(
            lambda: client, *address, ssl=client_context(), server_hostname="localhost"
        )
        transport, _ = scene.run(connecting)
        transport.write(b"hello")

    contextvars.copy_context().run(connect)
    scene.run_until(lambda: "data_received" in server.names())
    variable.set("aborting")
    client.transport.abort()
    scene.run_until(lambda: client.has_ended() and server.has_ended())
    return [client.notes, server.notes]


class DatagramWitness(DatagramRecorder):
    """A witness of datagrams."""

    called = Witness.called


def witness_datagrams(scene: Scene) -> list[Any]:
    near, peer = datagram_pair()
    scene.adopt(peer)
    protocol = DatagramWitness()
    transport = contextvars.copy_context().run(scene.start_datagrams, protocol, near)
    for _ in range(2):
        peer.send(b"hello")
        scene.settle()
    variable.set("closing")
    transport.close()
    scene.settle()
    return protocol.notes


@pytest.mark.parametrize("witness", [witness_connection, witness_server, witness_tls, witness_datagrams])
@pytest.mark.parametrize("debug", [False, True])
def test_callbacks_run_in_the_contexts_in_which_asyncio_runs_them(
    witness: Callable[[Scene], list[Any]], debug: bool
) -> None:
    seen = []
    for kind in (asyncio.SelectorEventLoop, coroscope.Loop):
        loop: Any = kind()
        loop.set_debug(debug)
        scene = Scene(loop)
        seen.append(contextvars.copy_context().run(witness, scene))
        scene.close()
        loop.close()
    assert len(seen[0]) > 1
    assert seen[1] == seen[0]


def test_a_callback_of_a_transport_goes_on_in_the_context_of_the_one_before(scene: Scene) -> None:
    near, peer = socket.socketpair()
    protocol = Witness()
    scene.start(protocol, near)
    scene.adopt(peer)
    for _ in range(2):
        peer.send(b"hello")
        scene.settle()
    assert protocol.notes[-2][1] != "data_received"
    assert protocol.notes[-1] == ("data_received", "data_received")


# Debugging


@pytest.mark.parametrize(("kind", "name"), [(Recorder, "_read"), (BufferedRecorder, "_read_into_buffer")])
def test_a_slow_protocol_is_named_by_its_transport(
    timeless: Scene, caplog: pytest.LogCaptureFixture, kind: type[Any], name: str
) -> None:
    def dawdle(_: Any) -> None:
        pass_time(2)

    timeless.loop.set_debug(True)
    _, peer = timeless.connect(kind(data_received=dawdle, buffer_updated=dawdle))
    caplog.clear()
    peer.send(b"hello")
    timeless.settle()
    [message] = [text for text in caplog.messages if text.startswith("Executing ")]
    assert message.startswith(f"Executing <Handle {name}(<StreamTransp")
    assert " created at " in message
    assert message.endswith(" took 2.000 seconds")


# Observers


def observe(scene: Scene) -> Notes:
    notes = Notes()
    scene.loop.set_observer(notes)
    return notes


async def child() -> None:
    """Does nothing: who is told to have made it ready?"""


def spawn(protocol: Any) -> None:
    protocol.tasks = [*getattr(protocol, "tasks", ()), asyncio.ensure_future(child())]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("callback", ["data_received", "buffer_updated", "eof_received", "resume_writing"])
def test_an_observer_sees_that_input_or_output_runs_a_callback(
    ours: Scene, callback: str, debug: bool
) -> None:
    ours.loop.set_debug(debug)
    kind = BufferedRecorder if callback == "buffer_updated" else Recorder
    transport, peer = ours.connect(kind(**{callback: spawn}))
    if callback == "resume_writing":
        fill(transport)
    notes = observe(ours)
    if callback == "resume_writing":
        ours.drain(peer)
    elif callback == "eof_received":
        peer.close()
    else:
        peer.send(b"hello")
    ours.settle()
    assert notes.of("child")[0] == ("created", "child", "io", None)


def test_an_observer_sees_that_a_datagram_runs_a_callback(ours: Scene) -> None:
    near, peer = datagram_pair()
    ours.start_datagrams(DatagramRecorder(datagram_received=spawn), near)
    ours.adopt(peer)
    notes = observe(ours)
    peer.send(b"hello")
    ours.settle()
    assert notes.of("child")[0] == ("created", "child", "io", None)


def test_an_observer_sees_that_a_client_runs_connection_made(ours: Scene) -> None:
    _, address = ours.serve(ours.loop.create_server, lambda: Recorder(connection_made=spawn))
    notes = observe(ours)
    ours.call(address)
    ours.run_until(lambda: notes.of("child"))
    assert notes.of("child")[0] == ("created", "child", "io", None)


@pytest.mark.parametrize("debug", [False, True])
def test_an_observer_sees_that_a_socket_wakes_who_waits_for_it(ours: Scene, debug: bool) -> None:
    ours.loop.set_debug(debug)
    near, peer = socket.socketpair()
    near.setblocking(False)
    notes = observe(ours)

    async def receiver() -> bytes:
        ours.loop.call_soon(peer.send, b"hello")
        return await ours.loop.sock_recv(near, 10)  # type: ignore[no-any-return]

    async def sender() -> None:
        ours.loop.call_later(0, available, ours.adopt(peer))
        await ours.loop.sock_sendall(near, bytes(300_000))

    with near, peer:
        for coroutine in (receiver, sender):
            ours.run(coroutine())
            name = coroutine.__name__
            assert [note for note in notes.of(name) if note[0] == "ready"] == [("ready", name, "io", None)]
