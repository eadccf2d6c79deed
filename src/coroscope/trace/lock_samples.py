"""Who held the interpreter's lock, and who waited for it, at moments a few milliseconds apart."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LockSample:
    """One look at the lock."""

    time_ns: int
    holder: int | None
    """The thread that held it; None: nobody of the program's."""
    waiters: tuple[int, ...]
    """Threads that waited for it."""


@dataclass(slots=True)
class LockSamples:
    """All of them, in order of time; times and threads in columns, because there are many.

    Rule: sample `i` was waited in by `waiters[ends[i - 1]:ends[i]]`, from 0 for the first; a holder of 0 is nobody.
    """

    times_ns: array[int] = field(default_factory=lambda: array("q"))
    holders: array[int] = field(default_factory=lambda: array("I"))
    ends: array[int] = field(default_factory=lambda: array("L"))
    waiters: array[int] = field(default_factory=lambda: array("I"))
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """From when to when samples were due and did not come, as on a machine with much to do."""

    def __len__(self) -> int:
        return len(self.times_ns)

    def append(self, time_ns: int, holder: int, waiters: Iterable[int]) -> None:
        """Add a look that was later than all before; a holder of 0 is nobody."""
        self.times_ns.append(time_ns)
        self.holders.append(holder)
        self.waiters.extend(waiters)
        self.ends.append(len(self.waiters))

    def __iter__(self) -> Iterator[LockSample]:
        start = 0
        for time_ns, holder, end in zip(self.times_ns, self.holders, self.ends, strict=True):
            yield LockSample(time_ns, holder or None, tuple(self.waiters[start:end]))
            start = end

    def held(self) -> dict[int, float]:
        """By thread: the share of the samples in which it held the lock."""
        return _shares(self.holders, len(self))

    def waited(self) -> dict[int, float]:
        """By thread: the share of the samples in which it waited for the lock."""
        return _shares(self.waiters, len(self))

    @property
    def contended(self) -> float:
        """The share of the samples in which any thread waited."""
        waited_in = sum(end > start for start, end in zip([0, *self.ends], self.ends, strict=False))
        return waited_in / len(self) if self.times_ns else 0.0


def _shares(threads: array[int], samples: int) -> dict[int, float]:
    counts = Counter(threads)
    return {thread: counts[thread] / samples for thread in sorted(counts) if thread}
