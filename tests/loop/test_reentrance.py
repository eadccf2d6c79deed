"""Loops run inside loops, stopped before they run, and closed while they do: as on asyncio's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import coroscope


async def nothing() -> None:
    """The shortest coroutine there is."""


@pytest.mark.parametrize("inner", [asyncio.SelectorEventLoop, coroscope.Loop])
def test_no_other_loop_runs_inside_a_running_one(
    runner: asyncio.Runner, inner: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        other = inner()
        future = other.create_future()
        try:
            with pytest.raises(RuntimeError, match="Cannot run the event loop while another loop is running"):
                other.run_until_complete(future)
            with pytest.raises(RuntimeError, match="Cannot run the event loop while another loop is running"):
                other.run_forever()
        finally:
            other.close()

    runner.run(main())


def test_a_running_loop_is_not_run_again(loop: Any) -> None:
    async def main() -> str:
        with pytest.raises(RuntimeError, match="This event loop is already running"):
            loop.run_until_complete(loop.create_future())
        return "goes on"

    assert loop.run_until_complete(main()) == "goes on"


def test_a_callback_that_runs_its_own_loop_is_reported(loop: Any) -> None:
    reports: list[str] = []
    loop.set_exception_handler(lambda _, report: reports.append(str(report["exception"])))
    loop.call_soon(loop.run_forever)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert reports == ["This event loop is already running"]


@pytest.mark.parametrize("run", [asyncio.run, coroscope.run])
def test_nothing_is_run_to_its_end_inside_a_running_loop(
    runner: asyncio.Runner, run: Callable[[Any], object]
) -> None:
    async def main() -> None:
        coroutine = nothing()
        try:
            with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
                run(coroutine)
        finally:
            coroutine.close()

    runner.run(main())


def test_a_loop_that_is_stopped_before_it_runs_goes_one_round(loop: Any) -> None:
    notes: list[str] = []
    loop.call_soon(notes.append, "first round")
    loop.call_soon(loop.call_soon, notes.append, "second round")
    loop.stop()
    loop.run_forever()
    assert notes == ["first round"]
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert notes == ["first round", "second round"]


def test_a_round_in_which_the_loop_is_stopped_is_finished(loop: Any) -> None:
    notes: list[str] = []
    loop.call_soon(loop.stop)
    loop.call_soon(notes.append, "same round")
    loop.call_soon(loop.call_soon, notes.append, "next round")
    loop.call_later(0, notes.append, "timer")
    loop.run_forever()
    assert notes == ["same round"] or notes == ["same round", "timer"]
    assert not loop.is_running()


def test_a_loop_stops_for_who_sets_the_name_that_stop_sets(loop: Any) -> None:
    ran: list[str] = []
    loop.call_soon(setattr, loop, "_stopping", True)
    loop.call_soon(loop.call_soon, ran.append, "in the next round")
    loop.run_forever()
    assert ran == []
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert ran == ["in the next round"]


def test_a_loop_that_is_stopped_early_says_so(loop: Any) -> None:
    loop.call_soon(loop.stop)
    with pytest.raises(RuntimeError, match="Event loop stopped before Future completed"):
        loop.run_until_complete(loop.create_future())


def test_a_running_loop_is_not_closed(loop: Any) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
            loop.close()

    loop.run_until_complete(main())
    assert not loop.is_closed()


def test_a_loop_runs_again_after_each_end(loop: Any) -> None:
    assert [loop.run_until_complete(asyncio.sleep(0, number)) for number in range(3)] == [0, 1, 2]


def test_two_loops_take_turns(new_loop: Callable[[], Any]) -> None:
    one, other = new_loop(), coroscope.Loop()
    notes: list[str] = []

    async def note(name: str) -> None:
        for _ in range(2):
            notes.append(name)
            await asyncio.sleep(0)

    tasks = [one.create_task(note("one")), other.create_task(note("other"))]
    for loop in (one, other, one, other, one, other):
        loop.stop()
        loop.run_forever()
    assert notes == ["one", "other"] * 2
    assert all(task.done() for task in tasks)
    one.close()
    other.close()
