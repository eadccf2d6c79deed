"""What a trace file holds before it is understood: streams of events and definitions, whatever the layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import error
from typing import Any

from coroscope.errors import TraceFormatError
from coroscope.record.stream import DEFINITION
from coroscope.trace.model import Ending


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


def ending_from(path: str, stored: object) -> Ending:
    """The ending in a trace's metadata."""
    try:
        assert isinstance(stored, dict)
        return Ending(
            _number(stored["exit_code"]),
            _number(stored["signal"]),
            None if stored["exception"] is None else str(stored["exception"]),
            bool(stored["complete"]),
        )
    except (AssertionError, KeyError, TypeError, ValueError, error) as problem:
        raise TraceFormatError(path, "its metadata is damaged; record the program again") from problem


def _number(value: object) -> int | None:
    return None if value is None else int(value)  # type: ignore[call-overload]
