"""What events say of the interpreter itself: its garbage collections, and its lock."""

from __future__ import annotations

import pytest

from coroscope.record.events import EVENT, EventKind
from coroscope.trace import Trace
from coroscope.trace.build import Limits, build
from coroscope.trace.collecting import CollectingTime
from coroscope.trace.lock_samples import LockSample
from coroscope.trace.model import Collection, Collections
from coroscope.trace.raw import RawStream, RawTrace

MS = 1_000_000
SAMPLER = 0xFFFF_FFFF

Given = tuple[int, int, int, int, int, int, int]
"""time_ns, a, b, c, source, detail, kind"""


def built(**streams: list[Given]) -> Trace:
    """The trace of some streams, by their numbers behind an underscore."""
    raw = {
        int(name[1:]): RawStream(bytearray(b"".join(EVENT.pack(*event) for event in events)))
        for name, events in streams.items()
    }
    return build(RawTrace({}, 0, raw), Limits())


def sampled(at_ms: int, holder: int, *waiting: int, tenths: int = 50) -> Given:
    first, second = [*waiting, 0, 0][:2]
    return (at_ms * MS, holder, first, second, tenths, len(waiting), EventKind.LOCK_SAMPLED)


def test_a_thread_has_one_number_whoever_tells_of_it() -> None:
    trace = built(
        _1=[(9 * MS, 700, 0, 0, 0, 0, EventKind.THREAD_IS), (10 * MS, 0, 0, 0, 0, 0, EventKind.MARKED)],
        _2=[(3 * MS, 500, 0, 0, 0, 0, EventKind.THREAD_IS), (4 * MS, 0, 0, 0, 0, 0, EventKind.MARKED)],
        _3=[(6 * MS, 300, 5, 500, 1, 2, EventKind.COLLECTED)],
        _4294967295=[sampled(1, 700), sampled(5, 500, 700), sampled(11, 700, 900)],
    )
    of_second, of_first = [mark.thread for mark in trace.marks]
    assert [sample.holder for sample in trace.lock_samples] == [of_first, of_second, of_first]
    assert [collection.thread for collection in trace.collections] == [of_second]
    assert trace.lock_samples.waited().keys() - {of_first, of_second} != set()


def test_a_sample_has_all_who_waited_for_the_lock() -> None:
    trace = built(
        _4294967295=[
            sampled(5, 0),
            sampled(10, 1, 2, 3, 4, 5),
            (10 * MS, 4, 5, 0, 0, 0, EventKind.LOCK_WAITERS),
            sampled(15, 5, 1),
        ]
    )
    assert list(trace.lock_samples) == [
        LockSample(5 * MS, None, ()),
        LockSample(10 * MS, 1, (2, 3, 4, 5)),
        LockSample(15 * MS, 5, (1,)),
    ]
    assert trace.lock_samples.held() == {1: pytest.approx(1 / 3), 5: pytest.approx(1 / 3)}
    assert trace.lock_samples.waited()[1] == pytest.approx(1 / 3)
    assert trace.lock_samples.contended == pytest.approx(2 / 3)


def test_a_sample_that_comes_much_too_late_ends_a_gap_but_not_where_nobody_was_to_look() -> None:
    trace = built(
        _4294967295=[
            sampled(5, 1),
            sampled(19, 1),
            sampled(60, 1),
            (60 * MS, 0, 0, 0, 0, 0, EventKind.LOCK_UNSEEN),
            sampled(300, 1),
        ]
    )
    assert trace.lock_samples.gaps == [(19 * MS, 60 * MS)]


def test_the_last_counts_of_a_generation_hold_and_what_was_seen_where_they_are_missing() -> None:
    trace = built(
        _3=[
            (10 * MS, 2000, 5, 1, 0, 0, EventKind.COLLECTED),
            (10 * MS, 3, 2100, 2000, 0, 0, EventKind.COLLECTIONS),
            (20 * MS, 9, 2500, 2000, 0, 0, EventKind.COLLECTIONS),
            (30 * MS, 7000, 5, 1, 0, 2, EventKind.COLLECTED),
        ]
    )
    assert trace.collection_totals == [
        Collections(0, 9, 2500 * 1000, 2 * MS),
        Collections(2, 1, 7 * MS, 7 * MS),
    ]
    assert [(known.start_ns, known.end_ns) for known in trace.collections] == [
        (8 * MS, 10 * MS),
        (23 * MS, 30 * MS),
    ]


def test_collecting_time_counts_what_lies_inside_and_of_that_process() -> None:
    spans = [(10, 20, 1), (30, 50, 1), (35, 45, 2), (60, 70, 1)]
    time = CollectingTime(Collection(start, end, 0, process, 1) for start, end, process in spans)
    assert time.within(1, 0, 100) == 40
    assert time.within(1, 15, 40) == 15
    assert time.within(1, 20, 30) == 0
    assert time.within(2, 40, 100) == 5
    assert time.within(3, 0, 100) == 0
