"""The live trace file: mapped memory, so that whatever was written survives the program, however it ends.

layout.py says what is where. A stream is one thread's; only that thread replaces its chunks, and only handing out room
in the file is locked. Rule: what makes a record count is written last, so none is ever seen torn.

No descriptor is kept: programs close those that they do not know. Room is reserved before it is mapped, because
writing to a mapped page that the disk has no room for would kill the program.
"""

from __future__ import annotations

import _thread
import itertools
import mmap
import os
import sys
from collections.abc import Callable, Mapping
from errno import ENOSPC

# As they are: programs replace them to find what blocks their loop, or to count what they read and write.
from os import close, fstat, ftruncate, lseek, stat, write
from os import open as open_descriptor
from struct import Struct, error
from typing import Any

from coroscope.record.compiled import QUICK
from coroscope.record.events import EVENT, U32_MAX, DefinitionKind
from coroscope.record.layout import (
    CHUNK,
    CHUNK_HEADER_SIZE,
    CHUNK_MAGIC,
    DEFINITION,
    DEFINITIONS,
    EVENTS,
    HEADER,
    HEADER_SIZE,
    INCARNATION,
    LARGEST_CHUNK,
    LIVE,
    LONGEST_WORD,
    MAGIC,
    META,
    ORIGIN_AT,
    SMALLEST_CHUNK,
    VERSION,
    WORD,
)

pack_event = Struct("<QIIQ").pack_into
"""Writes a whole event, of time, a, b, and the rest as one number."""
NO_ROOM = (error, TypeError, ValueError)
"""What it raises where the chunk is full, or there is none any more."""
_MOST_NUMBERS = 200_000
_MOST_TEXTS = 4096
"""So many texts of the program's own a stream remembers at once: there may be a new one for each task."""
KEEPS_NO_DESCRIPTOR: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}
_reserve = getattr(os, "posix_fallocate", lambda file, offset, size: ftruncate(file, offset + size))
_ZEROS = bytes(SMALLEST_CHUNK)
open_file = open  # as it is, too


def create(path: str, meta: Mapping[str, object]) -> None:
    """Begin a live trace file at `path`, replacing what is there; OSError where that cannot be."""
    import json  # Only here, in the supervising process: the recorded program does not pay for it.

    create_from_text(path, json.dumps(meta))


def create_from_text(path: str, meta: str) -> None:
    """Do as `create` does, with `meta` as the JSON that it is to be."""
    text = meta.encode()
    size = _round_up(CHUNK_HEADER_SIZE + DEFINITION.size + len(text))
    chunk = bytearray(size)
    CHUNK.pack_into(chunk, 0, CHUNK_MAGIC, size, 0, META, 0)
    DEFINITION.pack_into(chunk, CHUNK_HEADER_SIZE, 1, len(text), DefinitionKind.STRING)
    start = CHUNK_HEADER_SIZE + DEFINITION.size
    chunk[start : start + len(text)] = text
    with open_file(path, "wb") as file:
        file.write(HEADER.pack(MAGIC, VERSION, LIVE, 0, 0))
        file.seek(HEADER_SIZE)
        file.write(chunk)


def append_events(path: str, stream: int, events: bytes | bytearray) -> None:
    """Add events of one more stream to a live trace that nobody else writes; OSError where that cannot be."""
    room = LARGEST_CHUNK - CHUNK_HEADER_SIZE
    most = room - room % EVENT.size
    with open_file(path, "r+b") as file:
        file.seek(_round_up(file.seek(0, os.SEEK_END)))
        for start in range(0, len(events), most):
            part = events[start : start + most]
            size = _round_up(CHUNK_HEADER_SIZE + len(part))
            header = CHUNK.pack(CHUNK_MAGIC, size, stream, EVENTS, 0).ljust(CHUNK_HEADER_SIZE, b"\0")
            file.write((header + part).ljust(size, b"\0"))


def _fill(descriptor: int, size: int) -> None:
    """Write so many zeros.

    The system then has the pages in memory, many in one piece. To bring in each of them when it is first written to
    through a map costs five times as much (Linux 6.18, ext4: 5 µs a page, that is 30 ns an event).
    """
    while size > 0:
        written = write(descriptor, _ZEROS[:size])
        if not written:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        size -= written


