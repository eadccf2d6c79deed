"""The timer heap, as a heap and as what asyncio's loops call `_scheduled`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import coroscope


@pytest.fixture
def loop() -> Iterator[Any]:
    loop = coroscope.Loop()
    yield loop
    loop.close()


def test_the_scheduled_timers_can_be_read_as_a_list_earliest_first(loop: Any) -> None:
    later, sooner = loop.call_later(60, print), loop.call_later(30, print)
    assert later in loop._scheduled
    assert loop._scheduled[0] is sooner
    assert loop._scheduled == [sooner, later]
    assert list(loop._scheduled) == loop._scheduled[:] == [sooner, later]


def test_a_handle_that_is_appended_runs_when_it_is_due(loop: Any) -> None:
    called: list[str] = []
    loop._scheduled.append(asyncio.TimerHandle(loop.time() - 1, called.append, ("due",), loop))
    loop._run_once()
    assert called == ["due"]


def test_cancelled_timers_are_dropped_once_they_are_many(loop: Any) -> None:
    kept = loop.call_later(3600, print)
    for _ in range(10_000):
        loop.call_later(60, print).cancel()
    assert len(loop._scheduled) < 300
    assert kept in loop._scheduled


def test_a_round_drops_the_cancelled_timers_when_they_are_the_most(loop: Any) -> None:
    kept = [loop.call_later(60, print) for _ in range(50)]
    for _ in range(51):
        loop.call_later(3600, print).cancel()
    assert loop._timer_cancelled_count == 51
    assert len(loop._scheduled) == 101
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert loop._timer_cancelled_count == 0
    assert sorted(loop._scheduled, key=id) == sorted(kept, key=id)


def test_a_closed_loop_has_no_timers(loop: Any) -> None:
    loop.call_later(60, print)
    loop.close()
    assert loop._scheduled == []
