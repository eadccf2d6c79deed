"""Reads the file of a flight recorder: the last of what happened, as a trace of its own.

The trace begins where the time kept does. What is older, in chunks that have not been used again yet, and what was
carried on of older chunks, is brought to that moment; the tasks that live then are created there, in the state that
they are in. So nothing else that reads traces has to know of rings.

Rule: the file may be written while it is read. All of it is read first; then chunks that have changed meanwhile are
left out; then what is carried on is read again, between two folds: it knows of all that was left out.
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Iterator
from functools import partial
from itertools import chain, compress
from typing import Any, BinaryIO

from coroscope.errors import TraceFormatError
from coroscope.record.carry import CAUGHT, CREATED, NAMED, STATE, Carry
from coroscope.record.events import EVENT, U32_MAX, DefinitionKind, EventKind, StepEnd
from coroscope.record.layout import (
    AT_REST,
    CARRIED,
    CHUNK,
    CHUNK_HEADER_SIZE,
    CHUNK_MAGIC,
    DEFINITION,
    DEFINITIONS,
    EVENTS,
    HEADER,
    HEADER_SIZE,
    INCARNATION,
    INCARNATION_AT,
    LARGEST_CHUNK,
    META,
    SMALLEST_CHUNK,
    VERSION,
)
from coroscope.record.ring import RING, RING_AT
from coroscope.record.slots import CARRIED_CHUNK, Slots
from coroscope.record.stream import encoded
from coroscope.trace.raw import LATEST_NS, RawStream, RawTrace, meta_from

_HEAD = INCARNATION_AT + INCARNATION.size
_PATIENCE = 200
"""So many looks, a millisecond apart, for a moment between two folds; a program that was killed has none."""
_RESUMED = 1
_UNKNOWN = U32_MAX
"""A parent that was never created: so there was one, and it is not known."""


def is_ring(data: bytes) -> bool:
    """Whether this is the live file of a flight recorder."""
    if len(data) < HEADER_SIZE:
        return False
    _, version, layout, _, _ = HEADER.unpack_from(data)
    last_ns: int = RING.unpack_from(data, RING_AT)[0]
    return version <= VERSION and layout != AT_REST and last_ns != 0


def settle(file: BinaryIO, data: bytes) -> bytes:
    """The content of `file`, which was `data` a moment ago, as one that was not written to meanwhile."""
    settled = bytearray(data)
    for position, head in _heads(data):
        missing = position + CHUNK.unpack_from(head)[1] - len(settled)
        if 0 < missing <= LARGEST_CHUNK:
            settled += bytes(missing)  # The file grew while it was read.
        content = CHUNK.unpack_from(head)[3]
        if content in (EVENTS, DEFINITIONS) and _at(file, position, _HEAD) != head:
            CHUNK.pack_into(settled, position, CHUNK_MAGIC, CHUNK.unpack_from(head)[1], 0, 0, 0)
    for _ in range(_PATIENCE):
        before = _at(file, RING_AT, RING.size)
        _, _, begun, done, _, _ = RING.unpack(before)
        carried = _carried(file)
        if begun == done and _at(file, RING_AT, RING.size)[:24] == before[:24]:
            break
        time.sleep(0.001)
    settled[RING_AT : RING_AT + RING.size] = before
    for position, chunk in carried:
        if position < len(settled):
            settled[position : position + len(chunk)] = chunk
        else:
            settled += chunk  # It is new: between it and what was read there is nothing that is as old.
    return bytes(settled)


def _carried(file: BinaryIO) -> list[tuple[int, bytes]]:
    """Where chunks of what is carried on are, and what is in them."""
    end = file.seek(0, 2)
    chunks, position = [], HEADER_SIZE
    while position < end:
        head = _at(file, position, _HEAD)
        length = SMALLEST_CHUNK
        if len(head) == _HEAD and head.startswith(CHUNK_MAGIC):
            _, length, _, content, _ = CHUNK.unpack_from(head)
            if content == CARRIED and length == CARRIED_CHUNK:
                chunks.append((position, _at(file, position, length)))
        position += max(length, SMALLEST_CHUNK)
    return chunks


def _at(file: BinaryIO, position: int, size: int) -> bytes:
    file.seek(position)
    return file.read(size)


def _heads(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Where the chunks are, and their headers, as far as these can be followed."""
    position = HEADER_SIZE
    while position + CHUNK_HEADER_SIZE <= len(data):
        size = SMALLEST_CHUNK
        if data[position : position + 4] == CHUNK_MAGIC:
            yield position, data[position : position + _HEAD]
            size = CHUNK.unpack_from(data, position)[1]
        elif any(data[position : position + 4]):
            return
        position += max(size, SMALLEST_CHUNK)


