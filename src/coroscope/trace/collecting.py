"""How much of a part of a run went into garbage collections."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coroscope.trace.model import Collection


class CollectingTime:
    """How much of a part of the run went into garbage collections; they hold up every thread of their process."""

    def __init__(self, collections: Iterable[Collection]) -> None:
        self._of: dict[int, list[tuple[int, int]]] = {}
        for collection in collections:
            if collection.end_ns is not None:
                self._of.setdefault(collection.process, []).append((collection.start_ns, collection.end_ns))
        for spans in self._of.values():
            spans.sort()

    def within(self, process: int, start_ns: int, end_ns: int) -> int:
        """Nanoseconds between the two times; one collection at a time runs in a process."""
        spans = self._of.get(process, [])
        first = max(bisect_right(spans, (start_ns, 0)) - 1, 0)
        total_ns = 0
        for begin_ns, finish_ns in spans[first:]:
            if begin_ns >= end_ns:
                break
            total_ns += max(min(finish_ns, end_ns) - max(begin_ns, start_ns), 0)
        # They never overlap, but in a file that nobody recorded.
        return min(total_ns, max(end_ns - start_ns, 0))
