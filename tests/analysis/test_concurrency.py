"""How many tasks were alive at once."""

import pytest

from coroscope.analysis import concurrency, main_concurrency
from tests.trace_builder import MS, TraceBuilder


def test_overlapping_tasks_count_together() -> None:
    builder = TraceBuilder()
    builder.task("a", "waiting 6")
    builder.task("b", "waiting 6", at_ms=4)
    builder.task("c", "waiting 2", at_ms=8)
    alive = concurrency(builder.build())
    assert (alive.max, alive.max_at_ns) == (2, 4 * MS)
    assert alive.mean == pytest.approx(1.4)


def test_a_task_that_begins_as_another_ends_does_not_overlap_with_it() -> None:
    builder = TraceBuilder()
    builder.task("a", "waiting 5")
    builder.task("b", "waiting 5", at_ms=5)
    assert concurrency(builder.build()).max == 1


def test_main_tasks_do_not_count() -> None:
    builder = TraceBuilder()
    builder.task("main", "waiting 10", is_main=True)
    alive = concurrency(builder.build())
    assert (alive.max, alive.max_at_ns, alive.mean) == (0, None, 0.0)


def test_main_tasks_are_counted_apart() -> None:
    builder = TraceBuilder()
    builder.task("main", "waiting 10", is_main=True)
    builder.task("a", "waiting 6")
    alive = main_concurrency(builder.build())
    assert (alive.max, alive.max_at_ns) == (1, 0)


def test_a_task_without_an_end_lives_as_long_as_the_recording() -> None:
    builder = TraceBuilder(duration_ns=10 * MS)
    builder.task("a", "waiting 1", ended=False)
    assert concurrency(builder.build()).mean == pytest.approx(1.0)


def test_peak_between_sees_a_burst_inside_and_none_beside_it() -> None:
    builder = TraceBuilder()
    builder.task("long", "waiting 100")
    for _ in range(3):
        builder.task("burst", "waiting 1", at_ms=50)
    alive = concurrency(builder.build())
    peaks = [
        alive.peak_between(start * MS, end * MS) for start, end in ((0, 50), (50, 51), (40, 60), (51, 99))
    ]
    assert peaks == [1, 4, 4, 1]
    assert alive.peak_between(100 * MS, 120 * MS) == 0


def test_an_empty_trace_has_no_concurrency() -> None:
    alive = concurrency(TraceBuilder().build())
    assert (alive.max, alive.mean, alive.peak_between(0, MS)) == (0, 0.0, 0)
