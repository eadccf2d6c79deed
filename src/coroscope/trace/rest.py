"""Writes and reads the layout of a trace at rest: columns, deflated in blocks, each with a checksum.

The blocks of a stream hold its events in order, 65,536 at most in each. Times are stored as differences from the event
before, and the bytes of all records are stored plane by plane, so that what hardly changes costs hardly anything.
"""

from __future__ import annotations

import json
import os
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import accumulate, pairwise
from struct import Struct
from tempfile import NamedTemporaryFile
from typing import Any

from coroscope.errors import TraceFormatError
from coroscope.record.events import EVENT
from coroscope.record.layout import AT_REST, DEFINITIONS, EVENTS, HEADER, MAGIC, META, VERSION
from coroscope.trace.raw import (
    EventBlock,
    RawStream,
    RawTrace,
    ending_from,
    is_time,
    meta_from,
    notices_from,
    parts_from,
)

BLOCK = Struct(
    "<4sHHIIII"
)  # magic, content, -, stream, size at rest, size inflated, CRC-32 of what is at rest
BLOCK_MAGIC = b"BLCK"
END_MAGIC = b"END."
_EVENTS_A_BLOCK = 65536
_U64_MAX = (1 << 64) - 1
_GREATEST_RATIO = 100
"""By how much a block shrinks at most, so that the file bounds what a reader needs; recordings shrink by 10 to 20."""


def write_rest(path: str, raw: RawTrace) -> None:
    """Replace the file at `path` by `raw` at rest; on failure the file stays as it was."""
    folder = os.path.dirname(os.path.abspath(path))
    with NamedTemporaryFile(dir=folder, prefix=os.path.basename(path), delete=False) as file:
        try:
            file.write(HEADER.pack(MAGIC, VERSION, AT_REST, 0, raw.origin_ns))
            ending = None if raw.ending is None else asdict(raw.ending)
            about: dict[str, Any] = {"meta": raw.meta, "ending": ending, "ended_ns": raw.ended_ns}
            if raw.parts:
                about["parts"] = [asdict(part) for part in raw.parts]
            if raw.notices:
                about["notices"] = raw.notices
            file.write(_block(META, 0, json.dumps(about).encode()))
            for number, stream in raw.streams.items():
                if stream.definitions:
                    file.write(_block(DEFINITIONS, number, bytes(stream.definitions)))
                for records in _full_blocks(stream):
                    file.write(_block(EVENTS, number, _to_planes(records)))
            file.write(BLOCK.pack(END_MAGIC, 0, 0, 0, 0, 0, 0))
            file.flush()
            os.fsync(file.fileno())
            _keep_permissions(path, file.name)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _keep_permissions(path: str, temporary: str) -> None:
    os.chmod(temporary, os.stat(path).st_mode & 0o777)


def _full_blocks(stream: RawStream) -> Iterator[bytes]:
    """The stream's records, as many together as a block at rest holds; of the last one, what is left."""
    size = _EVENTS_A_BLOCK * EVENT.size
    waiting = bytearray()
    for block in stream.as_blocks():
        waiting += block.read()
        while len(waiting) >= size:
            yield bytes(waiting[:size])
            del waiting[:size]
    if waiting:
        yield bytes(waiting)


def _block(content: int, stream: int, data: bytes) -> bytes:
    stored = zlib.compress(data, 6)
    if len(data) > len(stored) * _GREATEST_RATIO:
        coder = zlib.compressobj(strategy=zlib.Z_HUFFMAN_ONLY)  # one eighth at least
        stored = coder.compress(data) + coder.flush()
    return BLOCK.pack(BLOCK_MAGIC, content, 0, stream, len(stored), len(data), zlib.crc32(stored)) + stored


def _to_planes(records: bytes) -> bytes:
    words = array("Q")
    words.frombytes(records)
    times = words[::3]
    deltas = array("Q", [(time - before) & _U64_MAX for before, time in pairwise([0, *times])]).tobytes()
    planes = [deltas[plane::8] for plane in range(8)]
    planes += [records[plane :: EVENT.size] for plane in range(8, EVENT.size)]
    return b"".join(planes)


