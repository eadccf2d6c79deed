"""`limit`, `timeout`, `return_exceptions` and `progress`, and what `wait` refuses."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import inspect
import os
import pty
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial, wraps
from typing import Any

import pytest

import coroscope
from tests.loop.clocks import KINDS, run_jumping

pytestmark = pytest.mark.filterwarnings("error")


async def nothing() -> None:
    pass


def turns(count: int) -> Generator[None, None, int]:
    for _ in range(count):
        yield
    return count


async def fail(delay_s: float, error: BaseException) -> None:
    await asyncio.sleep(delay_s)
    raise error


class Gauge:
    """Counts how many of its items run at once."""

    def __init__(self) -> None:
        self.running = self.most = 0

    def __enter__(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)

    def __exit__(self, *_: object) -> None:
        self.running -= 1

    async def coroutine(self) -> None:
        with self:
            await asyncio.sleep(0.001)

    def generator(self) -> Generator[Any, Any, None]:
        with self:
            yield from coroscope.sleep(0.001)


# limit


@pytest.mark.parametrize("is_lazy", [False, True])
def test_no_more_than_the_limit_run_at_once(is_lazy: bool) -> None:
    gauge = Gauge()
    items = [make() for _ in range(5) for make in (gauge.coroutine, gauge.generator)]
    assert coroscope.wait(iter(items) if is_lazy else items, limit=3) == [None] * 10
    assert gauge.most == 3


def test_an_iterator_under_a_limit_is_taken_as_there_is_room() -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    def items() -> Iterator[Any]:
        nonlocal most
        for number in range(2_000):
            item = coroscope.sleep(0, number)
            alive.add(item)
            most = max(most, len(alive))
            yield item

    assert coroscope.wait(items(), limit=10) == list(range(2_000))
    assert most <= 2 * 10 + 2


def test_functions_run_in_as_many_threads_as_the_limit_says() -> None:
    together = threading.Barrier(40)
    assert sorted(coroscope.wait([together.wait] * 40, limit=40)) == list(range(40))


@pytest.mark.parametrize(
    ("limit", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError)]
)
def test_a_limit_that_cannot_be_meant_is_refused(limit: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"coroscope.wait\(\): limit is"):
        coroscope.wait([nothing()], limit=limit)


def test_a_failing_iterator_under_a_limit_ends_what_runs_and_is_raised() -> None:
    ended = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    def items() -> Iterator[Any]:
        yield long()
        yield coroscope.sleep(0.001)
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        coroscope.wait(items(), limit=2)
    assert ended == ["long"]


def test_a_failing_iterator_without_a_limit_closes_what_it_gave() -> None:
    given = turns(1)

    def items() -> Iterator[Any]:
        yield nothing()
        yield given
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        coroscope.wait(items())
    assert inspect.getgeneratorstate(given) == inspect.GEN_CLOSED


# timeout


@pytest.mark.parametrize("kind", KINDS)
def test_a_timeout_says_how_many_had_not_ended(kind: Any) -> None:
    ended = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    items = [asyncio.sleep(1), long(), turns(3), long(), nothing()]
    with pytest.raises(TimeoutError) as raised:
        run_jumping(kind, coroscope.wait_async(items, timeout=2))
    assert str(raised.value) == (
        "coroscope.wait_async() timed out after 2 s: 2 of 5 items had not ended, the first of them item 1"
    )
    assert ended == ["long", "long"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_timeout_counts_those_that_had_not_begun(kind: Any) -> None:
    items = [asyncio.sleep(1), asyncio.sleep(2), nothing(), nothing()]
    with pytest.raises(TimeoutError, match=r"3 of 4 items had not ended, the first of them item 1$"):
        run_jumping(kind, coroscope.wait_async(items, timeout=1.5, limit=1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_timeout_knows_only_what_an_iterator_has_given(kind: Any) -> None:
    endless = (asyncio.sleep(1) for _ in iter(int, 1))
    with pytest.raises(
        TimeoutError, match=r"2 of the 4 items begun had not ended, the first of them item 2$"
    ):
        run_jumping(kind, coroscope.wait_async(endless, timeout=1.5, limit=2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("timeout", [None, 2, float("inf")])
def test_who_ends_in_time_does_not_time_out(kind: Any, timeout: float | None) -> None:
    assert run_jumping(kind, coroscope.wait_async([asyncio.sleep(1, "slept")], timeout=timeout)) == ["slept"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_timeout_is_raised_with_return_exceptions_too(kind: Any) -> None:
    with pytest.raises(TimeoutError, match="1 of 1"):
        run_jumping(kind, coroscope.wait_async([asyncio.sleep(2)], timeout=1, return_exceptions=True))


@pytest.mark.parametrize(("timeout", "error"), [("1", TypeError), (float("nan"), ValueError)])
def test_a_timeout_that_cannot_be_meant_is_refused(timeout: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"coroscope.wait\(\): timeout is"):
        coroscope.wait([nothing()], timeout=timeout)


def test_a_timeout_does_not_wait_for_a_thread_and_begins_no_further_function() -> None:
    may_end, begun = threading.Event(), []

    def block() -> None:
        begun.append("function")
        may_end.wait()

    async def main() -> None:
        # No time passes until the first has begun.
        asyncio.get_running_loop().time = lambda: float(len(begun))  # type: ignore[method-assign]
        await coroscope.wait_async([block] * 3, timeout=0.05, limit=1)

    try:
        with pytest.raises(TimeoutError, match="3 of 3"):
            coroscope.run(main())
        assert begun == ["function"]
    finally:
        may_end.set()


# failures


def test_the_first_failure_in_time_is_raised_with_its_own_traceback_and_index() -> None:
    def late() -> Generator[Any, Any, None]:
        yield from turns(5)
        raise KeyError("late")

    def early() -> Generator[Any, Any, None]:
        yield
        raise LookupError("early")

    with pytest.raises(LookupError, match="early") as raised:
        coroscope.wait([late(), early()])
    assert raised.value.__notes__ == ["raised by item 1 of coroscope.wait()"]
    frames = [frame.name for frame in traceback.extract_tb(raised.tb)]
    assert frames[-2:] == ["results", "early"]


def test_an_item_that_ends_by_a_cancellation_of_its_own_cancels_the_others() -> None:
    ended = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    with pytest.raises(asyncio.CancelledError, match="mine"):
        coroscope.wait([long(), fail(0.001, asyncio.CancelledError("mine"))])
    assert ended == ["long"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("return_exceptions", [False, True])
@pytest.mark.parametrize("kind", ["coroutine", "generator", "pollable", "function"])
def test_an_exit_is_raised_whatever_was_asked_for(
    error: type[BaseException], return_exceptions: bool, kind: str
) -> None:
    ended = []

    def leave() -> None:
        raise error("leave")

    def generator() -> Generator[None, None, None]:
        yield
        leave()

    class Leaver(coroscope.Pollable):
        def run(self) -> None:
            leave()

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    leavers: dict[str, Callable[[], Any]] = {
        "coroutine": lambda: fail(0.001, error("leave")),
        "generator": generator,
        "pollable": Leaver,
        "function": lambda: leave,
    }
    with pytest.raises(error, match="leave"):
        coroscope.wait([long(), leavers[kind]()], return_exceptions=return_exceptions)
    assert ended == ["long"]


def test_what_fails_while_it_is_cancelled_is_told_to_the_loop() -> None:
    told: list[Any] = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise KeyError("on the way out")

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        await coroscope.wait_async([stubborn(), fail(0.001, LookupError())])

    with pytest.raises(LookupError):
        coroscope.run(main())
    assert [context["message"] for context in told] == [
        "item 0 of coroscope.wait_async() failed while it was cancelled"
    ]


def test_when_one_fails_those_that_had_not_begun_are_closed() -> None:
    never, never_either = turns(1), nothing()
    with pytest.raises(LookupError):
        coroscope.wait([fail(0, LookupError()), never, never_either], limit=1)
    assert inspect.getgeneratorstate(never) == inspect.GEN_CLOSED
    assert inspect.getcoroutinestate(never_either) == inspect.CORO_CLOSED


def test_an_error_keeps_no_task_of_an_item_alive() -> None:
    def failing() -> Generator[None, None, None]:
        yield
        raise LookupError

    tasks: list[weakref.ref[Any]] = []

    async def note() -> None:
        tasks.extend(map(weakref.ref, asyncio.all_tasks() - {asyncio.current_task()}))

    gc.disable()
    try:
        with pytest.raises(LookupError) as raised:
            coroscope.wait([note(), failing(), turns(100)])
        alive = [task.get_coro().__name__ for ref in tasks if (task := ref()) is not None]
    finally:
        gc.enable()
    # `results` is the call's own, whose frames the traceback shows.
    assert (raised.type, alive) == (LookupError, ["results"])


# return_exceptions, as in asyncio.gather


@pytest.mark.parametrize("kind", KINDS)
def test_exceptions_are_returned_as_by_gather(kind: Any) -> None:
    def items() -> list[Any]:
        return [
            fail(1, LookupError("one")),
            asyncio.sleep(2, "two"),
            fail(0, asyncio.CancelledError()),
            fail(0, TimeoutError()),
        ]

    def look(results: list[Any]) -> list[Any]:
        # gather gives a cancellation without a message the empty one.
        return [
            type(result) if isinstance(result, asyncio.CancelledError) else repr(result) for result in results
        ]

    async def gathered() -> list[Any]:
        return await asyncio.gather(*items(), return_exceptions=True)

    ours = run_jumping(kind, coroscope.wait_async(items(), return_exceptions=True))
    assert look(ours) == look(run_jumping(kind, gathered()))


# refusals


class Asynchronous:
    ready = result = None

    async def run(self) -> None:
        pass


async def asynchronous_generator() -> AsyncIterator[None]:
    yield


class AsynchronousCall:
    async def __call__(self) -> None:
        pass


class Polled:
    ready = result = None

    def run(self) -> None:
        pass

    def look_at(self, first: int, given: int = 3, *, second: int, known: int = 4) -> None:
        pass


class CallWith:
    def __call__(self, what: int) -> None:
        pass


class RunWith:
    ready = result = None

    def run(self, what: int) -> None:
        pass


FIRST_OF_ABS = next(iter(inspect.signature(abs).parameters))


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (3, "item 1 (int): give a coroutine"),
        (int, "item 1 (type): give a coroutine"),
        (nothing, "item 1 (function): call it"),
        (turns, "item 1 (function): call it"),
        (asynchronous_generator, "item 1 (function): call it"),
        (asynchronous_generator(), "item 1 (async_generator): give a coroutine"),
        (AsynchronousCall(), "item 1 (AsynchronousCall): call it"),
        (Asynchronous(), "item 1 (Asynchronous): its run() is polled"),
        (Polled, "item 1 (class Polled): call it, and give the object that it makes"),
        (coroscope.Pollable, "item 1 (class Pollable): call it, and give the object that it makes"),
        (lambda x: x, "item 1 (function): it needs the argument x, and is called without any"),
        (Polled().look_at, "item 1 (method): it needs the arguments first, second, and is called"),
        # abs(x) in CPython 3.11, abs(number) in 3.15.
        (abs, f"item 1 (builtin_function_or_method): it needs the argument {FIRST_OF_ABS}"),
        (partial(divmod, 1), "item 1 (partial): it needs the argument y"),
        (CallWith(), "item 1 (CallWith): it needs the argument what"),
        (RunWith(), "item 1 (RunWith): its run() needs the argument what, which it will not get"),
    ],
)
@pytest.mark.parametrize("limit", [None, 1])
def test_what_cannot_be_run_is_refused_by_index_and_type(item: Any, sentence: str, limit: int | None) -> None:
    started = []

    def start() -> Generator[None, None, None]:
        started.append("started")
        yield

    with pytest.raises(TypeError) as raised:
        coroscope.wait([start(), item, nothing()], limit=limit)
    assert f"coroscope.wait() cannot run {sentence}" in str(raised.value)
    assert started == []


def test_functions_that_need_no_argument_are_called_whatever_they_take() -> None:
    @wraps(divmod)
    def wrapper() -> str:
        return "wrapper"

    class Called:
        def __call__(self, x: int = 1, *rest: int, **named: int) -> int:
            return x + len(rest) + len(named)

        def method(self, *, y: int = 2) -> int:
            return y

    items = [wrapper, Called(), Called().method, partial(divmod, 7, 2), lambda *rest: rest, "a".upper]
    assert coroscope.wait(items) == ["wrapper", 1, 2, (3, 1), (), "A"]


def test_an_iterator_under_a_limit_is_checked_as_it_is_taken() -> None:
    ended = []

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("long")

    with pytest.raises(TypeError, match=r"item 2 \(int\)"):
        coroscope.wait(iter([long(), nothing(), 3]), limit=2, return_exceptions=True)
    assert ended == ["long"]


def test_a_future_of_another_loop_is_refused() -> None:
    async def make() -> Any:
        return asyncio.get_running_loop().create_future()

    future = asyncio.run(make())
    with pytest.raises(TypeError, match=r"item 1 \(_?Future\): it belongs to another event loop"):
        coroscope.wait([nothing(), future])
    with pytest.raises(TypeError, match=r"wait_async\(\) cannot run item 0"):
        asyncio.run(coroscope.wait_async([future]))


@pytest.mark.parametrize("make", [nothing, lambda: turns(1)])
def test_what_runs_only_once_is_refused_the_second_time(make: Callable[[], Any]) -> None:
    item = make()
    with pytest.raises(ValueError, match=r"item 2 \(\w+\): it is item 0 again"):
        coroscope.wait([item, nothing(), item])


def test_functions_pollables_and_futures_may_be_given_twice() -> None:
    class Ready(coroscope.Pollable):
        def run(self) -> None:
            self.ready, self.result = True, "ready"

    ready = Ready()
    future: concurrent.futures.Future[str] = concurrent.futures.Future()
    future.set_result("future")
    assert coroscope.wait([ready, "".upper, ready, "".upper, future, future]) == [
        "ready", "", "ready", "", "future", "future",
    ]  # fmt: skip


def test_inside_a_running_loop_a_list_is_closed_and_an_iterator_left_alone() -> None:
    taken: list[int] = []

    async def main() -> None:
        for items in ([nothing()], map(taken.append, [1])):
            with pytest.raises(RuntimeError, match=r"await wait_async\(\) there"):
                coroscope.wait(items)

    coroscope.run(main())
    assert taken == []


@pytest.mark.parametrize("main", [turns(1), 3, asyncio.sleep])
def test_run_takes_coroutines_only(main: Any) -> None:
    with pytest.raises(TypeError, match=r"coroscope.run\(\) cannot run a \w+: give a coroutine"):
        coroscope.run(main)


# progress

PROGRAM = """
import sys, coroscope
print(coroscope.wait([coroscope.sleep(0.001, n) for n in range(3)], progress=True))
print("said", file=sys.stderr)
"""


def test_progress_is_a_bar_on_a_terminal() -> None:
    reader, writer = pty.openpty()
    command = [sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, env=environment, timeout=60)
    shown = os.read(reader, 100_000).decode()
    os.close(reader)
    os.close(writer)
    assert done.stdout == b"[0, 1, 2]\n"
    assert "3/3" in shown
    assert "━" in shown


def test_progress_is_nothing_where_stderr_is_no_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[0, 1, 2]\n", "said\n")