class _Content:
    """What lies in the file, not yet in order."""

    def __init__(self, path: str, data: bytes) -> None:
        self.meta: dict[str, Any] | None = None
        self.carried: list[bytearray] = []
        self._events: dict[int, list[tuple[int, bytes]]] = {}
        self.definitions: dict[int, bytearray] = {}
        for position, head in _heads(data):
            _, size, stream, content, _ = CHUNK.unpack_from(head)
            if size % SMALLEST_CHUNK or size == 0:
                raise TraceFormatError(
                    path, "a chunk's header is damaged; record the program again", position
                )
            body = data[position + CHUNK_HEADER_SIZE : position + size]
            if content == META and self.meta is None:
                self.meta = _meta(path, body)
            elif content == EVENTS:
                incarnation = INCARNATION.unpack_from(head, INCARNATION_AT)[0]
                self._events.setdefault(stream, []).append((incarnation, _whole(body)))
            elif content == DEFINITIONS:
                self.definitions.setdefault(stream, bytearray()).extend(_written(body))
            elif content == CARRIED and position + CARRIED_CHUNK <= len(data) and size == CARRIED_CHUNK:
                self.carried.append(bytearray(data[position : position + size]))
        if self.meta is None:
            raise TraceFormatError(path, "its metadata is missing; record the program again", HEADER_SIZE)

    def chunks(self, until_ns: int | None) -> dict[int, list[bytes]]:
        """The events of each stream, chunk by chunk in the order in which they were written, with the clock's times.

        Without those later than `until_ns`, which were written while the file was read.
        """
        return {
            stream: [_present(events, until_ns) for _, events in sorted(chunks, key=_incarnation)]
            for stream, chunks in self._events.items()
        }


def _incarnation(chunk: tuple[int, bytes]) -> int:
    return chunk[0]


def _meta(path: str, body: bytes) -> dict[str, Any]:
    size = DEFINITION.unpack_from(body)[1] if len(body) >= DEFINITION.size else 0
    return meta_from(path, body[DEFINITION.size : DEFINITION.size + size])


def _whole(body: bytes) -> bytes:
    return body[: len(body) - len(body) % EVENT.size]


def _written(body: bytes) -> bytes:
    position = 0
    while position + DEFINITION.size <= len(body):
        _, size, kind = DEFINITION.unpack_from(body, position)
        if kind == 0 or position + DEFINITION.size + size > len(body):
            break
        position += DEFINITION.size + size
    return body[:position]


def read_ring(path: str, data: bytes, ended_ns: int | None) -> RawTrace:
    """The trace of the time kept before `ended_ns`, on CLOCK_MONOTONIC; None: before the last event."""
    *_, origin_ns = HEADER.unpack_from(data)
    last_ns, folded_ns, *_ = RING.unpack_from(data, RING_AT)
    content = _Content(path, data)
    assert content.meta is not None
    chunks = content.chunks(ended_ns)
    ended_ns = _program_ended(chunks) or ended_ns or _last_time(chunks) or origin_ns
    wanted_ns = ended_ns - last_ns
    begin_ns = min(max(wanted_ns, folded_ns, origin_ns), LATEST_NS)
    writer = _Writer(content.definitions)
    if begin_ns > origin_ns:
        chunks = _carry_on(chunks, begin_ns, content.carried, writer)
    if begin_ns > max(wanted_ns, origin_ns):
        writer.notice(
            f"only the last {(ended_ns - begin_ns) / 1e9:.3g} s of {last_ns / 1e9:.3g} s are kept: there is no room "
            "for more; raise --last-size"
        )
    origin_ns, meta = _moved(content.meta, origin_ns, max(begin_ns - writer.length_ns, 0))
    raw = RawTrace(meta, origin_ns, {})
    for number in sorted({*chunks, *content.definitions, *writer.events}):
        events = bytearray().join(writer.events.get(number, []))
        for chunk in chunks.get(number, []):
            events += _since(origin_ns, chunk)
        raw.streams[number] = RawStream(events, content.definitions.get(number, bytearray()))
    return raw


