"""How many items are handed over at once."""

from __future__ import annotations

from coroscope.strategies.replies import Outcomes, Reply
from coroscope.strategies.sizing import ParcelSize

LONG_NS, SHORT_NS, TINY_NS = 1_000_000_000, 10_000, 100


def reply_of(count: int, item_ns: int) -> Reply:
    return Reply(0, Outcomes([None] * count), 0, count * item_ns)


def learned(*, item_ns: int, size_bytes: int = 8, total: int | None = None) -> ParcelSize:
    """The size after many parcels of like items."""
    size = ParcelSize(2, total)
    for _ in range(10):
        count = size.next(0)
        size.weigh(count, count * size_bytes)
        size.learn(reply_of(count, item_ns))
    return size


def test_the_first_parcel_is_one_item() -> None:
    assert ParcelSize(2, None).next(0) == 1


def test_long_items_go_one_by_one() -> None:
    assert learned(item_ns=LONG_NS).next(0) == 1


def test_short_items_go_a_thousand_at_once() -> None:
    assert learned(item_ns=SHORT_NS).next(0) == 1_000


def test_large_items_go_in_parcels_of_a_mebibyte() -> None:
    assert learned(item_ns=SHORT_NS, size_bytes=100_000).next(0) == 10


def test_an_item_larger_than_that_goes_alone() -> None:
    assert learned(item_ns=SHORT_NS, size_bytes=10**9).next(0) == 1


def test_the_last_items_are_shared_out() -> None:
    assert learned(item_ns=SHORT_NS, total=100_000).next(98_000) == 500


def test_but_not_in_parcels_that_take_less_than_a_tenth_of_a_full_one() -> None:
    assert learned(item_ns=SHORT_NS, total=100_000).next(99_980) == 100
    assert learned(item_ns=TINY_NS, total=100_000).next(98_000) == 1_000
