"""How many items are handed over at once: one where they are long, a whole parcel where they are short."""

from __future__ import annotations

from coroscope.strategies.work import PARCEL_NS, Reply

_GROWTH = 8
_MOST = 10_000


class ParcelSize:
    """Learns from replies how long items take; `lanes` is how many parcels are worked on at once."""

    def __init__(self, lanes: int, total: int | None) -> None:
        self.lanes = lanes
        self._total = total
        self.item_ns: float | None = None
        """What one takes, as far as is known."""
        self.parcel_ns = PARCEL_NS
        """What a parcel is to take."""
        self._last = 1

    @property
    def largest(self) -> int:
        """How many items the largest parcel is made of by now."""
        return self._last

    def next(self, taken: int) -> int:
        """How many items to take for the next parcel, where `taken` have been taken so far."""
        if self.item_ns is None:
            return 1
        size = min(int(self.parcel_ns / max(self.item_ns, 1)), self._last * _GROWTH, _MOST)
        if self._total is not None:  # The last parcels are shared out among all who could work.
            size = min(size, -(-(self._total - taken) // (2 * self.lanes)))
        return max(size, 1)

    def learn(self, reply: Reply) -> None:
        """Take the time of one reply in."""
        count = len(reply.outcomes)
        if not count:
            return
        item_ns = (reply.ended_ns - reply.began_ns) / count
        self.item_ns = item_ns if self.item_ns is None else (self.item_ns + item_ns) / 2
        self._last = max(count, 1)
