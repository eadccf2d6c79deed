"""The timer heap: what must run at a time, earliest first.

Rule: what is not decided by the times is decided as in asyncio's heap of handles, for which equal times are in no
      particular order: the comparison of two entries with the same time goes on to the handles.
Rule: a cancelled timer stays until it comes to the top, or until more than half of the heap is cancelled.
push O(log n), cancel O(1) amortised, pop_due O(log n) each.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from coroscope.loop.handle import TimerHandle

_FEW = 100
"""Below this many entries a clean-up is not worth its cost (asyncio's own limit, CPython 3.11 base_events.py)."""


class TimerHeap:
    """The timers of one loop."""

    __slots__ = ("_cancelled", "entries")

    def __init__(self) -> None:
        self.entries: list[tuple[float, TimerHandle]] = []
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self.entries)

    def push(self, handle: TimerHandle) -> None:
        """Keep `handle` until its time comes."""
        handle._scheduled = True
        heappush(self.entries, (handle._when, handle))

    def note_cancelled(self) -> None:
        """Count one more cancelled timer, and clean up when they are the most."""
        self._cancelled += 1
        if self._cancelled > _FEW and self._cancelled * 2 > len(self.entries):
            for entry in self.entries:
                entry[1]._scheduled = not entry[1]._cancelled
            self.entries = [entry for entry in self.entries if entry[1]._scheduled]
            heapify(self.entries)
            self._cancelled = 0

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
        self._cancelled = 0

    def _drop_first(self) -> None:
        heappop(self.entries)[1]._scheduled = False
        self._cancelled -= 1
