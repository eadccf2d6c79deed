"""The flight recorder's file: of bounded size, however long the program runs, with the last of what happened.

Each stream writes its events into chunks as always. One that is full stays until its last event is older than the time
to be kept, or there is no room for another; then what must still be known of it is folded (see
`coroscope.record.carry`), and it is written again. This happens only where a stream needs another chunk.

Rule: a fold waits for nobody. Where another thread folds, or this one is interrupted in the middle of it, the stream
takes new room instead.
Rule: a chunk that is about to be written again first says that it holds nothing; a new incarnation is signed last. So
who copies the file while it is written can tell which chunks have changed meanwhile.
"""

from __future__ import annotations

import _thread
import mmap
import os
from collections import deque
from itertools import count

# As they are: programs replace them to find what blocks their loop.
from os import close, lseek, read
from struct import Struct
from typing import Any, NamedTuple

from coroscope.loop.clock import now_ns
from coroscope.record.carry import Carry
from coroscope.record.events import EVENT, U32_MAX, DefinitionKind
from coroscope.record.layout import (
    CARRIED,
    CHUNK,
    CHUNK_HEADER_SIZE,
    CHUNK_MAGIC,
    DEFINITION,
    DEFINITIONS,
    EVENTS,
    HEADER_SIZE,
    INCARNATION,
    INCARNATION_AT,
)
from coroscope.record.slots import CARRIED_CHUNK, Slots
from coroscope.record.stream import KEEPS_NO_DESCRIPTOR, ChunkFile, Stream, encoded, positions_in

RING_AT = 4096  # behind the word that a recording may leave about its end
RING = Struct("<QQIIII")
"""In the file's header: the time kept (0: all), what is older is folded, folds begun, folds done, and alarms."""
_FOLDED, _BEGUN, _DONE = (Struct(f).pack_into for f in ("<Q", "<I", "<I"))
_FOLDED_AT, _BEGUN_AT, _DONE_AT, STALLS_AT, EXCEPTIONS_AT = (
    RING_AT + offset for offset in (8, 16, 20, 24, 28)
)
_SMALLEST = 65536
_LARGEST = 1 << 18
"""Half a millisecond of folding where tasks are few; 10,000 events."""
_LONGEST_TEXT = 1024
DEFAULT_SIZE = 256 << 20


class Keeping(NamedTuple):
    """What a flight recorder keeps, and when it raises an alarm."""

    last_ns: int
    size_bytes: int = DEFAULT_SIZE
    stall_ns: int = 0
    """0: no alarm for steps, however long."""
    tells_exceptions: bool = False

    def to_text(self) -> str:
        """For an environment variable."""
        return ",".join(str(int(field)) for field in self)

    @classmethod
    def from_text(cls, text: str) -> Keeping:
        """What `to_text` wrote."""
        last_ns, size_bytes, stall_ns, tells_exceptions = map(int, text.split(","))
        return cls(last_ns, size_bytes, stall_ns, bool(tells_exceptions))


class _Used(NamedTuple):
    """A chunk that is full."""

    offset: int
    size: int
    ended_ns: int


class _UsedTexts(NamedTuple):
    """A chunk of texts that is full."""

    offset: int
    size: int
    first: int
    """The number of its first text."""
    until: int
    """How many chunks of events must have been folded before nothing refers to it any more."""


