"""What a trace file holds before it is understood: streams of events and definitions, whatever the layout."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from coroscope.errors import TraceFormatError
from coroscope.record.events import EVENT, LOCK_STREAM, U32_MAX
from coroscope.record.layout import DEFINITION
from coroscope.trace.model import Ending

_EVENTS_AT_A_TIME = 65536
LATEST_NS = 1 << 62
"""146 years: what comes later was never recorded, and would not fit into the model's 64 bits."""


@dataclass(frozen=True, slots=True)
class EventBlock:
    """Some events of one stream: `read` gives their records of 24 bytes, each time anew."""

    count: int
    read: Callable[[], bytes]


class RawStream:
    """One thread's events, and its definitions, each as they were written, one after another."""

    __slots__ = ("_events", "blocks", "definitions")

    def __init__(self, events: bytearray | None = None, definitions: bytearray | None = None) -> None:
        self._events = bytearray() if events is None else events
        self.blocks: list[EventBlock] = []
        """Those that are still in the file, before all others."""
        self.definitions = bytearray() if definitions is None else definitions

    @property
    def event_count(self) -> int:
        """How many there are, those of no kind with them."""
        return sum(block.count for block in self.blocks) + len(self._events) // EVENT.size

    @property
    def events(self) -> bytearray:
        """All events, 24 bytes each, in memory from now on; TraceFormatError where they cannot be read."""
        if self.blocks:
            self._events = bytearray().join([*(block.read() for block in self.blocks), self._events])
            self.blocks = []
        return self._events

    @events.setter
    def events(self, events: bytearray) -> None:
        self.blocks = []
        self._events = events

    def as_blocks(self) -> list[EventBlock]:
        """All events, some at a time; a long recording needs no more memory than what is made of it."""
        size = _EVENTS_AT_A_TIME * EVENT.size
        records = memoryview(self._events)
        parts = [records[start : start + size] for start in range(0, len(records), size)]
        return [*self.blocks, *(EventBlock(len(part) // EVENT.size, part.tobytes) for part in parts)]

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


@dataclass(frozen=True, slots=True)
class Part:
    """What a child process recorded by itself: its metadata, and the numbers of its streams in the trace."""

    meta: dict[str, Any]
    streams: tuple[int, ...]

    @property
    def machine(self) -> str:
        """That on which it was recorded, among whose processes its numbers count; "": the program's own."""
        remote = self.meta.get("remote")
        return str(remote.get("host")) if isinstance(remote, dict) else ""


@dataclass(slots=True)
class RawTrace:
    """A trace file's content; `ended_ns` counts from the recording's start and is None where nobody saw the end."""

    meta: dict[str, Any]
    origin_ns: int
    streams: dict[int, RawStream]
    ending: Ending | None = None
    ended_ns: int | None = None
    parts: list[Part] = field(default_factory=list)
    """Streams that are in none of them are the program's own."""
    notices: list[str] = field(default_factory=list)
    """What of the files could not be read, in sentences for the user."""
    has_stopped_early: bool = False
    """Whether the recording, of which there is a notice then, did not go on to the program's end."""


def next_stream(streams: Collection[int]) -> int:
    """The number for one stream more."""
    return max((number for number in streams if number != LOCK_STREAM), default=0) + 1


def ending_from(path: str, stored: object) -> Ending:
    """The ending in a trace's metadata."""
    if isinstance(stored, dict):
        code, signal, exception = (stored.get(name) for name in ("exit_code", "signal", "exception"))
        if _is_number(code) and _is_number(signal) and (exception is None or isinstance(exception, str)):
            complete, goes_on = (bool(stored.get(name)) for name in ("complete", "goes_on"))
            return Ending(code, signal, exception, complete, goes_on)
    raise TraceFormatError(path, "its metadata is damaged; record the program again")


def parts_from(path: str, stored: object) -> list[Part]:
    """The parts in a trace's metadata."""
    entries = stored if isinstance(stored, list) else [stored]
    parts = []
    for entry in entries:
        meta, streams = (entry.get("meta"), entry.get("streams")) if isinstance(entry, dict) else (None, None)
        if not isinstance(meta, dict) or not isinstance(streams, list):
            raise TraceFormatError(path, "its metadata is damaged; record the program again")
        parts.append(Part(meta, tuple(number for number in streams if isinstance(number, int))))
    return parts


def notices_from(stored: object) -> list[str]:
    """The notices in a trace's metadata."""
    return [text for text in stored if isinstance(text, str)] if isinstance(stored, list) else []


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
