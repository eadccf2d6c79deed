"""From events to samples of the interpreter's lock."""

from __future__ import annotations

from coroscope.record.events import EventKind
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import Trace

_LATE = 3
"""A sample that comes after so many times the planned interval ends a gap."""
_TENTH_NS = 100_000


class InterpreterLock(Chapter):
    """Takes each sample, with those of its waiters that did not fit into the event behind it."""

    def __init__(self) -> None:
        self._samples = LockSamples()
        self._due_ns: int | None = None
        """When the next sample is too late."""

    def handlers(self) -> dict[int, Handler]:
        return {
            EventKind.LOCK_SAMPLED: self._sample,
            EventKind.LOCK_WAITERS: self._wait,
            EventKind.LOCK_UNSEEN: self._pause,
        }

    def _sample(self, event: Event) -> None:
        time_ns, holder, first, second, tenths, _, _, _ = event
        samples = self._samples
        if self._due_ns is not None and time_ns > self._due_ns:
            samples.gaps.append((samples.times_ns[-1], time_ns))
        self._due_ns = time_ns + _LATE * tenths * _TENTH_NS if tenths else None
        samples.times_ns.append(time_ns)
        samples.holders.append(self.native_thread(holder) if holder else 0)
        samples.ends.append(len(samples.waiters))
        self._add(first, second)

    def _wait(self, event: Event) -> None:
        if self._samples.times_ns:
            self._add(*event[1:4])

    def _add(self, *natives: int) -> None:
        self._samples.waiters.extend([self.native_thread(native) for native in natives if native])
        self._samples.ends[-1] = len(self._samples.waiters)

    def _pause(self, _: Event) -> None:
        self._due_ns = None

    def add_to(self, trace: Trace) -> None:
        trace.lock_samples = self._samples