def _from_planes(planes: bytes) -> bytes:
    count = len(planes) // EVENT.size
    records = bytearray(len(planes))
    deltas = bytearray(count * 8)
    for plane in range(8):
        deltas[plane::8] = planes[plane * count : (plane + 1) * count]
    for plane in range(8, EVENT.size):
        records[plane :: EVENT.size] = planes[plane * count : (plane + 1) * count]
    times = array("Q")
    times.frombytes(bytes(deltas))
    try:
        stored = array("Q", accumulate(times)).tobytes()
    except OverflowError:  # Some time is before the one before it: the difference has wrapped around.
        stored = array("Q", [total & _U64_MAX for total in accumulate(times)]).tobytes()
    for plane in range(8):
        records[plane :: EVENT.size] = stored[plane::8]
    return bytes(records)


def read_rest(path: str, data: bytes, origin_ns: int) -> RawTrace:
    """The content of a trace at rest; TraceFormatError where a bit of it is not as it was written."""
    about: bytes | None = None
    streams: dict[int, RawStream] = {}
    position = HEADER.size
    while True:
        if position + BLOCK.size > len(data):
            raise TraceFormatError(path, "the file is truncated; copy it again", position)
        magic, content, _, number, size, inflated, checksum = BLOCK.unpack_from(data, position)
        if magic == END_MAGIC:
            break
        if magic != BLOCK_MAGIC:
            raise TraceFormatError(path, "a block's header is damaged; copy it again", position)
        inflate = _check(path, data, position, size, inflated, checksum)
        if content == META:
            about = inflate()
        elif content == EVENTS:
            if inflated % EVENT.size or inflated > _EVENTS_A_BLOCK * EVENT.size:
                raise TraceFormatError(path, "a block's size is impossible; copy it again", position)
            block = EventBlock(inflated // EVENT.size, partial(_read_events, inflate))
            streams.setdefault(number, RawStream()).blocks.append(block)
        elif content == DEFINITIONS:
            streams.setdefault(number, RawStream()).definitions += inflate()
        position += BLOCK.size + size
    if about is None:
        raise TraceFormatError(path, "its metadata is missing; copy it again", HEADER.size)
    return _trace_from(path, about, origin_ns, streams)


def _read_events(inflate: Callable[[], bytes]) -> bytes:
    return _from_planes(inflate())


def _check(
    path: str, data: bytes, position: int, size: int, inflated: int, checksum: int
) -> Callable[[], bytes]:
    """What inflates the block at `position`, which is as it was written, and within its limits."""
    start = position + BLOCK.size
    if start + size > len(data):
        raise TraceFormatError(path, "the file is truncated; copy it again", position)
    stored = memoryview(data)[start : start + size]
    if zlib.crc32(stored) != checksum:
        raise TraceFormatError(path, "a block's checksum is wrong; copy the file again", position)
    if inflated > size * _GREATEST_RATIO:
        raise TraceFormatError(
            path, "a block inflates to more than any recording does; record the program again", position
        )
    return partial(_inflate, path, position, stored, inflated)


def _inflate(path: str, position: int, stored: memoryview, inflated: int) -> bytes:
    try:
        inflater = zlib.decompressobj()
        body = inflater.decompress(stored, inflated + 1)
    except zlib.error as problem:
        raise TraceFormatError(path, "a block cannot be inflated; copy the file again", position) from problem
    if len(body) != inflated:
        raise TraceFormatError(path, "a block has the wrong size; copy the file again", position)
    return body


def _trace_from(path: str, body: bytes, origin_ns: int, streams: dict[int, RawStream]) -> RawTrace:
    about = meta_from(path, body)
    meta, ending, ended_ns = (about.get(name) for name in ("meta", "ending", "ended_ns"))
    if not isinstance(meta, dict) or not (ended_ns is None or is_time(ended_ns)):
        raise TraceFormatError(path, "its metadata is damaged; copy the file again")
    return RawTrace(
        meta,
        origin_ns,
        streams,
        None if ending is None else ending_from(path, ending),
        ended_ns,
        parts_from(path, about.get("parts", [])),
        notices_from(about.get("notices")),
    )
