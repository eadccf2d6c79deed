"""What `map` is asked for besides function and items: what cannot be meant is refused in a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import coroscope
from coroscope.errors import UsageError
from coroscope.strategies.interpreters import HAS_INTERPRETERS
from tests.strategies import functions
from tests.strategies.ways import ALL

NAMES = "sequential, threads, processes, interpreters, cooperative, loop-per-core, cluster"
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"strategy": "magic"}, ValueError, f"there is no strategy 'magic': give one of {NAMES}"),
    ({"strategy": ["threads"]}, ValueError, f"there is no strategy ['threads']: give one of {NAMES}"),
    ({"workers": 0}, ValueError, "workers is 0: give 1 or more, or None"),
    ({"workers": 1.5}, TypeError, "workers is 1.5: give a whole number, or None"),
    ({"limit": -1}, ValueError, "limit is -1: give 1 or more, or None"),
    ({"limit": "4"}, TypeError, "limit is '4': give a whole number, or None"),
    ({"timeout": "soon"}, TypeError, "timeout is 'soon': give seconds, or None"),
    ({"timeout": float("nan")}, ValueError, "timeout is not a number: give seconds, or None"),
    ({"start_method": 5}, TypeError, "start_method is 5: give a string, or None"),
    ({"address": 5}, TypeError, "address is 5: give a string, or None"),
    (
        {"loop_factory": 3},
        TypeError,
        "loop_factory is 3: give a function without arguments that makes a loop, or None",
    ),
]


@pytest.mark.parametrize(("options", "kind", "sentence"), BAD)
def test_an_option_that_cannot_be_meant_is_refused(
    options: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind) as caught:
        coroscope.map(functions.square, [1], **options)
    assert str(caught.value) == f"coroscope.map(): {sentence}"
    with pytest.raises(kind) as caught:
        coroscope.map_async(functions.square, [1], **options)
    assert str(caught.value) == f"coroscope.map_async(): {sentence}"


@pytest.mark.parametrize("strategy", ["processes", "loop-per-core"])
def test_a_start_method_that_there_is_not_is_refused(strategy: str) -> None:
    with pytest.raises(UsageError, match="there is no start method 'teleport' here: give one of "):
        coroscope.map(functions.square, [1], strategy=strategy, start_method="teleport")


def test_items_that_are_none_are_refused() -> None:
    with pytest.raises(TypeError, match=r"coroscope.map\(\) cannot take items from a int: give an iterable"):
        coroscope.map(functions.square, 3)  # type: ignore[arg-type]


def generator(item: int) -> Iterator[int]:
    yield item


async def async_generator(item: int) -> AsyncIterator[int]:
    yield item


@pytest.mark.parametrize("strategy", ALL)
@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (3, "coroscope.map() cannot call a int: give a function of one item"),
        (
            generator,
            "coroscope.map() cannot use generator(): it gives a generator, and no result; "
            "give a function that returns, or a coroutine function",
        ),
        (
            async_generator,
            "coroscope.map() cannot use async_generator(): it gives a generator, and no result; "
            "give a function that returns, or a coroutine function",
        ),
    ],
)
def test_a_function_that_gives_no_result_is_refused(strategy: str, function: Any, sentence: str) -> None:
    with pytest.raises(TypeError) as caught:
        coroscope.map(function, [1], strategy=strategy)
    assert str(caught.value) == sentence


@pytest.mark.skipif(HAS_INTERPRETERS, reason="this Python has them")
def test_interpreters_are_refused_where_there_are_none() -> None:
    with pytest.raises(UsageError) as caught:
        coroscope.map(functions.square, [1], strategy="interpreters")
    assert str(caught.value) == (
        "the strategy 'interpreters' needs Python 3.14 or later: take 'processes', or run a newer Python"
    )


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("strategy", ALL)
def test_inside_a_running_loop_blocking_work_is_mapped_by_all_but_the_loops_own(strategy: str) -> None:
    async def main() -> list[Any]:
        return list(coroscope.map(functions.square, [1, 2, 3], strategy=strategy, workers=2))

    if strategy == "cooperative":
        with pytest.raises(UsageError, match=r"use 'async for' with coroscope\.map_async"):
            asyncio.run(main())
    else:
        assert asyncio.run(main()) == [1, 4, 9]


def test_inside_a_running_loop_a_sequence_of_coroutines_is_refused() -> None:
    async def main() -> list[Any]:
        return list(coroscope.map(functions.square_async, [1], strategy="sequential"))

    with pytest.raises(UsageError, match=r"use 'async for' with coroscope\.map_async"):
        asyncio.run(main())


@pytest.mark.parametrize("strategy", ["sequential", "threads", "processes", "cooperative", "loop-per-core"])
@pytest.mark.parametrize("make", [asyncio.SelectorEventLoop, coroscope.Loop])
def test_a_loop_of_any_make_runs_the_coroutines(strategy: str, make: Any) -> None:
    results = coroscope.map(functions.loop_kind, [1, 2], strategy=strategy, loop_factory=make, workers=1)
    assert list(results) == [make.__name__] * 2


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "coroscope.Workload() has nothing to run: give call=, coroutine=, or both"),
    (
        {"call": functions.square_async},
        "coroscope.Workload(): call= is a coroutine function: give it as coroutine=",
    ),
    (
        {"coroutine": functions.square},
        "coroscope.Workload(): coroutine= is no coroutine function: define it with async def, or give it as call=",
    ),
    (
        {"call": functions.square, "items": 3},
        "coroscope.Workload(): items is a int: give an iterable, or a function without arguments that makes one",
    ),
    ({"call": 3}, "coroscope.Workload() cannot call a int: give a function of one item"),
]


@pytest.mark.parametrize(("given", "sentence"), WRONG)
def test_a_workload_that_cannot_be_meant_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TypeError) as caught:
        coroscope.Workload(**{"items": [1], **given})
    assert str(caught.value) == sentence
