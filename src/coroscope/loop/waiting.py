"""`wait`: run things of any kind concurrently, and return their results in the order given.

Each thing runs as one task of ours, whose kind says what it is. A generator is resumed by the task's own coroutine,
which passes on what it yields: None gives up the turn, a future is awaited, anything else comes back at the next
turn.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import types
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any, ClassVar

from coroscope.loop.loop import Loop
from coroscope.loop.pollable import is_pollable, value_of
from coroscope.loop.running import run
from coroscope.loop.sleeping import sleep
from coroscope.loop.task import Task

FIRST_PAUSE_S = 0.000_1
LONGEST_PAUSE_S = 0.01
"""A pollable object that is not ready is polled again after pauses that double from the first to this one."""

_ACCEPTED = (
    "a coroutine, a generator, an awaitable, a future, an object with run(), ready and result, or a function"
)


class SubjectTask(Task[Any]):
    """A task that stands for something other than a coroutine."""

    __slots__ = ("_subject",)

    def __init__(self, coro: Any, *, loop: Loop, subject: Any) -> None:
        self._subject = subject
        super().__init__(coro, loop=loop)

    @property
    def subject(self) -> Any:
        return self._subject


class GeneratorTask(SubjectTask):
    """A task that runs a generator."""

    __slots__ = ()
    kind: ClassVar[str] = "generator"


class PollableTask(SubjectTask):
    """A task that polls an object."""

    __slots__ = ()
    kind: ClassVar[str] = "pollable"


class CallableTask(SubjectTask):
    """A task that waits for a function in a thread."""

    __slots__ = ()
    kind: ClassVar[str] = "callable"


def wait(tasks: Iterable[Any]) -> list[Any]:
    """Run all of `tasks` concurrently on a loop of ours, and return their results in the order given.

    Takes, mixed: coroutines; generators (a bare `yield` gives up the turn, a yielded value comes back at the next
    one, a yielded future or awaitable is awaited); awaitables; `concurrent.futures` futures; pollable objects
    (polled at once, then at growing intervals of at most 10 ms); and functions without arguments, each of which
    runs in a thread.

    When one fails, the others are cancelled, and its exception is raised when they have ended. TypeError for
    anything else among `tasks`, before any of them starts; RuntimeError inside a running loop.
    """
    items = list(tasks)
    if asyncio._get_running_loop() is not None:
        _close(items)
        raise RuntimeError("coroscope.wait() cannot be called from a running event loop: await there instead")
    try:
        starters = [_starter(index, item) for index, item in enumerate(items)]
    except TypeError:
        _close(items)
        raise
    return run(_wait(items, starters))


def _close(items: list[Any]) -> None:
    """Close the coroutines that will never run, so that nobody is told that they were forgotten."""
    for item in items:
        if inspect.iscoroutine(item):
            item.close()


async def _wait(items: list[Any], starters: list[Callable[[Any, Loop], Any]]) -> list[Any]:
    loop: Any = asyncio.get_running_loop()
    started = [start(item, loop) for item, start in zip(items, starters, strict=True)]
    if not started:
        return []
    try:
        # The same future may be given twice; asyncio.wait takes it as one.
        await asyncio.wait(started, return_when=asyncio.FIRST_EXCEPTION)
        failed = [task for task in started if task.done() and (task.cancelled() or task.exception())]
        if failed:
            return failed[0].result()  # type: ignore[no-any-return]
    finally:
        unfinished = [task for task in started if not task.done()]
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)
    return [task.result() for task in started]


def _starter(index: int, item: Any) -> Callable[[Any, Loop], Any]:
    """How to run `item`, the one at `index`: a function that makes it a task or a future of the loop."""
    if inspect.iscoroutine(item):
        return lambda coroutine, loop: loop.create_task(coroutine)
    if isinstance(item, types.GeneratorType):
        return lambda generator, loop: GeneratorTask(_await(_drive(generator)), loop=loop, subject=generator)
    if isinstance(item, concurrent.futures.Future):
        return lambda future, loop: asyncio.wrap_future(future, loop=loop)
    if asyncio.isfuture(item):
        return lambda future, _: future
    if isinstance(item, Awaitable):
        return lambda awaitable, loop: loop.create_task(_await(awaitable))
    if is_pollable(item):
        return lambda pollable, loop: PollableTask(_poll(pollable), loop=loop, subject=pollable)
    if callable(item) and not isinstance(item, type):
        return lambda function, loop: CallableTask(asyncio.to_thread(function), loop=loop, subject=function)
    raise TypeError(f"coroscope.wait() cannot run item {index} ({type(item).__qualname__}): give {_ACCEPTED}")


async def _await(awaitable: Any) -> Any:
    return await awaitable


async def _poll(pollable: Any) -> Any:
    pause_s = 0.0
    while True:
        pollable.run()
        if value_of(pollable, "ready"):
            return value_of(pollable, "result")
        await sleep(pause_s)
        pause_s = min(max(pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)


@types.coroutine
def _drive(generator: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Run `generator` as a coroutine would be: send, or throw, and do what it asks for in between."""
    resume: Callable[[Any], Any] = generator.send
    value: Any = None
    while True:
        try:
            yielded = resume(value)
        except StopIteration as stop:
            return stop.value
        resume = generator.send
        try:
            value = yield from _answer(yielded)
        except GeneratorExit:
            generator.close()
            raise
        except BaseException as error:
            # What the generator waited for failed, or its task is cancelled: that is the generator's to handle.
            resume, value = generator.throw, error


@types.coroutine
def _answer(yielded: Any) -> Generator[Any, Any, Any]:
    """What the generator gets back for what it yielded."""
    if yielded is None:
        yield
        return None
    if getattr(yielded, "_asyncio_future_blocking", None):
        # From `yield from future`: the future itself takes the result when it is resumed.
        return (yield yielded)
    if isinstance(yielded, concurrent.futures.Future):
        return (yield from asyncio.wrap_future(yielded))
    if inspect.isawaitable(yielded):
        return (yield from yielded.__await__())
    yield
    return yielded