class RingFile(ChunkFile):
    """A live trace file in which room is used again."""

    def __init__(self, path: str, keeping: Keeping, largest_chunk: int = _LARGEST) -> None:
        super().__init__(path)
        self.last_ns = keeping.last_ns
        self.tells_exceptions = keeping.tells_exceptions
        self.largest_chunk = largest_chunk
        self._size_bytes = keeping.size_bytes
        self._taken_bytes = 0
        self._next_incarnation = count(1).__next__
        self.carry = Carry(Slots(lambda: self.map_chunk(0, CARRIED, CARRIED_CHUNK)))
        self.fold_lock = _thread.allocate_lock()
        self._head: Any = self._map(0, HEADER_SIZE)
        RING.pack_into(self._head, RING_AT, keeping.last_ns, 0, 0, 0, 0, 0)
        self._folds = 0

    now = staticmethod(now_ns)
    """What the events' times, and the time kept, are measured by."""

    def open_stream(self) -> Stream:
        stream = RingStream(self, self._next_stream())
        self._streams.append(stream)
        return stream

    def is_full(self, size: int) -> bool:
        """Whether `size` bytes more are more than the ring may take."""
        return self._taken_bytes + size > self._size_bytes

    def new_chunk(self, stream: int, content: int, size: int) -> tuple[int, mmap.mmap]:
        """Room at the file's end, as part of the ring; and where that is."""
        self._taken_bytes += size
        return self._place_chunk(stream, content, size, self._next_incarnation())

    def chunk_again(self, offset: int, size: int) -> mmap.mmap:
        """A chunk that was taken before."""
        return self._map(offset, size)

    def clear(self, chunk: mmap.mmap, stream: int, content: int) -> None:
        """Begin a chunk's next incarnation."""
        size = len(chunk)
        CHUNK.pack_into(chunk, 0, CHUNK_MAGIC, size, stream, 0, 0)
        chunk[CHUNK_HEADER_SIZE:] = bytes(size - CHUNK_HEADER_SIZE)
        INCARNATION.pack_into(chunk, INCARNATION_AT, self._next_incarnation())
        CHUNK.pack_into(chunk, 0, CHUNK_MAGIC, size, stream, content, 0)

    def fold(self, body: bytes, stream: RingStream, ended_ns: int) -> None:
        """Carry on what must be known of a chunk's events; only who holds `fold_lock` calls this."""
        self._folds = folds = self._folds + 1 & U32_MAX
        _BEGUN(self._head, _BEGUN_AT, folds)
        self.carry.fold(body, stream.number, stream.text_of)
        if ended_ns > RING.unpack_from(self._head, RING_AT)[1]:
            _FOLDED(self._head, _FOLDED_AT, ended_ns)
        _DONE(self._head, _DONE_AT, folds)

    def alarm(self, at: int) -> None:
        """Tell who reads the file that there was a stall (`STALLS_AT`) or an exception (`EXCEPTIONS_AT`)."""
        if self._head is not None:  # else the recording has ended
            told = int.from_bytes(self._head[at : at + 4], "little")
            _DONE(self._head, at, told + 1 & U32_MAX)

    def read(self, offset: int, size: int) -> bytes:
        """A part of the file, as it is."""
        descriptor = self._open()
        try:
            lseek(descriptor, offset, os.SEEK_SET)
            return read(descriptor, size)
        finally:
            close(descriptor)

    def close(self) -> None:
        super().close()
        self._head = None

    def _map(self, offset: int, size: int) -> mmap.mmap:
        descriptor = self._open()
        try:
            return mmap.mmap(descriptor, size, offset=offset, **KEEPS_NO_DESCRIPTOR)
        finally:
            os.close(descriptor)


