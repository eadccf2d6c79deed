"""Instructions about tasks: begin, cancel, await and look at them."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import coroscope
from tests.loop.programs.description import describe, plain
from tests.loop.programs.world import VARIABLE, Action, Body, Instruction, World, label


class ForeignCoroutine(Coroutine[Any, Any, Any]):
    """As compilers of Python make them: no CPython coroutine, but the same methods."""

    def __init__(self, coroutine: Any) -> None:
        self._coroutine = coroutine
        self.__qualname__ = coroutine.__qualname__

    def __await__(self) -> Any:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()


def _own_type(loop: Any) -> Any:
    """The type of the tasks that the loop makes by itself."""
    return coroscope.loop.task.Task if isinstance(loop, coroscope.Loop) else asyncio.Task


def _eagerly(loop: Any, coroutine: Any, **options: Any) -> Any:
    return _own_type(loop)(coroutine, loop=loop, **{**options, "eager_start": True})


Maker = Callable[..., Any]
MAKERS: dict[str, Maker] = {
    "create_task": lambda _, coroutine, **options: asyncio.create_task(coroutine, **options),
    "loop.create_task": lambda loop, coroutine, **options: loop.create_task(coroutine, **options),
    "named": lambda loop, coroutine, **options: loop.create_task(coroutine, name="named", **options),
    "ensure_future": lambda loop, coroutine, **_: asyncio.ensure_future(coroutine, loop=loop),
    "asyncio.Task": lambda loop, coroutine, **options: asyncio.Task(coroutine, loop=loop, **options),
    "foreign": lambda loop, coroutine, **options: loop.create_task(ForeignCoroutine(coroutine), **options),
}
FACTORIES: dict[str, Any] = {
    "none": None,
    "asyncio.Task": lambda loop, coroutine, **options: asyncio.Task(coroutine, loop=loop, **options),
}
if sys.version_info >= (3, 12):
    MAKERS["eager"] = _eagerly
    MAKERS["asyncio.Task, eager"] = lambda loop, coroutine, **options: asyncio.Task(
        coroutine, loop=loop, eager_start=True, **options
    )
    FACTORIES["eager"] = _eagerly
    FACTORIES["eager_task_factory"] = asyncio.eager_task_factory
if sys.version_info >= (3, 14):
    MAKERS["create_task, eager"] = lambda _, coroutine, **options: asyncio.create_task(
        coroutine, eager_start=True, **options
    )
    MAKERS["create_task, not eager"] = lambda loop, coroutine, **options: loop.create_task(
        coroutine, eager_start=False, **options
    )


SHRUGS: dict[str, Any] = {
    "nothing": (),
    "errors": Exception,
    "cancellations": (Exception, asyncio.CancelledError),
}
"""What a task may meet and go on with its next instruction."""


@dataclass(frozen=True)
class Spawn(Action):
    """Begin a task, in a context of its own or in a given one; keep it, or leave it to the loop."""

    body: Body
    how: str
    context: int | None
    is_kept: bool
    shrugs_at: str

    def do(self, world: World) -> Any:
        number = world.begun
        options = {}
        if self.context is not None:
            context = world.contexts[self.context]
            # An eager task may not enter a context that is entered already, and CPython (3.13) mishandles the error.
            options["context"] = context.copy() if EAGER.intersection((self.how, world.factory)) else context
        task = MAKERS[self.how](world.loop, world.begin(self.body, SHRUGS[self.shrugs_at]), **options)
        if self.is_kept:
            world.keep(task, number)
        return number


EAGER = {name for name in (*MAKERS, *FACTORIES) if "eager" in name and "not" not in name}


@dataclass(frozen=True)
class SetFactory(Action):
    """Have other tasks made than the loop's own."""

    factory: str

    def do(self, world: World) -> Any:
        world.factory = self.factory
        world.loop.set_task_factory(FACTORIES[self.factory])


@dataclass(frozen=True)
class Cancel(Action):
    """Cancel a task, or a future of `gather` or `shield`."""

    index: int
    message: str | None

    def do(self, world: World) -> Any:
        task = world.task(self.index)
        return (label(task), task.cancel() if self.message is None else task.cancel(self.message))


@dataclass(frozen=True)
class CancelSelf(Action):
    """Cancel the task that runs this."""

    message: str | None

    def do(self, world: World) -> Any:  # noqa: ARG002
        task = asyncio.current_task()
        return task.cancel(self.message) if task is not None else None


@dataclass(frozen=True)
class Uncancel(Action):
    """Take back a request to cancel a task, or the one that runs this."""

    index: int | None

    def do(self, world: World) -> Any:
        task = asyncio.current_task() if self.index is None else world.task(self.index)
        return task.uncancel() if isinstance(task, asyncio.Task) else None


@dataclass(frozen=True)
class Await(Instruction):
    """Await a task."""

    index: int

    async def run(self, world: World) -> Any:
        return await world.later_task(self.index)


@dataclass(frozen=True)
class Look(Action):
    """See how a task stands."""

    index: int

    def do(self, world: World) -> Any:
        task = world.task(self.index)
        seen: list[Any] = [label(task), task.done(), task.cancelled()]
        for ask in (task.result, task.exception):
            try:
                seen.append(plain(ask()))
            except BaseException as error:
                seen.append(describe(error))
        if isinstance(task, asyncio.Task):
            name = task.get_name()
            seen += [task.cancelling(), "Task" if name.startswith("Task-") else name]
            # Frames of the interpreter that runs this, and of futures in Python, are not the program's.
            if not task.done() and not getattr(task.get_coro(), "cr_running", True):
                seen.append([frame.f_code.co_name for frame in task.get_stack()])
        return tuple(seen)


@dataclass(frozen=True)
class Rename(Action):
    """Give a task another name."""

    index: int

    def do(self, world: World) -> Any:
        task = world.task(self.index)
        if isinstance(task, asyncio.Task):
            task.set_name("renamed")


@dataclass(frozen=True)
class Census(Action):
    """Count the tasks that are not done."""

    def do(self, world: World) -> Any:
        return tuple(label(task) for task in world.living())


@dataclass(frozen=True)
class Drop(Action):
    """Forget a task, but the main one."""

    index: int

    def do(self, world: World) -> Any:
        if len(world.tasks) > 1:
            del world.tasks[1 + self.index % (len(world.tasks) - 1)]


@dataclass(frozen=True)
class Collect(Action):
    """Collect garbage."""

    def do(self, world: World) -> Any:
        world.collect()


@dataclass(frozen=True)
class SetVariable(Action):
    """Set the context variable, whose value is part of every note."""

    value: int

    def do(self, world: World) -> Any:
        world.tokens.append(VARIABLE.set(self.value))


@dataclass(frozen=True)
class ResetVariable(Action):
    """Set the context variable back, which fails in another context."""

    index: int

    def do(self, world: World) -> Any:
        if world.tokens:
            VARIABLE.reset(world.tokens[self.index % len(world.tokens)])


@dataclass(frozen=True)
class Inspect(Action):
    """See in which state a task's coroutine is."""

    index: int

    def do(self, world: World) -> Any:
        task = world.task(self.index)
        coroutine = task.get_coro() if isinstance(task, asyncio.Task) and not task.done() else None
        return inspect.getcoroutinestate(coroutine) if inspect.iscoroutine(coroutine) else None
