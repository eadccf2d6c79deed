"""The timer heap: what must run at a time, earliest first.

Rule: what is not decided by the times is decided as in asyncio's heap of handles, for which equal times are in no
      particular order: the comparison of two entries with the same time goes on to the handles. So cancelled ones are
      taken out once a round, where and when asyncio's loops do it (CPython 3.11, Lib/asyncio/base_events.py).
Rule: a cancelled timer stays until it comes to the top, or until more than half of the heap is cancelled: then the
      next round cleans up; the cancellation itself once they are many, for that round may be far.
Rule: `entries` is one list for the life of the loop, which pushes onto it by itself.
push O(log n), cancel O(1) amortised, pop_due O(log n) each.

As a sequence it is what asyncio's loops have by the name `_scheduled`, which programs that test with a clock of their
own read: the handles in the order of the heap, the first one first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from coroscope.loop.handle import MANY_TIMERS, TimerHandle


class TimerHeap(Sequence[TimerHandle]):
    """The timers of one loop."""

    __slots__ = ("cancelled", "entries")

    def __init__(self) -> None:
        self.entries: list[tuple[float, TimerHandle]] = []
        self.cancelled = 0
        """How many of them are; whoever cancels one counts it."""

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: Any) -> Any:
        entry: Any = self.entries[index]
        return [each[1] for each in entry] if isinstance(index, slice) else entry[1]

    def __iter__(self) -> Iterator[TimerHandle]:
        return (entry[1] for entry in self.entries)

    def __eq__(self, other: object) -> bool:
        return self is other or list(self) == other

    __hash__ = None  # type: ignore[assignment]

    def append(self, handle: TimerHandle) -> None:
        """Keep `handle` until its time comes."""
        handle._scheduled = True
        heappush(self.entries, (handle._when, handle))

    def clear(self) -> None:
        """Forget every timer."""
        self.entries.clear()
        self.cancelled = 0

    def forget_cancelled(self) -> None:
        """Once a round: take out the cancelled timers if they are the most and many, else those at the top."""
        entries = self.entries
        if len(entries) > MANY_TIMERS and self.cancelled * 2 > len(entries):
            self.clean_up()
        else:
            while entries and entries[0][1]._cancelled:
                heappop(entries)[1]._scheduled = False
                self.cancelled -= 1

    def clean_up(self) -> None:
        """Take out the cancelled timers."""
        entries = self.entries
        for _, handle in entries:
            handle._scheduled = not handle._cancelled
        entries[:] = [entry for entry in entries if entry[1]._scheduled]
        heapify(entries)
        self.cancelled = 0

    def pop_due(self, until: float) -> list[TimerHandle]:
        """Take out the timers due before `until`, earliest first, the cancelled ones among them too."""
        due = []
        entries = self.entries
        while entries and entries[0][0] < until:
            handle = heappop(entries)[1]
            handle._scheduled = False
            if handle._cancelled:
                self.cancelled -= 1
            else:
                due.append(handle)
        return due