class RingStream(Stream):
    """What one thread writes into a ring."""

    __slots__ = (
        "_current",
        "_ended",
        "_first_text",
        "_folded",
        "_text_chunk",
        "_text_end",
        "_text_offset",
        "_used",
        "_used_texts",
    )

    _file: RingFile

    def __init__(self, file: RingFile, number: int) -> None:
        self._used: deque[_Used] = deque()
        self._used_texts: deque[_UsedTexts] = deque()
        self._current: tuple[int, int] | None = None
        self._folded = self._ended = 0
        self._text_chunk: Any = None
        self._text_offset = self._text_end = self._first_text = 0
        super().__init__(file, number)

    def _take_events(self, _: int) -> None:
        now = self._file.now()
        offset, chunk = self._recycled(now) or self._file.new_chunk(
            self.number, EVENTS, self._next_size(EVENTS)
        )
        # Only now, because what interrupted this may have taken a chunk as well.
        if self._current is not None:
            self._used.append(_Used(*self._current, now))
            self._ended += 1
        self._current = offset, len(chunk)
        self.events = chunk
        self.pen, self.next_position = positions_in(chunk)

    def _next_size(self, content: int) -> int:
        size = min(self._sizes[content], self._file.largest_chunk)
        self._sizes[content] = size * 2
        return size

    def _recycled(self, now: int) -> tuple[int, mmap.mmap] | None:
        """The oldest chunk, cleared, if it may go; what is to be known of it is carried on."""
        file = self._file
        wanted = min(self._sizes[EVENTS], file.largest_chunk)
        if not self._used or not (self._used[0].ended_ns < now - file.last_ns or file.is_full(wanted)):
            return None
        if not file.fold_lock.acquire(blocking=False):
            return None
        try:
            offset, size, ended_ns = self._used[0]
            chunk = file.chunk_again(offset, size)
            end = size - (size - CHUNK_HEADER_SIZE) % EVENT.size
            file.fold(chunk[CHUNK_HEADER_SIZE:end], self, ended_ns)
            file.clear(chunk, self.number, EVENTS)
            self._used.popleft()
            self._folded += 1
        finally:
            file.fold_lock.release()
        return offset, chunk

    def text(self, text: str) -> int:
        number = self._texts.get(text)
        if number is not None:
            return number
        if self._is_defining or self.events is None:
            return 0
        self._is_defining = True
        try:
            payload = encoded(text[:_LONGEST_TEXT])
            size = DEFINITION.size + len(payload)
            if self._text_chunk is None or self._text_end + size > len(self._text_chunk):
                self._take_texts()
            number, at = self._next_number, self._text_end
            self._text_chunk[at + DEFINITION.size : at + size] = payload
            DEFINITION.pack_into(self._text_chunk, at, number, len(payload), DefinitionKind.STRING)
            self._text_end = at + size
            self._next_number = number + 1
            self._texts[text] = number
        finally:
            self._is_defining = False
        return number

    def _take_texts(self) -> None:
        """Another chunk for texts; what is needed again is written again, so that this one can go with its events."""
        used = self._used_texts
        if self._text_chunk is not None:
            # Until the present chunk of events has been folded, and one more for a text whose event is not yet written.
            # To begin another chunk of events here would not do: who has this one at hand goes on writing into it.
            used.append(
                _UsedTexts(self._text_offset, len(self._text_chunk), self._first_text, self._ended + 2)
            )
        if used and used[0].until <= self._folded:
            self._text_offset, size, *_ = used.popleft()
            self._text_chunk = self._file.chunk_again(self._text_offset, size)
            self._file.clear(self._text_chunk, self.number, DEFINITIONS)
        else:
            self._text_offset, self._text_chunk = self._file.new_chunk(self.number, DEFINITIONS, _SMALLEST)
        self._text_end = CHUNK_HEADER_SIZE
        self._first_text = self._next_number
        self._texts.clear()

    def text_of(self, number: int) -> str | None:
        """A text that an event refers to, as long as its chunk has not been used again."""
        if number >= self._first_text:
            offset = self._text_offset
        else:
            offset = next((used.offset for used in reversed(self._used_texts) if used.first <= number), 0)
        if not offset:
            return None
        data = self._file.read(offset, _SMALLEST)
        at = CHUNK_HEADER_SIZE
        while at + DEFINITION.size <= len(data):
            found, size, kind = DEFINITION.unpack_from(data, at)
            at += DEFINITION.size
            if kind == 0:
                return None
            if found == number:
                return data[at : at + size].decode(errors="surrogatepass")
            at += size
        return None

    def drop(self) -> None:
        super().drop()
        self._text_chunk = None
