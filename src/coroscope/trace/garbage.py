"""From events to garbage collections, and to what the short ones among them came to."""

from __future__ import annotations

from coroscope.record.events import EventKind
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.model import Collection, Collections, Trace


class Garbage(Chapter):
    """Takes each collection at its end, and counts of them all, of which the last one of a generation holds.

    Of a program that was killed the last counts may be missing: then those that were seen are counted.
    """

    def __init__(self) -> None:
        self._collections: list[Collection] = []
        self._totals: dict[int, Collections] = {}

    def handlers(self) -> dict[int, Handler]:
        return {EventKind.COLLECTED: self._collect, EventKind.COLLECTIONS: self._count}

    def _collect(self, event: Event) -> None:
        time_ns, took_us, collected, native, uncollectable, generation, _, _ = event
        self._collections.append(
            Collection(
                start_ns=max(time_ns - took_us * 1000, 0),
                end_ns=time_ns,
                generation=generation,
                process=1,
                thread=self.native_thread(native),
                collected=collected,
                uncollectable=uncollectable,
            )
        )

    def _count(self, event: Event) -> None:
        _, count, total_us, longest_us, _, generation, _, _ = event
        self._totals[generation] = Collections(generation, count, total_us * 1000, longest_us * 1000)

    def add_to(self, trace: Trace) -> None:
        for generation, seen in _counted(self._collections).items():
            known = self._totals.get(generation)
            if known is None or known.count < seen.count:
                self._totals[generation] = seen
        trace.collections = self._collections
        trace.collection_totals = [self._totals[generation] for generation in sorted(self._totals)]


def _counted(collections: list[Collection]) -> dict[int, Collections]:
    lengths_ns: dict[int, list[int]] = {}
    for collection in collections:
        length_ns = (collection.end_ns or collection.start_ns) - collection.start_ns
        lengths_ns.setdefault(collection.generation, []).append(length_ns)
    return {
        generation: Collections(generation, len(them), sum(them), max(them))
        for generation, them in lengths_ns.items()
    }
