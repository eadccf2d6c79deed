"""Garbage collections: when, how long, of which generation, in which thread, and what they found.

One that takes less than `LONG_NS` is only counted: young collections come by the thousand, and an event each would
cost more than they do.
Rule: CPython runs one collection at a time, so one stream of the probe's own is written by one thread at a time.
Rule: a collection may begin in the middle of the recorder's own work. While room in the file is handed out, maybe by
this very thread, nothing is written; it waits for the next collection.
"""

from __future__ import annotations

from coroscope.record.events import U32_MAX, EventKind
from coroscope.record.gc_callbacks import Callbacks
from coroscope.record.probes import Probe
from coroscope.record.recorder import native_id
from coroscope.record.stream import Stream

LONG_NS = 100_000
"""Collections are recorded one by one from here on."""
_TOTALS_EVERY_NS = 1_000_000_000
_TOLD_AT_ONCE_NS = 10_000_000
_TOLD_TOGETHER = 16
"""So many shorter ones wait for one another, a second at most: most programs end before there is anything to tell."""
_MOST_WAITING = 1000
_U16_MAX = 0xFFFF


def install(probe: Probe) -> None:
    """Have every collection told."""
    garbage = Garbage(probe)
    callbacks = Callbacks(garbage.collect, probe.fail)
    probe.at_end(garbage.write_totals)
    # Not when the probe fails: that may be while CPython goes through the list.
    probe.recorder.at_detach(callbacks.detach)


class _Generation:
    """What the collections of one generation came to."""

    __slots__ = ("count", "longest_ns", "total_ns")

    def __init__(self) -> None:
        self.count = self.total_ns = self.longest_ns = 0


class Garbage:
    """Writes down what it is told of collections."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._recorder = probe.recorder
        self._stream: Stream | None = None
        self._generations: dict[int, _Generation] = {}
        self._waiting: list[tuple[int, int, int, int, int, int]] = []
        self._began_ns = self._ended_ns = 0
        self._told_ns = self._recorder.now()

    def collect(self, info: dict[str, int] | None) -> None:
        """A collection begins, or has ended and was as `info` says."""
        now = self._recorder.now()
        if info is None:
            self._began_ns = now
        elif self._began_ns and self._probe.is_on:
            self._count(info, self._began_ns, now)
            self._began_ns = 0

    def _count(self, info: dict[str, int], began_ns: int, now: int) -> None:
        number, took_ns = info["generation"], now - began_ns
        generation = self._generations.get(number)
        if generation is None:
            generation = self._generations[number] = _Generation()
        generation.count += 1
        generation.total_ns += took_ns
        generation.longest_ns = max(generation.longest_ns, took_ns)
        self._ended_ns = now
        if took_ns >= LONG_NS and len(self._waiting) < _MOST_WAITING:
            found = min(info["collected"], U32_MAX), min(info["uncollectable"], _U16_MAX)
            self._waiting.append((now, _microseconds(took_ns), native_id(), number, *found))
        is_due = took_ns >= _TOLD_AT_ONCE_NS or len(self._waiting) >= _TOLD_TOGETHER
        if is_due and not self._recorder.is_growing:
            self._write()
        if now - self._told_ns >= _TOTALS_EVERY_NS and not self._recorder.is_growing:
            self.write_totals()

    def _opened(self) -> Stream:
        if self._stream is None:
            self._stream = self._recorder.open_stream()
        return self._stream

    def _write(self) -> None:
        stream = self._opened()
        waiting, self._waiting = self._waiting, []
        for time_ns, took_us, thread, number, collected, uncollectable in waiting:
            stream.emit(EventKind.COLLECTED, time_ns, took_us, collected, thread, number, uncollectable)

    def write_totals(self) -> None:
        """Write down what all collections came to so far, the short ones included."""
        self._told_ns = self._ended_ns
        self._write()
        for number, generation in self._generations.items():
            total_us, longest_us = _microseconds(generation.total_ns), _microseconds(generation.longest_ns)
            self._opened().emit(
                EventKind.COLLECTIONS, self._ended_ns, generation.count, total_us, longest_us, number
            )


def _microseconds(time_ns: int) -> int:
    return min(round(time_ns / 1000), U32_MAX)
