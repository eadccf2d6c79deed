"""A stream that any thread writes, so that a thread which does little costs no stream of its own.

Rule: nobody ever waits here. An event is put in line first; whoever gets the lock writes all that stand in line, and
whoever does not knows that its event is seen to. So a signal's handler, or a finaliser, may write in the middle of it.
"""

from __future__ import annotations

import _thread
import types
from collections import deque
from typing import Any, NamedTuple

from coroscope.record.chains import Position
from coroscope.record.recorder import Recorder, place_number, stack_number
from coroscope.record.stream import Stream


class Site(NamedTuple):
    """What a thread or a job runs, and where the program asked for it."""

    function: str
    file: str
    line: int
    asked_at: Position | None


class Journal:
    """Events of all threads, in about the order of their times."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._line: deque[tuple[int, int, int, int, Any, int, int]] = deque()
        self._lock = _thread.allocate_lock()
        self._stream: Stream | None = None
        self._codes: dict[int, types.CodeType] = {}
        self._stacks: dict[tuple[tuple[int, int], ...], int] = {}

    def write(
        self,
        kind: int,
        time_ns: int,
        a: int,
        b: int = 0,
        c: str | Site | list[Position] | int | None = None,
        detail: int = 0,
        source: int = 0,
    ) -> None:
        """Write an event; `c` is what its definition tells, or a number. OSError where the disk has no more room."""
        self._line.append((kind, time_ns, a, b, c, detail, source))
        while self._line and self._lock.acquire(blocking=False):
            try:
                self._write_line()
            finally:
                self._lock.release()

    def _write_line(self) -> None:
        stream = self._stream
        if stream is None:
            stream = self._stream = self._recorder.open_stream()
        while self._line:
            kind, time_ns, a, b, c, detail, source = self._line.popleft()
            stream.emit(kind, time_ns, a, b, 0 if c is None else self._define(stream, c), detail, source)

    def _define(self, stream: Stream, c: Any) -> int:
        if type(c) is int:
            return c
        if type(c) is str:
            return stream.string(c)
        if type(c) is Site:
            asked_at = 0
            if c.asked_at is not None:
                self._keep(c.asked_at)
                asked_at = place_number(stream, c.asked_at)
            return stream.site(c.function, c.file, c.line, asked_at)
        key = tuple([(id(code), offset) for code, offset, _ in c])
        number = self._stacks.get(key)
        if number is None:
            for position in c:
                self._keep(position)
            number = self._stacks[key] = stack_number(stream, c)
        return number

    def _keep(self, position: Position) -> None:
        """Keep its code, so that its id(), by which places are known, is never another's."""
        self._codes[id(position[0])] = position[0]


def journal_of(recorder: Recorder) -> Journal:
    """The one of this recording."""
    if recorder.journal is None:
        recorder.journal = Journal(recorder)
    return recorder.journal
