"""Writes and reads the layout of a trace at rest: columns, deflated in blocks, each with a checksum.

The blocks of a stream hold its events in order, 65,536 at most in each. Times are stored as differences from the event
before, and the bytes of all records are stored plane by plane, so that what hardly changes costs hardly anything.
"""

from __future__ import annotations

import json
import os
import zlib
from array import array
from dataclasses import asdict
from operator import sub
from struct import Struct
from tempfile import NamedTemporaryFile
from typing import Any

from coroscope.errors import TraceFormatError
from coroscope.record.events import EVENT
from coroscope.record.stream import AT_REST, DEFINITIONS, EVENTS, HEADER, MAGIC, META, VERSION
from coroscope.trace.raw import RawStream, RawTrace, ending_from

BLOCK = Struct(
    "<4sHHIIII"
)  # magic, content, -, stream, size at rest, size inflated, CRC-32 of what is at rest
BLOCK_MAGIC = b"BLCK"
END_MAGIC = b"END."
_EVENTS_A_BLOCK = 65536
_LARGEST_BLOCK = 1 << 30


def write_rest(path: str, raw: RawTrace) -> None:
    """Replace the file at `path` by `raw` at rest; on failure the file stays as it was."""
    folder = os.path.dirname(os.path.abspath(path))
    with NamedTemporaryFile(dir=folder, prefix=os.path.basename(path), delete=False) as file:
        try:
            file.write(HEADER.pack(MAGIC, VERSION, AT_REST, 0, raw.origin_ns))
            ending = None if raw.ending is None else asdict(raw.ending)
            about = {"meta": raw.meta, "ending": ending, "ended_ns": raw.ended_ns}
            file.write(_block(META, 0, json.dumps(about).encode()))
            for number, stream in raw.streams.items():
                if stream.definitions:
                    file.write(_block(DEFINITIONS, number, bytes(stream.definitions)))
                for start in range(0, len(stream.events), _EVENTS_A_BLOCK * EVENT.size):
                    records = bytes(stream.events[start : start + _EVENTS_A_BLOCK * EVENT.size])
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


def _block(content: int, stream: int, data: bytes) -> bytes:
    stored = zlib.compress(data, 6)
    return BLOCK.pack(BLOCK_MAGIC, content, 0, stream, len(stored), len(data), zlib.crc32(stored)) + stored


def _to_planes(records: bytes) -> bytes:
    words = array("q")
    words.frombytes(records)
    times = words[::3]
    times[1:] = array("q", map(sub, times[1:], times[:-1]))
    deltas = times.tobytes()
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
    total = 0
    for index, delta in enumerate(times):
        total = (total + delta) & 0xFFFF_FFFF_FFFF_FFFF
        times[index] = total
    stored = times.tobytes()
    for plane in range(8):
        records[plane :: EVENT.size] = stored[plane::8]
    return bytes(records)


def read_rest(path: str, data: bytes, origin_ns: int) -> RawTrace:
    """The content of a trace at rest; TraceFormatError where a bit of it is not as it was written."""
    about: dict[str, Any] | None = None
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
        body = _inflate(path, data, position, size, inflated, checksum)
        if content == META:
            about = _parse_about(path, body)
        elif content == EVENTS:
            if inflated % EVENT.size:
                raise TraceFormatError(path, "a block's size is impossible; copy it again", position)
            streams.setdefault(number, RawStream()).events += _from_planes(body)
        elif content == DEFINITIONS:
            streams.setdefault(number, RawStream()).definitions += body
        position += BLOCK.size + size
    if about is None:
        raise TraceFormatError(path, "its metadata is missing; copy it again", HEADER.size)
    ending = None if about["ending"] is None else ending_from(path, about["ending"])
    return RawTrace(about["meta"], origin_ns, streams, ending, about["ended_ns"])


def _inflate(path: str, data: bytes, position: int, size: int, inflated: int, checksum: int) -> bytes:
    start = position + BLOCK.size
    if start + size > len(data):
        raise TraceFormatError(path, "the file is truncated; copy it again", position)
    stored = data[start : start + size]
    if zlib.crc32(stored) != checksum or inflated > _LARGEST_BLOCK:
        raise TraceFormatError(path, "a block's checksum is wrong; copy the file again", position)
    try:
        inflater = zlib.decompressobj()
        body = inflater.decompress(stored, inflated + 1)
    except zlib.error as problem:
        raise TraceFormatError(path, "a block cannot be inflated; copy the file again", position) from problem
    if len(body) != inflated:
        raise TraceFormatError(path, "a block has the wrong size; copy the file again", position)
    return body


def _parse_about(path: str, body: bytes) -> dict[str, Any]:
    try:
        about = json.loads(body)
    except ValueError as problem:
        raise TraceFormatError(path, "its metadata is damaged; copy the file again") from problem
    if not isinstance(about, dict) or not {"meta", "ending", "ended_ns"} <= about.keys():
        raise TraceFormatError(path, "its metadata is incomplete; copy the file again")
    return about
