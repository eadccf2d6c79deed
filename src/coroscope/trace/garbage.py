"""From events to garbage collections, and to what the short ones among them came to."""

from __future__ import annotations

from collections.abc import Iterable

from coroscope.record.events import EventKind
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.model import Collection, Collections, Trace


class Garbage(Chapter):
    """Takes each collection at its end, and counts of them all, of which the last one of a generation holds.

    Of a program that was killed the last counts may be missing: then those that were seen are counted.
    """

    def __init__(self) -> None:
        self._collections: list[Collection] = []
        self._totals: dict[tuple[int, int], Collections] = {}
        """The last ones of each process and generation, which count from the process's beginning."""

    def handlers(self) -> dict[int, Handler]:
        return {EventKind.COLLECTED: self._collect, EventKind.COLLECTIONS: self._count}

    def _collect(self, event: Event) -> None:
        time_ns, took_us, collected, native, uncollectable, generation, _, stream = event
        self._collections.append(
            Collection(
                start_ns=max(time_ns - took_us * 1000, 0),
                end_ns=time_ns,
                generation=generation,
                process=self.process(stream),
                thread=self.native_thread(native),
                collected=collected,
                uncollectable=uncollectable,
            )
        )

    def _count(self, event: Event) -> None:
        _, count, total_us, longest_us, _, generation, _, stream = event
        self._totals[self.process(stream), generation] = Collections(
            generation, count, total_us * 1000, longest_us * 1000
        )

    def add_to(self, trace: Trace) -> None:
        for key, seen in _counted(self._collections).items():
            known = self._totals.get(key)
            if known is None or known.count < seen.count:
                self._totals[key] = seen
        trace.collections = self._collections
        trace.collection_totals = added_up(self._totals.values())


def _counted(collections: list[Collection]) -> dict[tuple[int, int], Collections]:
    lengths_ns: dict[tuple[int, int], list[int]] = {}
    for collection in collections:
        length_ns = (collection.end_ns or collection.start_ns) - collection.start_ns
        lengths_ns.setdefault((collection.process, collection.generation), []).append(length_ns)
    return {key: Collections(key[1], len(them), sum(them), max(them)) for key, them in lengths_ns.items()}


def added_up(totals: Iterable[Collections]) -> list[Collections]:
    """Those of all processes together, the youngest generation first."""
    of: dict[int, list[Collections]] = {}
    for found in totals:
        of.setdefault(found.generation, []).append(found)
    return [
        Collections(
            number,
            sum(found.count for found in of[number]),
            sum(found.total_ns for found in of[number]),
            max(found.longest_ns for found in of[number]),
        )
        for number in sorted(of)
    ]
