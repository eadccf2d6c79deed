"""The timer heap: what must run at a time, earliest first.

Rule: what is not decided by the times is decided as in asyncio's heap of handles, for which equal times are in no
      particular order: the comparison of two entries with the same time goes on to the handles.
Rule: a cancelled timer stays until it comes to the top, or until more than half of the heap is cancelled.
Rule: `entries` is one list for the life of the loop, which pushes onto it by itself.
push O(log n), cancel O(1) amortised, pop_due O(log n) each.
"""

from __future__ import annotations

from heapq import heapify, heappop

from coroscope.loop.handle import TimerHandle

_FEW = 100
"""Below this many entries a clean-up is not worth its cost (asyncio's own limit, CPython 3.11 base_events.py)."""


class TimerHeap:
    """The timers of one loop."""

    __slots__ = ("cancelled", "entries")

    def __init__(self) -> None:
        self.entries: list[tuple[float, TimerHandle]] = []
        self.cancelled = 0
        """How many of them are; whoever cancels one counts it."""

    def clean_up(self) -> None:
        """Take out the cancelled timers, which are the most, if they are many."""
        entries = self.entries
        if self.cancelled > _FEW:
            entries[:] = [entry for entry in entries if not entry[1]._cancelled]
            heapify(entries)
            self.cancelled = 0

    def next_due(self) -> float | None:
        """When the earliest timer that still counts is due, on the loop's clock."""
        entries = self.entries
        while entries:
            when, handle = entries[0]
            if not handle._cancelled:
                return when
            self._drop_first()
        return None

    def pop_due(self, until: float) -> list[TimerHandle]:
        """Take out the timers due before `until`, earliest first."""
        due = []
        entries = self.entries
        # At this point of a round and at no other, like asyncio: the order of equal times depends on what is in the heap.
        while entries and entries[0][1]._cancelled:
            self._drop_first()
        while entries and entries[0][0] < until:
            handle = entries[0][1]
            if handle._cancelled:
                self._drop_first()
            else:
                heappop(entries)
                handle._scheduled = False
                due.append(handle)
        return due

    def clear(self) -> None:
        """Forget every timer."""
        self.entries.clear()
        self.cancelled = 0

    def _drop_first(self) -> None:
        heappop(self.entries)
        self.cancelled -= 1
