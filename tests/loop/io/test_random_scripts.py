"""Random scripts on asyncio's loop and on ours, with EAGAIN, EINTR, short reads and partial writes at every call.

`pytest --hypothesis-profile=thorough tests/loop/io/test_random_scripts.py` runs ten thousand of each.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

import coroscope
from tests.loop.io.faulty_sockets import Fault, FaultyDatagramSocket, FaultySocket
from tests.loop.io.protocols import DatagramRecorder, Recorder
from tests.loop.io.scenes import Scene, available, datagram_pair
from tests.loop.io.scripts import WRITELINES_IS_SOUND, Record, Run, Script, faults, scripts

EXAMPLES = 10_000 if settings.get_current_profile_name() == "thorough" else 200
thorough = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
LOOPS = [asyncio.SelectorEventLoop, coroscope.Loop]


def run(script: Script, new_loop: Any) -> Record:
    with contextlib.closing(new_loop()) as loop:
        return Run(script, loop).run()


def obeys_the_laws(record: Record) -> None:
    """What is true of every connection, whatever is done to it."""
    callbacks = record.callbacks
    assert callbacks[0] == "connection_made"
    assert callbacks.count("connection_made") == 1
    assert "connection_lost" not in callbacks[:-1]
    assert record.sent.startswith(record.delivered)
    if record.is_cut:
        assert record.written.startswith(record.received)
    else:
        assert record.written == record.received
    pauses = [name for name in callbacks if name in ("pause_writing", "resume_writing")]
    assert pauses == (["pause_writing", "resume_writing"] * len(pauses))[: len(pauses)]


@pytest.mark.timeout(1800)
@thorough
@given(scripts(writes_lines=WRITELINES_IS_SOUND))
def test_a_script_comes_to_the_same_on_both_loops(script: Script) -> None:
    theirs, ours = (run(script, new_loop) for new_loop in LOOPS)
    assert theirs.notes == ours.notes
    assert theirs == ours
    obeys_the_laws(theirs)


@pytest.mark.timeout(1800)
@thorough
@given(scripts(writes_lines=True))
def test_what_arrives_is_what_was_written_in_order(script: Script) -> None:
    obeys_the_laws(run(script, coroscope.Loop))


def test_the_scripts_reach_every_callback_and_every_kind_of_end() -> None:
    counts: Counter[Any] = Counter()

    @settings(thorough, max_examples=400, phases=[Phase.generate], derandomize=True, database=None)
    @given(scripts(writes_lines=WRITELINES_IS_SOUND))
    def count(script: Script) -> None:
        record = run(script, asyncio.SelectorEventLoop)
        counts.update({*record.callbacks})
        counts.update(
            {
                "lost by itself" if note[1] is None else "lost by an error"
                for _, _, notes, *_ in record.notes
                for note in notes
                if note[0] == "connection_lost"
            }
        )
        counts["all is delivered"] += record.written == record.received != b""
        counts["refused"] += any(type(outcome) is tuple for _, outcome, *_ in record.notes)

    count()
    rare = {name: counts[name] for name, least in EXPECTED.items() if counts[name] < least}
    assert not rare


EXPECTED = {
    **dict.fromkeys(("connection_made", "data_received", "pause_writing", "resume_writing"), 20),
    **dict.fromkeys(("eof_received", "connection_lost", "all is delivered", "refused"), 20),
    "lost by itself": 20,
    "lost by an error": 5,  # the kernel decides whether the pipe is broken or the connection reset
}
"""How many of the scripts must come to what."""


# The loop's own methods for sockets, accepting, and datagrams

pieces = some.lists(some.binary(max_size=300), max_size=8)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("new_loop", LOOPS)
@thorough
@given(pieces, faults, faults, some.sampled_from([10, 1000]))
def test_sockets_own_methods_survive_every_fault(
    new_loop: Any,
    pieces: list[bytes],
    of_sender: tuple[Fault, ...],
    of_receiver: tuple[Fault, ...],
    size: int,
) -> None:
    async def transfer(loop: Any) -> bytes:
        near, far = map(FaultySocket.of, socket.socketpair())
        near.faults[:], far.faults[:] = of_sender, of_receiver
        received = bytearray()
        with near, far:
            for number, piece in enumerate(pieces):
                await loop.sock_sendall(near, piece)
                end = len(received) + len(piece)
                while len(received) < end:
                    if number % 2:
                        received += await loop.sock_recv(far, size)
                    else:
                        buffer = bytearray(size)
                        received += buffer[: await loop.sock_recv_into(far, buffer)]
        return bytes(received)

    with contextlib.closing(new_loop()) as loop:
        assert loop.run_until_complete(transfer(loop)) == b"".join(pieces)


accept_faults = some.lists(some.sampled_from(["again", "interrupted", "aborted"]), max_size=8)


@pytest.mark.parametrize("new_loop", LOOPS)
@settings(thorough, max_examples=max(20, EXAMPLES // 20))
@given(accept_faults, some.integers(1, 5))
def test_a_server_accepts_all_in_spite_of_every_fault(
    new_loop: Any, faults: list[Fault], clients: int
) -> None:
    protocols: list[Recorder] = []

    def new_protocol() -> Recorder:
        protocols.append(Recorder())
        return protocols[-1]

    with contextlib.closing(new_loop()) as loop:
        scene = Scene(loop)
        listener = FaultySocket.of(socket.create_server(("127.0.0.1", 0)))
        listener.faults[:] = faults
        scene.servers.append(scene.run(loop.create_server(new_protocol, sock=listener)))
        peers = [scene.call(listener.getsockname()) for _ in range(clients)]
        for number, peer in enumerate(peers):
            peer.send(b"%d" % number)
        scene.run_until(lambda: len([protocol for protocol in protocols if protocol.received()]) == clients)
        assert sorted(protocol.received() for protocol in protocols) == [
            b"%d" % number for number in range(clients)
        ]
        assert scene.reports == []
        for protocol in protocols:
            protocol.transport.abort()
        scene.close()
        scene.settle()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("new_loop", LOOPS)
@thorough
@given(some.lists(some.binary(min_size=1, max_size=50), max_size=10), faults, faults)
def test_datagrams_survive_every_fault(
    new_loop: Any, datagrams: list[bytes], of_sending: tuple[Fault, ...], of_receiving: tuple[Fault, ...]
) -> None:
    with contextlib.closing(new_loop()) as loop:
        scene = Scene(loop)
        near, peer = datagram_pair()
        sock = FaultyDatagramSocket.of(near)
        protocol = DatagramRecorder()
        scene.watched.append(lambda: len(sock.faults))
        transport = scene.start_datagrams(protocol, sock)
        scene.adopt(peer)
        sock.faults[:] = of_sending
        for data in datagrams:
            transport.sendto(data)
        scene.settle()
        assert [peer.recv(100) for _ in datagrams] == datagrams
        assert available(peer) == b""
        sock.faults[:] = of_receiving
        for data in datagrams:
            peer.send(data)
        scene.settle()
        assert protocol.notes[1:] == [("datagram_received", data) for data in datagrams]
        scene.close()
