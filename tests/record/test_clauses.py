"""Which clause catches a cancellation, read from the code of a suspended coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from coroscope.record.clauses import catching_clause, links, where_caught


class Suspension:
    """Suspends whoever awaits it."""

    def __await__(self) -> Any:
        yield


class Cleaning:
    """Takes a step to leave."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        await Suspension()


async def by_name() -> None:
    try:
        await Suspension()
    except asyncio.CancelledError:  # here
        await Suspension()


async def second_of_two() -> None:
    try:
        await Suspension()
    except (ValueError, KeyError):
        pass
    except (OSError, BaseException) as error:  # here
        print(error)
        await Suspension()


async def everything() -> None:
    try:
        await Suspension()
    except:  # noqa: E722  # here
        await Suspension()


async def further_out() -> None:
    try:
        try:
            await Suspension()
        except Exception:
            pass
        finally:
            print("passed")
    except asyncio.exceptions.CancelledError:  # here
        pass
    await Suspension()


async def suppressed() -> None:
    with Suppressing(), contextlib.suppress(asyncio.CancelledError, KeyError):  # here
        await Suspension()
    await Suspension()


async def suppressed_around_a_lock() -> None:
    with suppress(BaseException):  # here
        async with asyncio.Lock():
            await Suspension()
    await Suspension()


async def raised_again() -> None:
    try:
        await Suspension()
    except asyncio.CancelledError:  # here
        await Suspension()
        raise


async def only_exceptions() -> None:
    try:
        await Suspension()
    except Exception:
        await Suspension()


async def only_cleaning_up() -> None:
    try:
        await Suspension()
    finally:
        with suppress(asyncio.CancelledError):
            await Suspension()


async def something_else_suppressed() -> None:
    with contextlib.suppress(KeyError):
        await Suspension()


async def after_the_clause() -> None:
    try:
        print("before")
    except asyncio.CancelledError:
        print("caught")
    await Suspension()


class Suppressing:
    """A context that suppresses nothing, whatever its name says."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


Function = Callable[[], Coroutine[Any, Any, None]]
CATCHING = [
    by_name,
    second_of_two,
    everything,
    further_out,
    suppressed,
    suppressed_around_a_lock,
    raised_again,
]
LETTING_THROUGH = [only_exceptions, only_cleaning_up, something_else_suppressed, after_the_clause]


def line_marked_in(function: Function) -> int:
    lines, first = inspect.getsourcelines(function)
    return next(number for number, line in enumerate(lines, first) if line.endswith("# here\n"))


def suspended(function: Function) -> Coroutine[Any, Any, None]:
    coroutine = function()
    coroutine.send(None)
    return coroutine


def run_to_its_end(coroutine: Coroutine[Any, Any, None]) -> None:
    with suppress(StopIteration):
        while True:
            coroutine.send(None)


@pytest.mark.parametrize("function", CATCHING)
def test_the_clause_that_catches_is_found(function: Function) -> None:
    coroutine = suspended(function)
    frame = coroutine.cr_frame  # type: ignore[attr-defined]
    clause = catching_clause(frame.f_code, frame.f_lasti)
    run_to_its_end(coroutine)
    assert clause is not None
    assert clause.line == line_marked_in(function)
    assert clause.raises == (function is raised_again)


@pytest.mark.parametrize("function", CATCHING)
def test_what_was_thrown_was_caught_where_the_coroutine_went_on(function: Function) -> None:
    coroutine = suspended(function)
    chain = links(coroutine)
    coroutine.throw(asyncio.CancelledError())
    caught = where_caught(chain)
    assert caught is not None
    assert caught.position[2] == line_marked_in(function)
    with suppress(asyncio.CancelledError):
        run_to_its_end(coroutine)


@pytest.mark.parametrize("function", LETTING_THROUGH)
def test_clauses_for_other_exceptions_catch_nothing(function: Function) -> None:
    coroutine = suspended(function)
    frame = coroutine.cr_frame  # type: ignore[attr-defined]
    assert catching_clause(frame.f_code, frame.f_lasti) is None
    run_to_its_end(coroutine)


async def cleaning_up_first() -> None:
    try:
        async with Cleaning():
            await Suspension()
    except asyncio.CancelledError:  # here
        await Suspension()


async def calling_what_cleans_up() -> None:
    try:
        await only_cleaning_up()
    except asyncio.CancelledError:  # here
        await Suspension()


@pytest.mark.parametrize("function", [cleaning_up_first, calling_what_cleans_up])
def test_nothing_is_caught_while_something_further_in_cleans_up(function: Function) -> None:
    coroutine = suspended(function)
    chain = links(coroutine)
    coroutine.throw(asyncio.CancelledError())
    assert where_caught(chain) is None
    coroutine.send(None)
    caught = where_caught(chain)
    assert caught is not None
    assert caught.position[2] == line_marked_in(function)
    with suppress(asyncio.CancelledError):
        run_to_its_end(coroutine)


def test_what_has_ended_has_caught_nothing() -> None:
    coroutine = suspended(only_exceptions)
    chain = links(coroutine)
    with pytest.raises(asyncio.CancelledError):
        coroutine.throw(asyncio.CancelledError())
    assert where_caught(chain) is None
