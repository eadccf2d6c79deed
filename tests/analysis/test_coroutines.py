"""Statistics per coroutine."""

from typing import Any

import pytest

from coroscope.analysis import coroutine_statistics
from tests.trace_builder import MS, TraceBuilder


def test_a_trace_without_tasks_has_none() -> None:
    assert coroutine_statistics(TraceBuilder().build()) == []


def test_tasks_of_one_coroutine_are_added_up_whoever_created_them() -> None:
    builder = TraceBuilder()
    builder.task("main", "running 1", is_main=True)
    builder.task("fetch", "ready 1, running 2, waiting 30")
    builder.task("fetch", "ready 4, running 5, waiting 6", parent=2)
    fetch, main = coroutine_statistics(builder.build())
    assert (fetch.coroutine, fetch.file, fetch.line, fetch.count) == ("fetch", "/srv/app/fetch.py", 30, 2)
    assert (fetch.shares.ready_ns, fetch.shares.running_ns, fetch.shares.waiting_ns) == (
        5 * MS,
        7 * MS,
        36 * MS,
    )
    assert (main.coroutine, main.count) == ("main", 1)


@pytest.mark.parametrize("different", [{"line": 31}, {"file": "/srv/app/other.py"}, {"kind": "generator"}])
def test_an_equal_name_of_other_code_is_another_coroutine(different: dict[str, Any]) -> None:
    builder = TraceBuilder()
    builder.task("fetch", "running 1")
    builder.task("fetch", "running 1", **different)
    assert [each.count for each in coroutine_statistics(builder.build())] == [1, 1]


def test_the_coroutine_whose_tasks_lived_longest_together_comes_first() -> None:
    builder = TraceBuilder()
    builder.task("long", "waiting 50")
    for _ in range(3):
        builder.task("many", "waiting 20")
    assert [each.coroutine for each in coroutine_statistics(builder.build())] == ["many", "long"]


def test_a_percentile_is_the_shortest_lifetime_that_so_many_do_not_exceed() -> None:
    builder = TraceBuilder()
    for length_ms in reversed(range(1, 11)):
        builder.task("fetch", f"waiting {length_ms}")
    (fetch,) = coroutine_statistics(builder.build())
    assert [fetch.lifetime_ns(percent) // MS for percent in (0, 10, 11, 50, 90, 99, 100)] == [
        1,
        1,
        2,
        5,
        9,
        10,
        10,
    ]


def test_of_a_single_task_every_percentile_is_its_life() -> None:
    builder = TraceBuilder()
    builder.task("fetch", "waiting 7")
    (fetch,) = coroutine_statistics(builder.build())
    assert {fetch.lifetime_ns(percent) for percent in (50, 90, 99, 100)} == {7 * MS}


def test_a_task_that_has_not_ended_lives_as_long_as_the_recording() -> None:
    builder = TraceBuilder(duration_ns=100 * MS)
    builder.task("watch", "waiting 7", at_ms=10, ended=False)
    (watch,) = coroutine_statistics(builder.build())
    assert watch.lifetime_ns(100) == 90 * MS
