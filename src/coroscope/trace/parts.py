"""Joins what the processes of one run have recorded, each in a file of its own, into one trace.

A child's file is a part: a live trace in a folder beside the program's. In the joined trace, ids of tasks and loops
and numbers of streams are all different; times need no change, for all are told by one clock, but for the parts of
other machines, which remote.py reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

from coroscope.errors import TraceFormatError
from coroscope.record.events import (
    EVENT,
    FIELDS,
    GIVEN_BY,
    THREAD_ITSELF,
    U32_MAX,
    Cause,
    EventKind,
    Fields,
    Numbered,
)
from coroscope.record.layout import AT_REST, HEADER, HEADER_SIZE, LIVE, MAGIC, VERSION
from coroscope.record.part import FOLDER_SUFFIX, SUFFIX
from coroscope.trace.live import read_live
from coroscope.trace.raw import Part, RawStream, RawTrace, next_stream
from coroscope.trace.remote import read_remote

_LATEST_SOURCE = 0xFFFF
_Counts = dict[Numbered, int]
_OF_NOTHING: Fields = (None, None, None)


def join_parts(path: str, raw: RawTrace) -> None:
    """Add to `raw`, what the program itself wrote into the live trace at `path`, the parts of its children."""
    parts = list(_iter_parts(path, raw))
    if not parts:
        return
    counts = _counts(raw)
    for part in parts:
        first = next_stream(raw.streams)
        _shift(part, counts, dict(zip(part.streams, count(first))))
        latest = _counts(part)
        counts = {what: max(number, latest[what]) for what, number in counts.items()}
        numbers = range(first, first + len(part.streams))
        raw.streams.update(zip(numbers, part.streams.values(), strict=True))
        raw.parts.append(Part(part.meta, tuple(numbers)))


def _iter_parts(path: str, raw: RawTrace) -> Iterator[RawTrace]:
    for number, file in enumerate(part_files(path), 1):
        part = _read_part(file, raw, number)
        if part is None:
            raw.notices.append(f"what a child process recorded in {os.path.basename(file)!r} cannot be read")
        elif part.meta.get("run") == raw.origin_ns:  # else it was left by another run into the same file
            raw.notices += part.notices
            yield part


def part_files(path: str) -> list[str]:
    """The files of the parts of the trace at `path`, in the order in which they were begun."""
    folder = os.path.abspath(path) + FOLDER_SUFFIX
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names, key=_age) if name.endswith(SUFFIX)]


def remove_parts(path: str) -> None:
    """Delete the parts of the trace at `path`, and their folder unless there is something else in it."""
    for file in part_files(path):
        with suppress(OSError):
            os.unlink(file)
    with suppress(OSError):
        os.rmdir(os.path.abspath(path) + FOLDER_SUFFIX)


def _age(name: str) -> tuple[int, str]:
    begun = name.removesuffix(SUFFIX).rpartition("-")[2]
    return (int(begun) if begun.isascii() and begun.isdigit() else 0), name


def _read_part(file: str, root: RawTrace, number: int) -> RawTrace | None:
    try:
        with open(file, "rb") as opened:
            data = opened.read()
        magic, version, layout, _, _ = HEADER.unpack_from(data.ljust(HEADER.size, b"\0"))
        if (magic, version, layout) == (MAGIC, VERSION, AT_REST):
            return read_remote(file, data, root.origin_ns, number)
        if (magic, version, layout) != (MAGIC, VERSION, LIVE) or len(data) < HEADER_SIZE:
            return None
        return read_live(file, data, root.origin_ns)
    except (OSError, TraceFormatError):
        return None


def _counts(raw: RawTrace) -> _Counts:
    """The highest number of each thing that is numbered."""
    return {what: _latest(raw, kind, field) for what, (kind, field) in GIVEN_BY.items()}


def _latest(raw: RawTrace, kind: EventKind, field: int) -> int:
    latest = 0
    for stream in raw.streams.values():
        kinds = stream.events[EVENT.size - 1 :: EVENT.size]
        index = kinds.find(kind)
        while index >= 0:
            latest = max(latest, EVENT.unpack_from(stream.events, index * EVENT.size)[field])
            index = kinds.find(kind, index + 1)
    return latest


def _shift(part: RawTrace, counts: _Counts, streams: dict[int, int]) -> None:
    """Count what is numbered in `part` on from `counts`, and call its streams what `streams` says."""
    for stream in part.streams.values():
        for index, event in enumerate(EVENT.iter_unpack(bytes(stream.events))):
            EVENT.pack_into(stream.events, index * EVENT.size, *_shifted(event, counts, streams))


def _shifted(event: tuple[int, ...], counts: _Counts, streams: dict[int, int]) -> tuple[int, ...]:
    time_ns, a, b, c, source, detail, kind = event
    of_a, of_b, of_source = FIELDS.get(kind, _OF_NOTHING)  # type: ignore[call-overload]
    if kind == EventKind.WOKEN and detail == Cause.TASK:
        of_b = "task"
    elif kind == EventKind.THREAD_WRITES and detail != THREAD_ITSELF:
        b = streams.get(b, 0)
    a = _counted(a, counts, of_a, U32_MAX)
    b = _counted(b, counts, of_b, U32_MAX)
    return time_ns, a, b, c, _counted(source, counts, of_source, _LATEST_SOURCE), detail, kind


def _counted(number: int, counts: _Counts, what: Numbered | None, latest: int) -> int:
    """The number in the joined trace; one that cannot be counted any more is 0, not known."""
    if what is None:
        return number
    return number + counts[what] if number and number + counts[what] <= latest else 0


def program_streams(raw: RawTrace) -> Iterator[RawStream]:
    """The streams of the program's own process, also of what it executed in its place."""
    children = {number for part in raw.parts for number in part.streams}
    own = {number: stream for number, stream in raw.streams.items() if number not in children}
    pids = {pid for stream in own.values() for pid in _pids(stream)}
    yield from own.values()
    for part in raw.parts:
        if not part.machine and any(
            pid in pids for number in part.streams for pid in _pids(raw.streams[number])
        ):
            yield from (raw.streams[number] for number in part.streams)


def _pids(stream: RawStream) -> Iterator[int]:
    """The number of the process that wrote it, where it says so."""
    index = stream.events[EVENT.size - 1 :: EVENT.size].find(EventKind.PROCESS_BEGUN)
    if index >= 0:
        yield EVENT.unpack_from(stream.events, index * EVENT.size)[1]
