"""Reads the layout that a running program writes: a header page, then chunks (see `coroscope.record.stream`).

A program may have been killed in the middle of anything, so reading stops without complaint where the chunks do.
"""

from __future__ import annotations

import sys
from array import array
from typing import Any

from coroscope.errors import TraceFormatError
from coroscope.record.events import EVENT, DefinitionKind, EventKind
from coroscope.record.layout import (
    CHUNK,
    CHUNK_HEADER_SIZE,
    CHUNK_MAGIC,
    DEFINITION,
    DEFINITIONS,
    EVENTS,
    HEADER,
    HEADER_SIZE,
    LONGEST_WORD,
    META,
    SMALLEST_CHUNK,
    WORD,
)
from coroscope.trace.raw import RawStream, RawTrace, meta_from, next_stream


def read_live(path: str, data: bytes, origin_ns: int) -> RawTrace:
    """The content of a live trace file, as far as it was written."""
    meta: dict[str, Any] | None = None
    streams: dict[int, RawStream] = {}
    position = HEADER_SIZE
    while position + CHUNK_HEADER_SIZE <= len(data):
        magic, size, number, content, _ = CHUNK.unpack_from(data, position)
        if magic == b"\0\0\0\0":
            # Room that was reserved, and whose owner was killed before it could sign it.
            position += SMALLEST_CHUNK
            continue
        if magic != CHUNK_MAGIC or size % SMALLEST_CHUNK or size == 0:
            raise TraceFormatError(path, "a chunk's header is damaged; record the program again", position)
        body = data[position + CHUNK_HEADER_SIZE : position + size]
        if content == META and meta is None:
            meta = _read_meta(path, body)
        elif content == EVENTS:
            streams.setdefault(number, RawStream()).events += _since(origin_ns, _written_events(body))
        elif content == DEFINITIONS:
            streams.setdefault(number, RawStream()).definitions += _written_definitions(body)
        position += size
    if meta is None:
        raise TraceFormatError(path, "its metadata is missing; record the program again", HEADER_SIZE)
    word = _read_word(data, origin_ns)
    if word is not None:
        streams[next_stream(streams)] = word
    return RawTrace(meta, origin_ns, streams, has_stopped_early=word is not None)


def _read_word(data: bytes, origin_ns: int) -> RawStream | None:
    """Why the recording stopped early, if it did, as the notice that a stream would hold."""
    time_ns, size = WORD.unpack_from(data, HEADER.size)
    if not 0 < size <= LONGEST_WORD:
        return None
    text = data[HEADER.size + WORD.size :][:size].decode(errors="replace").encode()
    notice = EVENT.pack(max(time_ns - origin_ns, 0), 0, 0, 1, 0, 0, EventKind.NOTICE)
    definition = DEFINITION.pack(1, len(text), DefinitionKind.STRING) + text
    return RawStream(bytearray(notice), bytearray(definition))


def _written_events(body: bytes) -> bytes:
    # The last byte of a record is its kind, which is 0 where none was written.
    count = len(body[EVENT.size - 1 :: EVENT.size].rstrip(b"\0"))
    return body[: count * EVENT.size]


def _since(origin_ns: int, events: bytes) -> bytes:
    """The same events, with times that count from the recording's start."""
    words = array("Q")
    words.frombytes(events)
    if sys.byteorder == "big":
        words.byteswap()
    words[::3] = array("Q", [max(time_ns - origin_ns, 0) for time_ns in words[::3]])
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


def _written_definitions(body: bytes) -> bytes:
    position = 0
    while position + DEFINITION.size <= len(body):
        _, size, kind = DEFINITION.unpack_from(body, position)
        if kind == 0 or position + DEFINITION.size + size > len(body):
            break
        position += DEFINITION.size + size
    return body[:position]


def _read_meta(path: str, body: bytes) -> dict[str, Any]:
    size = DEFINITION.unpack_from(body)[1] if len(body) >= DEFINITION.size else 0
    return meta_from(path, body[DEFINITION.size : DEFINITION.size + size])
