"""The timer heap: what must run at a time, earliest first.

Rule: equal times run in the order in which they were asked for.
Rule: a cancelled timer stays until it comes to the top, or until more than half of the heap is cancelled: then the
      next round cleans up, as asyncio's does; the cancellation itself once they are many, for that round may be far.
push O(log n), cancel O(1) amortised, pop_due O(log n) each.

As a sequence it is what asyncio's loops have by the name `_scheduled`, which programs that test with a clock of their
own read: the handles in the order of the heap, the first one first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from coroscope.loop.handle import TimerHandle

_FEW = 100
"""Below this many entries a clean-up is not worth its cost (asyncio's own limit, CPython 3.11 base_events.py)."""


class TimerHeap(Sequence[TimerHandle]):
    """The timers of one loop."""

    __slots__ = ("_entries", "_next_number", "cancelled")

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, TimerHandle]] = []
        self.cancelled = 0
        """How many of them are cancelled."""
        self._next_number = itertools.count().__next__

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: Any) -> Any:
        entry: Any = self._entries[index]
        return [each[2] for each in entry] if isinstance(index, slice) else entry[2]

    def __iter__(self) -> Iterator[TimerHandle]:
        return (entry[2] for entry in self._entries)

    def __eq__(self, other: object) -> bool:
        return self is other or list(self) == other

    __hash__ = None  # type: ignore[assignment]

    def push(self, handle: TimerHandle) -> None:
        """Keep `handle` until its time comes."""
        handle._scheduled = True
        # Numbers differ, so that a comparison never gets as far as the handles.
        heappush(self._entries, (handle._when, self._next_number(), handle))

    append = push

    def note_cancelled(self) -> None:
        """Count one more cancelled timer, and clean up when they are many and the most."""
        self.cancelled += 1
        if self.cancelled > _FEW and self.cancelled * 2 > len(self._entries):
            self._drop_cancelled()

    def _drop_cancelled(self) -> None:
        for entry in self._entries:
            entry[2]._scheduled = not entry[2]._cancelled
        self._entries = [entry for entry in self._entries if entry[2]._scheduled]
        heapify(self._entries)
        self.cancelled = 0

    def next_due(self) -> float | None:
        """When the earliest timer that still counts is due, on the loop's clock."""
        entries = self._entries
        while entries:
            when, _, handle = entries[0]
            if not handle._cancelled:
                return when
            self._drop_first()
        return None

    def pop_due(self, until: float) -> list[TimerHandle]:
        """Take out the timers due before `until`, earliest first."""
        if self.cancelled * 2 > len(self._entries) > _FEW:
            self._drop_cancelled()
        due = []
        entries = self._entries
        while entries and entries[0][0] < until:
            handle = entries[0][2]
            if handle._cancelled:
                self._drop_first()
            else:
                heappop(entries)
                handle._scheduled = False
                due.append(handle)
        return due

    def clear(self) -> None:
        """Forget every timer."""
        self._entries.clear()
        self.cancelled = 0

    def _drop_first(self) -> None:
        heappop(self._entries)[2]._scheduled = False
        self.cancelled -= 1
