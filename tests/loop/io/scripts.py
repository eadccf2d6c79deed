"""Random scripts: what a program and its peer do to one connection, and with which faults its socket answers.

After each line of a script the loop runs until nothing changes, and what can be observed is noted. A script goes on
with what the peer does when the connection has ended, and no further with what the program does.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as some

from tests.loop.io.faulty_sockets import UNLIMITED, Fault, FaultySocket
from tests.loop.io.protocols import BufferedRecorder, Note, Recorder
from tests.loop.io.scenes import Scene

WRITELINES_IS_SOUND = not (3, 12) <= sys.version_info < (3, 14)
"""In 3.12 and 3.13 asyncio's writelines() does not pause the protocol, and fails after close()."""
PIECES = [bytes, bytearray, memoryview]


@dataclass(frozen=True)
class Line:
    """One line of a script."""

    action: str
    argument: Any = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Script:
    lines: tuple[Line, ...]
    window: int
    keeps_half_open: bool
    is_buffered: bool
    is_accepted: bool


@dataclass
class Record:
    """What came of a script."""

    notes: list[Note] = field(default_factory=list)
    """What was observed, line by line."""
    written: bytes = b""
    """What the program wrote and the transport did not refuse."""
    received: bytes = b""
    """What the peer got."""
    sent: bytes = b""
    """What the peer sent."""
    delivered: bytes = b""
    """What the protocol got."""
    callbacks: list[str] = field(default_factory=list)
    is_cut: bool = False
    """Whether something ended the connection that need not deliver all: an abort, or the peer."""


sizes = some.one_of(
    some.integers(0, 20), some.integers(0, 5000), some.sampled_from([16384, 65536, 65537, 100_000])
)
faults = some.lists(
    some.one_of(some.sampled_from(["again", "interrupted"]), some.integers(1, 50)), max_size=6
).map(tuple)


def lines(writes_lines: bool) -> some.SearchStrategy[Line]:
    actions: list[some.SearchStrategy[Line]] = [
        some.builds(Line, some.just("write"), some.tuples(sizes, some.integers(0, 2)), faults),
        some.builds(Line, some.just("peer reads"), sizes, faults),
        some.builds(Line, some.just("peer sends"), some.integers(1, 5000), faults),
        some.builds(Line, some.sampled_from(["pause", "resume", "write_eof", "close"]), some.none(), faults),
        some.builds(Line, some.just("limit"), some.integers(0, 100_000), faults),
        some.builds(Line, some.sampled_from(["abort", "peer ends", "peer closes"])),
    ]
    if writes_lines:
        pieces = some.lists(some.tuples(sizes, some.integers(0, 2)), max_size=8)
        actions.append(some.builds(Line, some.just("writelines"), pieces, faults))
    # Twice what does not end the connection, or most scripts would be short.
    return some.one_of(*actions, *actions[:3], *actions[6:])


def scripts(writes_lines: bool) -> some.SearchStrategy[Script]:
    return some.builds(
        Script,
        some.lists(lines(writes_lines), min_size=3, max_size=20).map(tuple),
        window=some.sampled_from([100, 10_000, 50_000]),
        keeps_half_open=some.booleans(),
        is_buffered=some.booleans(),
        is_accepted=some.booleans(),
    )


class Run:
    """One run of a script on one loop."""

    def __init__(self, script: Script, loop: Any) -> None:
        self.script = script
        self.record = Record()
        self.scene = Scene(loop)
        near, self.peer = socket.socketpair()
        self.peer.setblocking(False)
        self.sock = FaultySocket.of(near, script.window)
        self.scene.watched.append(lambda: len(self.sock.faults))
        kind = BufferedRecorder if script.is_buffered else Recorder
        self.protocol: Any = kind(eof_received=lambda _: script.keeps_half_open)
        self.transport = self.scene.start(self.protocol, self.sock, is_accepted=script.is_accepted)
        self.count = 0

    def run(self) -> Record:
        for line in (*self.script.lines, Line("resume"), Line("peer reads all")):
            self._run(line)
        self.scene.close()
        self.peer.close()
        return self.record

    def _run(self, line: Line) -> None:
        has_ended = "connection_lost" in self.record.callbacks
        if has_ended and not line.action.startswith("peer"):
            return
        self.sock.faults[:] = line.faults
        try:
            outcome = getattr(self, "_" + line.action.replace(" ", "_"))(line.argument)
        except (RuntimeError, OSError) as error:
            outcome = (type(error), str(error).replace("writelines", "write"))  # 3.11 has one for both.
        self._observe(line.action, outcome)

    def _observe(self, action: str, outcome: Any) -> None:
        self.scene.settle()
        notes = self.protocol.merged()
        self.protocol.notes.clear()
        self.record.callbacks += [note[0] for note in notes]
        self.record.delivered += b"".join(note[1] for note in notes if note[0] == "data_received")
        state = (
            self.transport.is_closing(),
            self.transport.is_reading(),
            self.transport.get_write_buffer_size(),
        )
        self.record.notes.append((action, outcome, notes, state, tuple(self.scene.reports)))

    # What the program does

    def _piece(self, size: int, kind: int) -> Any:
        """Data that is different each time."""
        self.count += 1
        return PIECES[kind]((b"%d," % self.count * (size // 2 + 1))[:size])

    def _takes_writes(self) -> bool:
        return not self.transport.is_closing() or self.transport.get_write_buffer_size() > 0

    def _write(self, argument: tuple[int, int]) -> None:
        data, is_taken = self._piece(*argument), self._takes_writes()
        self.transport.write(data)
        self.record.written += bytes(data) if is_taken else b""

    def _writelines(self, argument: list[tuple[int, int]]) -> None:
        pieces, is_taken = [self._piece(*piece) for piece in argument], self._takes_writes()
        self.transport.writelines(pieces)
        self.record.written += b"".join(pieces) if is_taken else b""

    def _pause(self, _: None) -> None:
        self.transport.pause_reading()

    def _resume(self, _: None) -> None:
        self.transport.resume_reading()

    def _limit(self, high: int) -> None:
        self.transport.set_write_buffer_limits(high)

    def _write_eof(self, _: None) -> None:
        self.transport.write_eof()

    def _close(self, _: None) -> None:
        self.transport.close()

    def _abort(self, _: None) -> None:
        self.record.is_cut = True
        self.transport.abort()

    # What the peer does

    def _peer_reads(self, size: int) -> bytes | None:
        """What the peer gets, None where it cannot read any more."""
        if self.peer.fileno() == -1 or not size:
            return None
        try:
            data = self.peer.recv(size)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            self.record.is_cut = True
            return None
        self.record.received += data
        self.sock.read_by_peer += len(data)
        return data

    def _peer_reads_all(self, _: None) -> None:
        self.sock.window = UNLIMITED
        while self._peer_reads(1 << 20):
            self.scene.settle()

    def _peer_sends(self, size: int) -> int | None:
        if self.peer.fileno() == -1:
            return None
        data = self._piece(size, 0)
        count = self.peer.send(data)
        self.record.sent += data[:count]
        return count

    def _peer_ends(self, _: None) -> None:
        if self.peer.fileno() != -1:
            self.peer.shutdown(socket.SHUT_WR)

    def _peer_closes(self, _: None) -> None:
        self.record.is_cut = True
        self.peer.close()
