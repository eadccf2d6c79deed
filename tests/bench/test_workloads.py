"""Every workload does on every loop what it is counted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import trio

import coroscope
from coroscope.bench import for_asyncio, for_trio
from coroscope.bench.catalogue import DEFAULT_WORKLOADS, LOOPS, WORKLOADS
from coroscope.bench.contenders import contender
from coroscope.bench.workload import SLEEPERS

NewLoop = Callable[[], asyncio.AbstractEventLoop]
ALONE = [name for name, workload in WORKLOADS.items() if workload.traffic is None]
# Sleepers sleep on the real clock: the tests of the command line measure them.
AWAKE = [name for name in ALONE if name != SLEEPERS]


def run(workload: str, size: int, new_loop: NewLoop = coroscope.Loop) -> int:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(for_asyncio.WORKLOADS[workload](size))


def calls_of(owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the calls of a function that is left to work as before."""
    counter, original = Counter[str](), getattr(owner, name)

    def counted(*args: Any, **options: Any) -> Any:
        counter[name] += 1
        return original(*args, **options)

    monkeypatch.setattr(owner, name, counted)
    return counter


def test_fourteen_workloads_are_measured_unless_others_are_named() -> None:
    assert len(DEFAULT_WORKLOADS) == 14


@pytest.mark.parametrize("workload", AWAKE)
def test_a_workload_ends_and_does_at_least_as_much_as_asked_for(workload: str) -> None:
    size = WORKLOADS[workload].operations // 20
    done = run(workload, size)
    assert done == run(workload, size, asyncio.SelectorEventLoop)
    assert done >= size


@pytest.mark.parametrize("workload", [name for name in AWAKE if name in for_trio.WORKLOADS])
def test_trio_does_as_many_operations_as_the_others(workload: str) -> None:
    size = WORKLOADS[workload].operations // 50
    assert trio.run(for_trio.WORKLOADS[workload], size) == run(workload, size)


def test_trio_has_each_workload_or_says_why_not() -> None:
    assert set(for_asyncio.WORKLOADS) == set(ALONE)
    assert set(for_trio.WORKLOADS) | set(for_trio.WITHOUT_EQUIVALENT) == set(ALONE)


@pytest.mark.parametrize("loop", [name for name, loop in LOOPS.items() if loop.only is not None])
def test_an_own_way_has_exactly_the_workloads_that_it_is_listed_for(loop: str) -> None:
    assert set(contender(loop).workloads) == set(LOOPS[loop].only or ())


@pytest.mark.parametrize(
    ("workload", "owner", "name", "calls"),
    [
        ("queue", asyncio.Queue, "get", 400),
        ("lock", asyncio.Lock, "acquire", 200),
        ("semaphore", asyncio.Semaphore, "acquire", 200),
        ("timeout", asyncio, "timeout", 200),
        ("asyncgen", asyncio, "sleep", 200),
        ("cancel", coroscope.Loop, "create_future", 200),
        ("call_soon", coroscope.Loop, "call_soon", 200),
        ("call_later", coroscope.Loop, "call_later", 1_000),
    ],
)
def test_an_operation_is_what_it_is_counted_for(
    workload: str, owner: Any, name: str, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = calls_of(owner, name, monkeypatch)
    assert run(workload, 200) == max(calls if name == "call_later" else 200, 200)
    assert calls <= counter[name] <= calls + 20  # the loop's own calls, when it starts and ends
