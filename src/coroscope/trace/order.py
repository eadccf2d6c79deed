"""The events of all streams, in order of time.

Rule: events of one stream with the same time stay in the order in which they were written.
Rule: only a block of each stream is in memory at a time: as objects, all events would take ten times what the trace
takes that is made of them. What is written later than its time says (few are) is looked for first, and kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from heapq import merge
from itertools import accumulate, chain, islice, repeat
from operator import concat, gt, itemgetter
from typing import Any

from coroscope.record.events import EVENT
from coroscope.trace.chapter import Event
from coroscope.trace.raw import LATEST_NS, EventBlock, RawStream, RawTrace

_TIME = itemgetter(0)
_KIND_AT = EVENT.size - 1


def last_ns(raw: RawTrace) -> int:
    """When the last event was, by the last block of each stream."""
    ends = (blocks[-1].read() for stream in raw.streams.values() if (blocks := stream.as_blocks()))
    times_ns = (time_ns for records in ends for time_ns in _times_of(records))
    return max((time_ns for time_ns in times_ns if time_ns <= LATEST_NS), default=0)


def iter_in_order(raw: RawTrace, most: int) -> Iterator[Event]:
    """Every event of a kind, up to `most` of them."""
    streams = [_iter_stream(number, stream, most) for number, stream in raw.streams.items()]
    together = streams[0] if len(streams) == 1 else merge(*streams, key=_TIME)
    return islice(together, most)


def _iter_stream(number: int, stream: RawStream, most: int) -> Iterator[Event]:
    blocks = list(_first_blocks(stream, most))
    late = [event for block, latest_ns in _disordered(blocks) for event in _late(number, block, latest_ns)]
    punctual = _iter_punctual(number, blocks, bool(late))
    return merge(punctual, sorted(late, key=_TIME), key=_TIME) if late else punctual


def _first_blocks(stream: RawStream, most: int) -> Iterator[EventBlock]:
    """As many as `most` events may be in."""
    for block in stream.as_blocks():
        if most <= 0:
            return
        most -= block.count
        yield block


def _disordered(blocks: list[EventBlock]) -> Iterator[tuple[bytes, int]]:
    """The records of blocks with events that are late, each with the latest time before it."""
    latest_ns = 0
    for block in blocks:
        records = block.read()
        times_ns = _times_of(records)
        if times_ns and (times_ns[0] < latest_ns or any(map(gt, times_ns, times_ns[1:]))):
            yield records, latest_ns
            latest_ns = max(latest_ns, max(times_ns))
        elif times_ns:
            latest_ns = times_ns[-1]


def _times_of(records: bytes) -> array[int]:
    words = array("Q")
    words.frombytes(records)
    return words[::3]


def _late(number: int, records: bytes, latest_ns: int) -> Iterator[Event]:
    times_ns = _times_of(records)
    before_ns = accumulate(times_ns, max, initial=latest_ns)
    for record, time_ns, latest_before_ns in zip(
        EVENT.iter_unpack(records), times_ns, before_ns, strict=False
    ):
        event = (*record, number)
        if time_ns < latest_before_ns and _is_event(event):
            yield event


def _iter_punctual(number: int, blocks: list[EventBlock], has_late: bool) -> Iterator[Event]:
    if has_late:
        return _iter_without_late(number, blocks)
    # Nothing is run for an event here where a block is as it is nearly always.
    return chain.from_iterable(_events_of(number, block.read()) for block in blocks)


def _events_of(number: int, records: bytes) -> Iterator[Event]:
    is_sound = 0 not in records[_KIND_AT :: EVENT.size] and max(_times_of(records), default=0) <= LATEST_NS
    events: Iterator[Any] = map(concat, EVENT.iter_unpack(records), repeat((number,)))
    return events if is_sound else filter(_is_event, events)


def _iter_without_late(number: int, blocks: list[EventBlock]) -> Iterator[Event]:
    latest_ns = 0
    for block in blocks:
        for record in EVENT.iter_unpack(block.read()):
            if record[0] >= latest_ns:
                latest_ns = record[0]
                event = (*record, number)
                if _is_event(event):
                    yield event


def _is_event(event: Event) -> bool:
    return event[6] != 0 and event[0] <= LATEST_NS
