"""The function of a map, as a worker calls it; whatever a call comes to is an outcome.

A coroutine function runs on an event loop: where none is at hand, each thread has one of its own.
Rule: asyncio is loaded for the first coroutine: a worker that has none would take longer to load it than to start.
"""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from coroscope.errors import UsageError
from coroscope.strategies.replies import Outcomes, Reply

if TYPE_CHECKING:
    import asyncio

Function = Callable[[Any], Any]
LoopFactory = Callable[[], "asyncio.AbstractEventLoop"]
_OURS = ("coroscope.strategies.", "coroscope.loop.outcome")
"""Modules whose frames stand above the user's in a traceback."""
PARCEL_NS = 10_000_000
"""So much work is handed over at once, where items are short: what handing over costs is then small beside it."""
NO_LOOP_IN_A_LOOP = (
    "coroscope.map() cannot run a loop inside a running one: use 'async for' with coroscope.map_async()"
)
LONGEST_PARCEL_NS = 10 * PARCEL_NS
"""A worker that has been at one parcel for longer gives back what it has not begun."""


def is_coroutine_function(function: Any) -> bool:
    """Whether calling `function` gives a coroutine, also through `functools.partial` and `__call__`."""
    while isinstance(function, partial):
        function = function.func
    called = getattr(type(function), "__call__", None)  # noqa: B004 (not whether it can be called)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def check_function(function: Any, caller: str) -> None:
    """TypeError for what cannot be called with one item, or gives no result when it is."""
    if not callable(function):
        raise TypeError(f"{caller} cannot call a {type(function).__qualname__}: give a function of one item")
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise TypeError(
            f"{caller} cannot use {inner.__qualname__}(): it gives a generator, and no result; "
            "give a function that returns, or a coroutine function"
        )


class Caller:
    """Calls the function in this thread; coroutines run on a loop that the thread keeps until `close`."""

    def __init__(self, function: Function, loop_factory: LoopFactory | None = None) -> None:
        self.function = function
        self._loop_factory = loop_factory
        self._runner: asyncio.Runner | None = None

    def __call__(self, item: Any) -> Any:
        result = self.function(item)
        return self.run(result) if type(result) is CoroutineType else result

    def run(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        """What `coroutine` comes to. UsageError where a loop runs in this thread already."""
        import asyncio

        if asyncio._get_running_loop() is not None:
            coroutine.close()
            raise UsageError(NO_LOOP_IN_A_LOOP)
        if self._runner is None:
            self._runner = asyncio.Runner(loop_factory=self._loop_factory or _our_loop)
        return self._runner.run(coroutine)

    def close(self) -> None:
        """Close the loop, if there is one."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()


def _our_loop() -> asyncio.AbstractEventLoop:
    from coroscope.loop.loop import Loop

    return Loop()


def work_through(call: Caller, items: Iterable[Any], first: int) -> Reply:
    """Call with each of `items`; those that are not reached within `LONGEST_PARCEL_NS` are not begun."""
    outcomes = Outcomes()
    values = outcomes.values
    function, clock_ns = call.function, time.monotonic_ns
    began_ns = now_ns = clock_ns()
    for item in items:
        try:
            # Not by way of the call: for the shortest items that would be a third of all that they cost.
            result = function(item)
            values.append(call.run(result) if type(result) is CoroutineType else result)
        except BaseException as error:
            outcomes.add_error(without_this_frame(error))
        now_ns = clock_ns()
        if now_ns - began_ns > LONGEST_PARCEL_NS:
            break
    return Reply(first, outcomes, began_ns, now_ns)


def without_this_frame(error: BaseException) -> BaseException:
    """`error` with the traceback that it had in the user's code: our frame would keep the error itself alive."""
    # What the frames hold may be what there is no memory for.
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)
    inner = error.__traceback__
    while inner is not None and inner.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        inner = inner.tb_next
    return error.with_traceback(inner)
