"""How many items are handed over at once: one where they are long, a whole parcel where they are short."""

from __future__ import annotations

from coroscope.strategies.replies import Reply
from coroscope.strategies.work import PARCEL_NS

_GROWTH = 32
_MOST = 1_000
_MOST_BYTES = 1024 * 1024
"""A parcel, or its results, may take so much where one item does not take more."""
_LEAST = 1 / 10
"""Of the time that a parcel is to take; less is not worth the handing over."""


class ParcelSize:
    """Learns from replies how long items take; `lanes` is how many parcels are worked on at once."""

    def __init__(self, lanes: int, total: int | None) -> None:
        self.lanes = lanes
        self._total = total
        self.item_ns: float | None = None
        """What one takes, as far as is known."""
        self.parcel_ns = PARCEL_NS
        """What a parcel is to take."""
        self._item_bytes = 0.0
        self._last = 1

    @property
    def largest(self) -> int:
        """How many items the largest parcel is made of by now."""
        return self._last

    def next(self, taken: int) -> int:
        """How many items to take for the next parcel, where `taken` have been taken so far."""
        if self.item_ns is None:
            return 1
        worthwhile = self.parcel_ns / max(self.item_ns, 1)
        most = min(worthwhile, self._last * _GROWTH, _MOST)
        size = int(min(most, _MOST_BYTES / max(self._item_bytes, 1)))
        if self._total is not None:  # The last parcels are shared out among all who could work.
            share = -(-(self._total - taken) // (2 * self.lanes))
            size = min(size, max(share, int(worthwhile * _LEAST)))
        return max(size, 1)

    def learn(self, reply: Reply) -> None:
        """Take the time of one reply in."""
        count = len(reply.outcomes)
        if not count:
            return
        item_ns = (reply.ended_ns - reply.began_ns) / count
        self.item_ns = item_ns if self.item_ns is None else (self.item_ns + item_ns) / 2
        self._last = max(count, 1)

    def weigh(self, count: int, size_bytes: int) -> None:
        """Take in what `count` items, or their results, have as bytes."""
        # The larger of both counts, and for a while the largest that there was.
        self._item_bytes = max(size_bytes / count, self._item_bytes * 0.9)
