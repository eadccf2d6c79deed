"""What can be waited for: the kinds of items, and how one of each kind becomes a future of the loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import types
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import ExitStack
from enum import Enum, auto
from typing import Any

from coroscope.loop.generators import ForeignGeneratorTask, GeneratorCoroutine, GeneratorTask, await_
from coroscope.loop.loop import Loop
from coroscope.loop.parameters import needed_arguments
from coroscope.loop.pollable import is_pollable
from coroscope.loop.polling import ForeignPollableTask, PollableTask, PollCoroutine, PollGroup
from coroscope.loop.subject_tasks import CallableTask, ForeignCallableTask, ForeignSubjectTask, SubjectTask


class Kind(Enum):
    """How an item is run; the first that fits counts."""

    COROUTINE = auto()
    GENERATOR = auto()
    SUBMITTED = auto()
    """A `concurrent.futures.Future`."""
    FUTURE = auto()
    AWAITABLE = auto()
    POLLABLE = auto()
    FUNCTION = auto()


_ACCEPTED = (
    "give a coroutine, a generator, an awaitable, a future, "
    "an object with run(), ready and result, or a function"
)
_MAKE_ONE = "call it, and give the object that it makes"
_GIVE_THEM = "and is called without any: give a lambda that calls it with them"
_ONCE = frozenset({Kind.COROUTINE, Kind.GENERATOR})
RUNNING_ALREADY = frozenset({Kind.SUBMITTED, Kind.FUTURE})
"""The kinds that somebody else has started."""


class Checker:
    """Tells the kind of each item, or refuses it by its index, in the name of the function `caller`."""

    def __init__(self, caller: str) -> None:
        self._caller = caller

    def check(self, index: int, item: Any) -> Kind:
        """The kind of `item`; TypeError if it has none, ValueError if it cannot be run here."""
        if isinstance(item, types.CoroutineType):
            return Kind.COROUTINE
        if isinstance(item, types.GeneratorType):
            return Kind.GENERATOR
        if isinstance(item, concurrent.futures.Future):
            return Kind.SUBMITTED
        if asyncio.isfuture(item):
            if item.get_loop() is not asyncio._get_running_loop():
                raise self._refusal(index, item, "it belongs to another event loop: wait for it there")
            return Kind.FUTURE
        if asyncio.iscoroutine(item):
            return Kind.COROUTINE
        if isinstance(item, Awaitable):
            return Kind.AWAITABLE
        if isinstance(item, type):
            raise self._refusal(index, item, _MAKE_ONE if is_pollable(item) else _ACCEPTED)
        if is_pollable(item):
            if _makes_something_to_run(item.run):
                raise self._refusal(index, item, "its run() is polled, and must not be asynchronous")
            self._check_arguments(index, item, item.run, "its run() needs", "which it will not get")
            return Kind.POLLABLE
        if callable(item):
            if _makes_something_to_run(item):
                raise self._refusal(index, item, "call it, and give what it returns")
            self._check_arguments(index, item, item, "it needs", _GIVE_THEM)
            return Kind.FUNCTION
        raise self._refusal(index, item, _ACCEPTED)

    def _check_arguments(self, index: int, item: Any, called: Any, who: str, then: str) -> None:
        needed = needed_arguments(called)
        if needed:
            noun = "the argument" if len(needed) == 1 else "the arguments"
            raise self._refusal(index, item, f"{who} {noun} {', '.join(needed)}, {then}")

    def check_all(self, items: list[Any]) -> list[Kind]:
        """The kind of each; ValueError also where the same coroutine or generator is given twice."""
        kinds = [self.check(index, item) for index, item in enumerate(items)]
        first: dict[int, int] = {}
        for index, (kind, item) in enumerate(zip(kinds, items, strict=True)):
            if kind in _ONCE and first.setdefault(id(item), index) != index:
                again = f"it is item {first[id(item)]} again, and can run only once"
                raise self._refusal(index, item, again, ValueError)
        return kinds

    def _refusal(self, index: int, item: Any, why: str, error: type[Exception] = TypeError) -> Exception:
        name = type(item).__qualname__ if why is not _MAKE_ONE else f"class {item.__qualname__}"
        return error(f"{self._caller} cannot run item {index} ({name}): {why}")


def _makes_something_to_run(function: Any) -> bool:
    """Whether calling `function` runs nothing yet, but returns a coroutine or a generator."""
    return any(
        makes(candidate)
        for candidate in (function, type(function).__call__)
        for makes in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    )


def close_all(items: Iterable[Any]) -> None:
    """Close the coroutines and generators that will never run: nobody is told then that they were forgotten."""
    with ExitStack() as stack:
        for item in items:
            if isinstance(item, Coroutine | types.GeneratorType):
                stack.callback(item.close)


class Launcher:
    """Makes a future of `loop` of each item; at most so many functions run in threads at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most_threads: int | None) -> None:
        self._loop: Any = loop
        self._most_threads = most_threads
        self._threads: concurrent.futures.ThreadPoolExecutor | None = None
        self.polled = PollGroup(loop)
        is_ours = isinstance(loop, Loop)
        self._subject_task: Any = SubjectTask if is_ours else ForeignSubjectTask
        self._generator_task: Any = GeneratorTask if is_ours else ForeignGeneratorTask
        self._pollable_task: Any = PollableTask if is_ours else ForeignPollableTask
        self._callable_task: Any = CallableTask if is_ours else ForeignCallableTask
        self._launch: dict[Kind, Callable[[Any], asyncio.Future[Any]]] = {
            Kind.COROUTINE: loop.create_task,
            Kind.GENERATOR: self._generator,
            Kind.SUBMITTED: self._submitted,
            Kind.FUTURE: _itself,
            Kind.AWAITABLE: self._awaitable,
            Kind.POLLABLE: self._pollable,
            Kind.FUNCTION: self._function,
        }

    def launch(self, item: Any, kind: Kind) -> asyncio.Future[Any]:
        """What is done when `item` is."""
        return self._launch[kind](item)

    def close(self) -> None:
        """Let functions that no thread has begun be forgotten, and those that run come to their end by themselves."""
        self.polled.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _generator(self, generator: Any) -> Any:
        return self._generator_task(GeneratorCoroutine(generator), loop=self._loop, subject=generator)

    def _submitted(self, future: Any) -> Any:
        return asyncio.wrap_future(future, loop=self._loop)

    def _awaitable(self, awaitable: Any) -> Any:
        return self._subject_task(await_(awaitable), loop=self._loop, subject=awaitable)

    def _pollable(self, pollable: Any) -> Any:
        return self._pollable_task(PollCoroutine(pollable, self.polled), loop=self._loop, subject=pollable)

    def _function(self, function: Any) -> Any:
        return self._callable_task(self._call(function), loop=self._loop, subject=function)

    async def _call(self, function: Callable[[], Any]) -> Any:
        if self._threads is None:
            self._threads = concurrent.futures.ThreadPoolExecutor(self._most_threads, "coroscope-wait")
        # As `asyncio.to_thread`, but in threads of this wait's own.
        return await self._loop.run_in_executor(self._threads, contextvars.copy_context().run, function)


def _itself(future: Any) -> Any:
    return future
