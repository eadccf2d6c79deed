"""What happened: the trace file, and the model that every view and analysis reads."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from coroscope.errors import TraceFormatError
from coroscope.record.events import EVENT, EventKind
from coroscope.record.layout import AT_REST, HEADER, HEADER_SIZE, LIVE, MAGIC, VERSION
from coroscope.trace.build import Limits, build
from coroscope.trace.clipping import clip
from coroscope.trace.live import read_live
from coroscope.trace.model import Ending, Trace
from coroscope.trace.parts import join_parts, program_streams, remove_parts
from coroscope.trace.raw import RawTrace
from coroscope.trace.rest import read_rest, write_rest
from coroscope.trace.ring import is_ring, read_ring, settle
from coroscope.trace.runs import side_by_side

__all__ = ["Limits", "Trace", "clip", "compact", "load", "save_copy", "side_by_side"]

_LIMITS = Limits()


def load(path: str | os.PathLike[str], limits: Limits = _LIMITS) -> Trace:
    """The trace in the file at `path`, of a program that has ended, was killed, or still runs.

    Of a recording that is over the limits it is the first part, and `cut` says so.
    TraceFormatError, in one sentence, where it is not a trace that this version can read.
    """
    name = os.fspath(path)
    return build(_read(name), limits)


def compact(path: str | os.PathLike[str], ending: Ending, ended_ns: int | None) -> None:
    """Rewrite the live trace at `path`, with the parts of its children, as one trace at rest, a tenth of its size.

    `ending` is how the process ended, `ended_ns` when, on CLOCK_MONOTONIC; what the program itself wrote of
    its end counts before it.
    """
    name = os.fspath(path)
    write_rest(name, _ended(_read(name, ended_ns), ending, ended_ns))
    remove_parts(name)


def save_copy(path: str | os.PathLike[str], to: str | os.PathLike[str]) -> None:
    """Write what a flight recorder's live file holds just now to the file at `to`, as a trace at rest.

    In the process that records, or one on the same machine. OSError where `to` cannot be written.
    """
    now = time.monotonic_ns()
    raw = _read(os.fspath(path), now)
    with open(to, "ab"):
        pass  # Whoever cannot write it learns so before the work.
    write_rest(os.fspath(to), _ended(raw, Ending(None, None, None, complete=False, goes_on=True), now))


def _ended(raw: RawTrace, ending: Ending, ended_ns: int | None) -> RawTrace:
    kinds = (stream.events[EVENT.size - 1 :: EVENT.size] for stream in program_streams(raw))
    raw.ending = replace(ending, complete=any(EventKind.PROGRAM_ENDED in kind for kind in kinds))
    # What was going on when the recording stopped may have ended at once: nobody saw it go on until the program's end.
    if ended_ns is not None and raw.origin_ns and not raw.has_stopped_early:
        raw.ended_ns = max(ended_ns - raw.origin_ns, 0)
    return raw


def _read(path: str, ended_ns: int | None = None) -> RawTrace:
    try:
        with open(path, "rb") as file:
            data = file.read(HEADER.size)
            # The rest only of a trace: a device may have no end.
            data += file.read() if data.startswith(MAGIC) else b""
            if is_ring(data):
                return read_ring(path, settle(file, data), ended_ns)
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
        raw = read_live(path, data, origin_ns)
        join_parts(path, raw)
        return raw
    if version == VERSION and layout == AT_REST:
        return read_rest(path, data, origin_ns)
    raise TraceFormatError(path, "its header is damaged; record the program again", 8)