def _round_up(size: int) -> int:
    return -(-size // SMALLEST_CHUNK) * SMALLEST_CHUNK


class ChunkFile:
    """A live trace file as the recorded program writes it."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._lock = _thread.allocate_lock()
        self._next_stream = itertools.count(1).__next__
        self._streams: list[Stream] = []
        self._is_abandoned = False
        status = stat(self._path)
        self._identity = (status.st_dev, status.st_ino)

    def start(self, origin_ns: int) -> None:
        """Write down when the recording begins, on CLOCK_MONOTONIC."""
        descriptor = self._open()
        try:
            lseek(descriptor, ORIGIN_AT, os.SEEK_SET)
            write(descriptor, origin_ns.to_bytes(8, "little"))
        finally:
            close(descriptor)

    def leave_word(self, time_ns: int, sentence: str) -> None:
        """Write down why the recording stopped: in the header's page, which needs no room that there may not be."""
        text = sentence.encode(errors="replace")[:LONGEST_WORD]
        descriptor = self._open()
        try:
            lseek(descriptor, HEADER.size, os.SEEK_SET)
            write(descriptor, WORD.pack(time_ns, len(text)) + text)
        finally:
            close(descriptor)

    def open_stream(self) -> Stream:
        """A new stream, for the calling thread alone."""
        stream = Stream(self, self._next_stream())
        self._streams.append(stream)
        return stream

    def map_chunk(self, stream: int, content: int, size: int) -> mmap.mmap:
        """Room for `size` bytes at the file's end, mapped, with its header written; OSError where there is none."""
        return self._place_chunk(stream, content, size)[1]

    def _place_chunk(
        self, stream: int, content: int, size: int, incarnation: int = 0
    ) -> tuple[int, mmap.mmap]:
        """As `map_chunk`, and where in the file it is."""
        descriptor = self._open()
        try:
            with self._lock:
                offset = lseek(descriptor, 0, os.SEEK_END)
                _reserve(descriptor, offset, size)
            lseek(descriptor, offset, os.SEEK_SET)
            _fill(descriptor, size)
            header = CHUNK.pack(CHUNK_MAGIC, size, stream, content, 0) + INCARNATION.pack(incarnation)
            lseek(descriptor, offset, os.SEEK_SET)
            write(descriptor, header)
            return offset, mmap.mmap(descriptor, size, offset=offset, **KEEPS_NO_DESCRIPTOR)
        finally:
            close(descriptor)

    @property
    def is_growing(self) -> bool:
        """Whether a thread is making room at the file's end."""
        return self._lock.locked()

    def _open(self) -> int:
        if self._is_abandoned:
            raise OSError(f"{self._path!r} is the trace of the process that forked this one")
        descriptor = open_descriptor(
            self._path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        )
        status = fstat(descriptor)
        if (status.st_dev, status.st_ino) != self._identity:
            close(descriptor)
            raise OSError(f"{self._path!r} is no longer the trace that was begun")
        return descriptor

    def close(self) -> None:
        """Let go of every stream; what was written stays."""
        for stream in self._streams:
            stream.drop()

    def abandon(self) -> None:
        """In a forked child: write nowhere from now on. The maps, shared with the parent, are left as they are."""
        self._is_abandoned = True
        self.close()


class Stream:
    """What one thread writes: a chunk of events, a chunk of definitions, and what is already defined."""

    __slots__ = (
        "_defined",
        "_definitions",
        "_file",
        "_is_defining",
        "_next_number",
        "_numbers",
        "_pack",
        "_sizes",
        "_texts",
        "events",
        "next_position",
        "number",
        "pen",
        "thread",
    )

    def __init__(self, file: ChunkFile, number: int) -> None:
        self._file = file
        self.number = number
        self.thread = 0
        """What the system calls the thread that writes it; 0: it is no thread's."""
        self._is_defining = False
        self._next_number = 1
        self._numbers: dict[Any, int] = {}
        self._texts: dict[str, int] = {}
        self._sizes = {EVENTS: SMALLEST_CHUNK, DEFINITIONS: SMALLEST_CHUNK}
        self._pack = EVENT.pack_into
        self.events: Any = None
        self._take_events(0)
        self._definitions: Any = None
        self._defined = 0
        self._take_definitions(0)

    def _take(self, content: int, least: int) -> mmap.mmap:
        size = max(self._sizes[content], _round_up(least + CHUNK_HEADER_SIZE))
        self._sizes[content] = min(self._sizes[content] * 2, LARGEST_CHUNK)
        return self._file.map_chunk(self.number, content, size)

    def _take_events(self, _: int) -> None:
        full = self.events
        events = self._take(EVENTS, 0)
        # What interrupted this, a signal's handler perhaps, may have taken a later one.
        if self.events is full:
            self.events = events
            self.pen, self.next_position = positions_in(events)

    def _take_definitions(self, least: int) -> None:
        self._definitions = self._take(DEFINITIONS, least)
        self._defined = CHUNK_HEADER_SIZE

    def emit(
        self, kind: int, time_ns: int, a: int = 0, b: int = 0, c: int = 0, detail: int = 0, source: int = 0
    ) -> None:
        """Write one event; OSError where there is no more room on the disk."""
        try:
            self._pack(self.events, self.next_position(), time_ns, a, b, c, source, detail, kind)
        except error:
            if self.events is not None:
                self._take_events(0)
            if self.events is not None:
                self._pack(self.events, self.next_position(), time_ns, a, b, c, source, detail, kind)
        except TypeError:
            if self.events is not None:
                raise

    def write(self, time_ns: int, a: int, b: int, word: int) -> None:
        """As `emit`, faster: `word` is the event's last eight bytes, c and what `word_of` tells of the rest."""
        try:
            pack_event(self.events, self.next_position(), time_ns, a, b, word)
        except NO_ROOM:  # in a new chunk
            kind, detail, source, c = word >> 56, word >> 48 & 0xFF, word >> 32 & 0xFFFF, word & U32_MAX
            self.emit(kind, time_ns, a, b, c, detail, source)

    def emit_for_later(self, event: tuple[int, int, int, int, int, int, int]) -> tuple[Any, int] | None:
        """Write one event, and give the memory and the position in it where it can be completed; None at the end."""
        if self.events is None:
            return None
        position = self.next_position()
        if position + EVENT.size > len(self.events):
            self._take_events(0)
            if self.events is None:
                return None
            position = self.next_position()
        self._pack(self.events, position, *event)
        return self.events, position

    def text(self, text: str) -> int:
        """The number of a text that the program makes up as it runs: of these there is no end."""
        number = self._texts.get(text)
        if number is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            number = self._define(None, DefinitionKind.STRING, encoded(text))
            if number:
                self._texts[text] = number
        return number

    def string(self, text: str) -> int:
        """The number of a text of which the program has only so many: names of functions, files, types."""
        number = self._numbers.get(text)
        return self._define(text, DefinitionKind.STRING, encoded(text)) if number is None else number

    def place(self, key: tuple[int, int], function: str, file: str, line: int) -> int:
        """The number of a place in the program; `key` is the code object's id() and an offset in it."""
        number = self._numbers.get(key)
        if number is not None:
            return number
        numbers = (self.string(function), self.string(file), line)
        return self._define(key, DefinitionKind.PLACE, _pack_u32(numbers))

    def stack(self, places: tuple[int, ...]) -> int:
        """The number of a chain of places, outermost first."""
        key = (DefinitionKind.STACK, places)
        number = self._numbers.get(key)
        return self._define(key, DefinitionKind.STACK, _pack_u32(places)) if number is None else number

    def site(self, coroutine: str, file: str, line: int, created_at: int) -> int:
        """The number of a kind of task: what it runs, and the place that creates it (0: not known)."""
        key = (DefinitionKind.SITE, coroutine, file, line, created_at)
        number = self._numbers.get(key)
        if number is not None:
            return number
        numbers = (self.string(coroutine), self.string(file), line, created_at)
        return self._define(key, DefinitionKind.SITE, _pack_u32(numbers))

    def _define(self, key: Any, kind: DefinitionKind, payload: bytes) -> int:
        """Write one definition, and return its number; 0 for one that interrupts another being written.

        It is remembered by `key`, unless that is None.
        """
        if self._is_defining or self._definitions is None:
            return 0
        self._is_defining = True
        try:
            end = self._defined + DEFINITION.size + len(payload)
            if end > len(self._definitions):
                self._take_definitions(DEFINITION.size + len(payload))
                end = self._defined + DEFINITION.size + len(payload)
            number = self._next_number
            self._definitions[self._defined + DEFINITION.size : end] = payload
            # Number and size come before the kind, which makes them count.
            DEFINITION.pack_into(self._definitions, self._defined, number, len(payload), kind)
            self._defined = end
            self._next_number = number + 1
            if key is not None:
                if len(self._numbers) >= _MOST_NUMBERS:
                    self._numbers.clear()  # What is needed again gets a second number.
                self._numbers[key] = number
        finally:
            self._is_defining = False
        return number

    def drop(self) -> None:
        """Write no more; events that still come are lost without a word."""
        self.events = self.pen = self._definitions = None
        self.next_position = int  # What there was may hold the chunk, and so the file.


def positions_in(chunk: mmap.mmap) -> tuple[Any, Callable[[], int]]:
    """What writes events into `chunk` from compiled code, None where there is none, and what gives the next position.

    A position is claimed by one call into C, so that a signal's handler or a finaliser that writes an event in between
    gets another one.
    """
    if QUICK is None:
        return None, itertools.count(CHUNK_HEADER_SIZE, EVENT.size).__next__
    pen = QUICK.Pen(chunk, CHUNK_HEADER_SIZE)
    return pen, pen.claim


def word_of(kind: int, source: int, detail: int = 0) -> int:
    """The last eight bytes of an event whose c is 0."""
    return source << 32 | detail << 48 | kind << 56


def encoded(text: str) -> bytes:
    """A text as a definition holds it."""
    return text.encode(errors="surrogatepass")


def _pack_u32(numbers: tuple[int, ...]) -> bytes:
    return b"".join([number.to_bytes(4, "little") for number in numbers])
