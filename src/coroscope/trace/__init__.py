"""What happened: the trace file, and the model that every view and analysis reads."""

from __future__ import annotations

import os
from dataclasses import replace

from coroscope.errors import TraceFormatError
from coroscope.record.events import EVENT, EventKind
from coroscope.record.stream import AT_REST, HEADER, HEADER_SIZE, LIVE, MAGIC, VERSION
from coroscope.trace.build import build
from coroscope.trace.live import read_live
from coroscope.trace.model import Ending, Trace
from coroscope.trace.raw import RawTrace
from coroscope.trace.rest import read_rest, write_rest

__all__ = ["Trace", "compact", "load"]


def load(path: str | os.PathLike[str]) -> Trace:
    """The trace in the file at `path`, of a program that has ended, was killed, or still runs.

    TraceFormatError, in one sentence, where it is not a trace that this version can read.
    """
    name = os.fspath(path)
    return build(_read(name))


def compact(path: str | os.PathLike[str], ending: Ending, ended_ns: int | None) -> None:
    """Rewrite the live trace at `path` as a trace at rest, a tenth of its size.

    `ending` is how the process ended, `ended_ns` when, on CLOCK_MONOTONIC; what the program itself wrote of
    its end counts before it.
    """
    name = os.fspath(path)
    raw = _read(name)
    kinds = (stream.events[EVENT.size - 1 :: EVENT.size] for stream in raw.streams.values())
    raw.ending = replace(ending, complete=any(EventKind.PROGRAM_ENDED in kind for kind in kinds))
    # What was going on when the recording stopped may have ended at once: nobody saw it go on until the program's end.
    if ended_ns is not None and raw.origin_ns and not raw.has_stopped_early:
        raw.ended_ns = max(ended_ns - raw.origin_ns, 0)
    write_rest(name, raw)


def _read(path: str) -> RawTrace:
    try:
        with open(path, "rb") as file:
            data = file.read(HEADER.size)
            # The rest only of a trace: a device may have no end.
            data += file.read() if data.startswith(MAGIC) else b""
    except OSError as problem:
        raise TraceFormatError(
            path, f"{(problem.strerror or 'it cannot be opened').lower()}; check the path"
        ) from problem
    if not data.startswith(MAGIC) or len(data) < HEADER.size:
        raise TraceFormatError(path, "it is not a trace; give a file that coroscope run wrote")
    _, version, layout, _, origin_ns = HEADER.unpack_from(data)
    if version > VERSION:
        raise TraceFormatError(
            path, f"it was written by a newer coroscope (format {version}); upgrade coroscope to read it"
        )
    if version == VERSION and layout == LIVE and len(data) >= HEADER_SIZE:
        return read_live(path, data, origin_ns)
    if version == VERSION and layout == AT_REST:
        return read_rest(path, data, origin_ns)
    raise TraceFormatError(path, "its header is damaged; record the program again", 8)