def _carry_on(
    chunks: dict[int, list[bytes]], begin_ns: int, carried: list[bytearray], writer: _Writer
) -> dict[int, list[bytes]]:
    """What is left of the chunks from `begin_ns` on; `writer` writes what is known by then."""
    carry = Carry(Slots(lambda: bytearray(CARRIED_CHUNK)))
    carry.adopt(carried)
    kept: dict[int, list[bytes]] = {}
    for number, bodies in chunks.items():
        kept[number] = []
        for body in bodies:
            before, after = _split(body, begin_ns)
            carry.fold(before, number, partial(writer.text_of, number))
            kept[number].append(after)
    mains = _mains(carry)
    writer.write(carry, mains)
    without = {loop for loop, task in mains.items() if not carry.has(task)}
    return {number: [_without_mains(body, without) for body in bodies] for number, bodies in kept.items()}


def _program_ended(chunks: dict[int, list[bytes]]) -> int | None:
    """When the program ended, by its own account: all that is left of its process then is to go."""
    for events in chain.from_iterable(chunks.values()):
        at = events[EVENT.size - 1 :: EVENT.size].rfind(EventKind.PROGRAM_ENDED)
        if at >= 0:
            return int(EVENT.unpack_from(events, at * EVENT.size)[0])
    return None


def _last_time(chunks: dict[int, list[bytes]]) -> int | None:
    return max(
        (max(_times(events)) for events in chain.from_iterable(chunks.values()) if events), default=None
    )


def _moved(meta: dict[str, Any], origin_ns: int, begin_ns: int) -> tuple[int, dict[str, Any]]:
    """The trace's beginning, and the metadata that go with it."""
    meta = {**meta, "unkept_ns": begin_ns - origin_ns}
    started_at = meta.get("started_at")
    if isinstance(started_at, int | float):
        meta = {**meta, "started_at": started_at + (begin_ns - origin_ns) / 1e9}
    return begin_ns, meta


def _times(events: bytes) -> array[int]:
    words = array("Q", events)
    if sys.byteorder == "big":
        words.byteswap()
    return words[::3]


def _present(events: bytes, until_ns: int | None) -> bytes:
    """The events that there are, and not later than that."""
    kinds = events[EVENT.size - 1 :: EVENT.size]
    times = _times(events)
    latest_ns = LATEST_NS if until_ns is None else until_ns
    if 0 not in kinds and max(times, default=0) <= latest_ns:
        return events
    return _chosen(events, [kind != 0 and time <= latest_ns for kind, time in zip(kinds, times, strict=True)])


def _split(events: bytes, begin_ns: int) -> tuple[bytes, bytes]:
    """The events before and from then on; they need not be in order."""
    times = _times(events)
    if min(times, default=begin_ns) >= begin_ns:
        return b"", events
    if max(times) < begin_ns:
        return events, b""
    is_before = [time < begin_ns for time in times]
    return _chosen(events, is_before), _chosen(events, [not before for before in is_before])


def _chosen(events: bytes, chosen: list[bool]) -> bytes:
    starts = range(0, len(events), EVENT.size)
    return b"".join([events[at : at + EVENT.size] for at in compress(starts, chosen)])


def _since(origin_ns: int, events: bytes) -> bytes:
    """The same events, with times that count from the trace's beginning."""
    words = array("Q", events)
    if sys.byteorder == "big":
        words.byteswap()
    words[::3] = array("Q", [max(time_ns - origin_ns, 0) for time_ns in words[::3]])
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


def _mains(carry: Carry) -> dict[int, int]:
    """The main task of each loop that had one before the beginning."""
    events = [EVENT.unpack(event) for event, _ in carry.iter_others() if event[-1] == EventKind.CARRIED_MAIN]
    return {loop: task for _, loop, task, *_ in events}


def _without_mains(events: bytes, without: set[int]) -> bytes:
    """The same events, in which no task of a loop whose main one has ended can be taken for that.

    `without` are these loops, until they stop.
    """
    kinds = events[EVENT.size - 1 :: EVENT.size]
    if not without or EventKind.TASK_CREATED not in kinds:
        return events
    changed = bytearray(events)
    for position, kind in enumerate(kinds):
        at = position * EVENT.size
        if kind == EventKind.TASK_CREATED:
            time_ns, task, parent, site, loop, *rest = EVENT.unpack_from(events, at)
            if not parent and loop in without:
                EVENT.pack_into(changed, at, time_ns, task, _UNKNOWN, site, loop, *rest)
        elif kind == EventKind.LOOP_STOPPED:
            without.discard(EVENT.unpack_from(events, at)[1])
    return bytes(changed)


