"""An item that raises: its exception comes as it was, in its place, and says which item it was."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

import coroscope
from tests.strategies import functions
from tests.strategies.functions import raise_it
from tests.strategies.ways import ALL, IN_MEMORY, PICKLING

FUNCTIONS: list[Any] = [functions.fail_at_7, functions.fail_at_7_async]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("strategy", ALL)
def test_an_exception_comes_in_its_place_and_names_the_item(strategy: str, function: Any) -> None:
    had: list[int] = []
    with pytest.raises(LookupError) as caught:
        had.extend(coroscope.map(function, range(20), strategy=strategy, workers=2))
    assert had == list(range(7))
    assert caught.value.args == ("seven", 7)
    assert caught.value.__notes__ == ["raised by item 7 of coroscope.map(): 7"]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("strategy", ALL)
def test_with_return_exceptions_it_is_a_result_and_the_rest_goes_on(strategy: str, function: Any) -> None:
    results = list(coroscope.map(function, range(20), strategy=strategy, workers=2, return_exceptions=True))
    assert results[:7] + results[8:] == [*range(7), *range(8, 20)]
    assert repr(results[7]) == "LookupError('seven', 7)"


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("strategy", IN_MEMORY)
def test_the_traceback_goes_down_to_the_users_own_lines(strategy: str, function: Any) -> None:
    with pytest.raises(LookupError) as caught:
        list(coroscope.map(function, range(20), strategy=strategy))
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].line == 'raise LookupError("seven", number)'


@pytest.mark.parametrize("strategy", PICKLING)
def test_the_traceback_of_another_process_is_the_cause(strategy: str) -> None:
    with pytest.raises(LookupError) as caught:
        list(coroscope.map(functions.fail_at_7, range(20), strategy=strategy))
    cause = str(caught.value.__cause__)
    assert 'raise LookupError("seven", number)' in cause
    assert "coroscope/strategies" not in cause


@pytest.mark.parametrize(
    "error", [KeyError("a"), OSError(2, "No such file", "x"), UnicodeError(), ValueError()]
)
@pytest.mark.parametrize("strategy", ALL)
def test_exceptions_keep_their_type_and_arguments(strategy: str, error: Exception) -> None:
    (result,) = coroscope.map(raise_it, [error], strategy=strategy, return_exceptions=True)
    assert (type(result), result.args, str(result)) == (type(error), error.args, str(error))


@pytest.mark.parametrize("function", [functions.raise_frozen, functions.raise_silent])
@pytest.mark.parametrize("strategy", ALL)
def test_an_exception_of_a_class_that_misbehaves_comes_as_well(strategy: str, function: Any) -> None:
    results = list(coroscope.map(function, [1, 2], strategy=strategy, return_exceptions=True))
    assert {type(result).__name__ for result in results} <= {"Frozen", "Silent"}
    assert [result.__notes__ for result in results] == [
        ["raised by item 0 of coroscope.map(): 1"],
        ["raised by item 1 of coroscope.map(): 2"],
    ]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (functions.raise_takes_two, "a worker raised TakesTwo: this and that, which cannot be pickled ("),
        (functions.raise_holds_a_lock, "a worker raised HoldsALock: held, which cannot be pickled"),
    ],
)
@pytest.mark.parametrize("strategy", PICKLING)
def test_an_exception_that_cannot_be_brought_back_is_told_of(
    strategy: str, function: Any, sentence: str
) -> None:
    with pytest.raises(coroscope.UnpicklableError) as caught:
        list(coroscope.map(function, [1, 2], strategy=strategy))
    assert str(caught.value).startswith(sentence)
    assert "raise " in str(caught.value.__cause__)
    assert caught.value.__notes__ == ["raised by item 0 of coroscope.map(): 1"]


@pytest.mark.parametrize("strategy", ALL)
def test_stop_iteration_is_a_failure_as_under_concurrent_futures(strategy: str) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(coroscope.map(functions.raise_stop_iteration, [1, 2], strategy=strategy))
    (result,) = coroscope.map(functions.raise_stop_iteration, [1], strategy=strategy, return_exceptions=True)
    assert repr(result) == "StopIteration('stopped')"


@pytest.mark.parametrize(
    "error", [GeneratorExit("done"), BaseException("base"), asyncio.CancelledError("cut")]
)
@pytest.mark.parametrize("strategy", ALL)
def test_what_is_no_exception_of_the_everyday_kind_is_an_outcome_too(
    strategy: str, error: BaseException
) -> None:
    (result,) = coroscope.map(raise_it, [error], strategy=strategy, return_exceptions=True)
    assert repr(result) == repr(error)


@pytest.mark.parametrize("error", [KeyboardInterrupt("now"), SystemExit(3)])
@pytest.mark.parametrize("strategy", ALL)
def test_an_interrupt_or_exit_of_an_item_is_never_a_result(strategy: str, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        list(coroscope.map(raise_it, [error, error], strategy=strategy, return_exceptions=True))
    assert caught.value.args == error.args


@pytest.mark.parametrize("strategy", PICKLING)
def test_sys_exit_in_a_worker_comes_to_the_caller(strategy: str) -> None:
    with pytest.raises(SystemExit) as caught:
        list(coroscope.map(functions.exit_at_3, range(8), strategy=strategy))
    assert caught.value.code == "three"


@pytest.mark.parametrize("strategy", PICKLING)
def test_also_where_dask_has_been_loaded_which_pickles_exceptions_its_own_way(strategy: str) -> None:
    pytest.importorskip("distributed")
    test_sys_exit_in_a_worker_comes_to_the_caller(strategy)


def two_then_failure() -> Iterator[int]:
    yield 1
    yield 2
    raise LookupError("no third")


@pytest.mark.parametrize("return_exceptions", [False, True])
@pytest.mark.parametrize("strategy", ALL)
def test_what_the_iterable_raises_comes_after_the_results_before_it(
    strategy: str, return_exceptions: bool
) -> None:
    had: list[int] = []
    results = coroscope.map(
        functions.square, two_then_failure(), strategy=strategy, return_exceptions=return_exceptions
    )
    with pytest.raises(LookupError, match="no third") as caught:
        had.extend(results)
    assert had == [1, 4]
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == 'raise LookupError("no third")'


@pytest.mark.parametrize("strategy", ALL)
def test_after_an_exception_there_is_nothing_more(strategy: str) -> None:
    results = coroscope.map(functions.fail_at_7, [7, 1, 2], strategy=strategy)
    with pytest.raises(LookupError):
        next(results)
    assert list(results) == []


@pytest.mark.parametrize("strategy", ALL)
def test_a_timeout_says_how_many_are_missing(strategy: str) -> None:
    function: Any = functions.wait_after_2_async if strategy in ("cooperative", "loop-per-core") else None
    had: list[int] = []
    results = coroscope.map(
        function or functions.wait_after_2, range(6), strategy=strategy, workers=2, timeout=0.4
    )
    with pytest.raises(TimeoutError) as caught:
        had.extend(results)
    assert had == list(range(len(had)))
    missing = str(caught.value).removeprefix("coroscope.map() timed out after 0.4 s: ")
    assert missing.removesuffix(" of 6 items had not ended") in ("2", "3", "4", "5", "6")


@pytest.mark.parametrize("strategy", ALL)
def test_a_timeout_ends_an_endless_map_of_short_items(strategy: str) -> None:
    with pytest.raises(TimeoutError, match=r"timed out after 0.2 s: \d+ of the \d+ items begun"):
        for _ in coroscope.map(functions.square, iter(int, 1), strategy=strategy, workers=1, timeout=0.2):
            pass


@pytest.mark.parametrize("timeout", [0, -1])
@pytest.mark.parametrize("strategy", ALL)
def test_no_time_at_all_is_too_little_for_items_that_take_some(strategy: str, timeout: float) -> None:
    with pytest.raises(TimeoutError):
        list(coroscope.map(functions.square, range(100_000), strategy=strategy, timeout=timeout, workers=1))


@pytest.mark.parametrize("timeout", [60, 1e30, float("inf")])
def test_a_timeout_that_is_not_reached_changes_nothing(timeout: float) -> None:
    assert list(coroscope.map(functions.square, range(3), timeout=timeout)) == [0, 1, 4]
