"""What a trace file holds before it is understood: streams of events and definitions, whatever the layout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from coroscope.errors import TraceFormatError
from coroscope.record.events import U32_MAX
from coroscope.record.stream import DEFINITION
from coroscope.trace.model import Ending

LATEST_NS = 1 << 62
"""146 years: what comes later was never recorded, and would not fit into the model's 64 bits."""


@dataclass(slots=True)
class RawStream:
    """One thread's events, 24 bytes each, and its definitions as they were written, one after another."""

    events: bytearray = field(default_factory=bytearray)
    definitions: bytearray = field(default_factory=bytearray)

    def iter_definitions(self) -> Iterator[tuple[int, int, bytes]]:
        """Number, kind and payload of each definition that was written whole."""
        position = 0
        data = self.definitions
        while position + DEFINITION.size <= len(data):
            number, size, kind = DEFINITION.unpack_from(data, position)
            position += DEFINITION.size
            if kind == 0 or position + size > len(data):
                return
            yield number, kind, bytes(data[position : position + size])
            position += size


@dataclass(slots=True)
class RawTrace:
    """A trace file's content; `ended_ns` counts from the recording's start and is None where nobody saw the end."""

    meta: dict[str, Any]
    origin_ns: int
    streams: dict[int, RawStream]
    ending: Ending | None = None
    ended_ns: int | None = None
    has_stopped_early: bool = False
    """Whether the recording, of which there is a notice then, did not go on to the program's end."""


def ending_from(path: str, stored: object) -> Ending:
    """The ending in a trace's metadata."""
    if isinstance(stored, dict):
        code, signal, exception = (stored.get(name) for name in ("exit_code", "signal", "exception"))
        if _is_number(code) and _is_number(signal) and (exception is None or isinstance(exception, str)):
            return Ending(code, signal, exception, bool(stored.get("complete")))
    raise TraceFormatError(path, "its metadata is damaged; record the program again")


def meta_from(path: str, text: bytes | bytearray) -> dict[str, Any]:
    """The JSON object that `text` is."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise TraceFormatError(path, "its metadata is damaged; record the program again") from problem
    if not isinstance(parsed, dict):
        raise TraceFormatError(path, "its metadata is damaged; record the program again")
    return parsed


def is_time(value: object) -> TypeGuard[int]:
    """Whether `value` can be a time in a recording, in nanoseconds."""
    return isinstance(value, int) and 0 <= value <= LATEST_NS


def _is_number(value: object) -> TypeGuard[int | None]:
    return value is None or (isinstance(value, int) and abs(value) <= U32_MAX)