class _Writer:
    """Writes what is carried on as events at the trace's beginning, in a few nanoseconds of their own.

    Who is created first, and before or after a loop runs, tells tasks apart: so each creation has its nanosecond.
    """

    def __init__(self, definitions: dict[int, bytearray]) -> None:
        self.events: dict[int, list[bytes]] = {}
        self.length_ns = 0
        self._definitions = definitions
        self._texts: dict[int, dict[int, str]] = {}
        self._next_number: dict[int, int] = {}

    def text_of(self, stream: int, number: int) -> str | None:
        """A text of a stream's definitions."""
        if stream not in self._texts:
            self._texts[stream] = texts = {}
            self._next_number[stream] = 1
            definitions = RawStream(bytearray(), self._definitions.get(stream, bytearray()))
            for defined, kind, payload in definitions.iter_definitions():
                self._next_number[stream] = max(self._next_number[stream], defined + 1)
                if kind == DefinitionKind.STRING:
                    texts[defined] = payload.decode(errors="replace")
        return self._texts[stream].get(number)

    def _define(self, stream: int, text: str) -> int:
        self.text_of(stream, 0)
        number = min(self._next_number[stream], 0xFFFF_FFFF)
        self._next_number[stream] = number + 1
        payload = encoded(text)
        header = DEFINITION.pack(number, len(payload), DefinitionKind.STRING)
        self._definitions.setdefault(stream, bytearray()).extend(header + payload)
        return number

    def _emit(self, event: bytes, stream: int, **changes: int) -> None:
        _, a, b, c, source, detail, kind = EVENT.unpack(event)
        fields = {"a": a, "b": b, "c": c, "source": source, "detail": detail, "kind": kind, **changes}
        written = EVENT.pack(
            self.length_ns, *(fields[name] for name in ("a", "b", "c", "source", "detail", "kind"))
        )
        self.events.setdefault(stream, []).append(written)

    def notice(self, sentence: str) -> None:
        """Tell the user something."""
        stream = min(self._definitions, default=1)
        text = self._define(stream, sentence)
        self._emit(EVENT.pack(0, 0, 0, text, 0, 0, EventKind.NOTICE), stream)

    def write(self, carry: Carry, mains: dict[int, int]) -> None:
        """Write everything that there is at the beginning."""
        slots = carry.slots
        beginnings = [(slots.read(slot, CREATED), slot) for slot in carry.tasks.values()]
        beginnings = [(created, slot) for created, slot in beginnings if created[0][-1]]
        tasks = [slot for _, slot in beginnings]
        beginnings += [((event, stream), -1) for event, stream in carry.iter_others()]
        for (event, stream), _ in sorted(beginnings, key=_time_of_beginning):
            self._emit_beginning(event, stream, carry, mains)
            self.length_ns += 1
        for slot in tasks:
            self._emit_name(carry, slot)
            caught, stream = slots.read(slot, CAUGHT)
            if caught[-1]:
                self._emit(caught, stream)
        self.length_ns += 1
        states = [slots.read(slot, STATE) for slot in tasks]
        for event, stream in states:
            if _is_running(event) or _is_waiting(event):
                self._emit(event, stream, b=0, c=0, detail=_RESUMED, kind=EventKind.STEP_BEGUN)
        self.length_ns += 1
        for event, stream in states:
            if _is_waiting(event):
                self._emit(event, stream)
        self.length_ns += 1

    def _emit_beginning(self, event: bytes, stream: int, carry: Carry, mains: dict[int, int]) -> None:
        kind = event[-1]
        if kind == EventKind.TASK_CREATED:
            _, task, parent, _, loop, _, _ = EVENT.unpack(event)
            has_main = carry.has(mains.get(loop, task))
            self._emit(event, stream, b=parent if has_main else parent or _UNKNOWN)
        elif kind == EventKind.CARRIED_MAIN:
            pass
        elif kind == EventKind.REGION:
            text = carry.slots.read_text(EVENT.unpack(event)[3])
            self._emit(event, stream, c=self._define(stream, text or "?"))
        else:
            self._emit(event, stream)

    def _emit_name(self, carry: Carry, slot: int) -> None:
        named, stream = carry.slots.read(slot, NAMED)
        if not named[-1]:
            return
        text = carry.name_of(slot)
        if text is None:
            self._emit(named, stream)
        else:
            _, stream = carry.slots.read(slot, CREATED)
            self._emit(named, stream, c=self._define(stream, text))


def _time_of_beginning(beginning: tuple[tuple[bytes, int], int]) -> int:
    return int.from_bytes(beginning[0][0][:8], "little")


def _is_running(event: bytes) -> bool:
    return event[-1] == EventKind.STEP_BEGUN


def _is_waiting(event: bytes) -> bool:
    waits = (StepEnd.WAITS_FOR_FUTURE, StepEnd.WAITS_FOR_TASK)
    return event[-1] == EventKind.STEP_ENDED and EVENT.unpack(event)[5] in waits
