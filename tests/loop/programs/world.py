"""What the instructions of one run share, and what they note.

Rule: a task waits only for tasks begun after it, for a circle of waiting tasks cannot be cancelled on asyncio either.
Rule: objects that die together die in no order of ours, so that what they note is sorted.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.loop.programs.clock import Clock
from tests.loop.programs.description import describe, plain, without_reprs

VARIABLE: contextvars.ContextVar[int] = contextvars.ContextVar("VARIABLE", default=0)
Note = tuple[Any, ...]
SHUTS_QUEUES_DOWN = hasattr(asyncio.Queue, "shutdown")


@dataclass(frozen=True)
class Instruction:
    """One thing that a task does."""

    is_forgiven: ClassVar[bool] = False
    """Whether the task goes on after an error of this one: else few would get far."""

    async def run(self, world: World) -> Any:
        """Do it; what it returns or raises is noted."""
        raise NotImplementedError


@dataclass(frozen=True)
class Action(Instruction):
    """One thing that a task or a callback does at once."""

    is_forgiven: ClassVar[bool] = True

    def do(self, world: World) -> Any:
        raise NotImplementedError

    async def run(self, world: World) -> Any:
        return self.do(world)


Body = list[Instruction]


class OrderedSet(dict[Any, None]):
    """A set in the order of addition, in places where asyncio has one in the order of addresses."""

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)


class Callback:
    """A callback that does an action; tells itself from others, so that it can be removed."""

    def __init__(self, world: World, action: Action) -> None:
        self._world = world
        self._action = action

    def __call__(self, *_: Any) -> None:
        name = type(self._action).__name__
        try:
            result = self._action.do(self._world)
        except BaseException as error:
            self._world.note("callback", name, "raised", describe(error))
            raise
        self._world.note("callback", name, plain(result))


class World:
    """The objects of one run, by their numbers, and its notes."""

    def __init__(self, loop: Any, clock: Clock) -> None:
        self.loop = loop
        self.clock = clock
        self.notes: list[Note] = []
        self.factory = "none"
        self.begun = 0
        self.is_collecting = False
        self.is_over = False
        """What is left is dying, in no order of ours, and does nothing more."""
        self.tasks: list[tuple[int, Any]] = []
        self.bundles: list[Any] = []
        """Futures of `gather` and `shield`, which may be cancelled but are awaited only where they were made."""
        self.futures = [loop.create_future(), asyncio.Future(loop=loop), loop.create_future()]
        self.handles: list[asyncio.Handle] = []
        self.callbacks: list[Callback] = []
        self.timeouts: list[asyncio.Timeout] = []
        self.groups: list[asyncio.TaskGroup] = []
        self.generators: list[AsyncGenerator[int, None]] = []
        self.contexts = [contextvars.copy_context(), contextvars.Context()]
        self.tokens: list[contextvars.Token[int]] = []
        self.queues: list[Any] = [asyncio.Queue(1), asyncio.LifoQueue(2), asyncio.PriorityQueue()]
        self.locks: list[Any] = [asyncio.Lock(), asyncio.Semaphore(2), asyncio.BoundedSemaphore(1)]
        self.event = asyncio.Event()
        self.condition = asyncio.Condition()
        self.barrier = asyncio.Barrier(2)
        loop._asyncgens.data = (
            OrderedSet()
        )  # else `shutdown_asyncgens` closes them in the order of their addresses
        loop.set_exception_handler(lambda _, report: self.note_report(report))

    def note(self, *what: Any) -> None:
        """Note `what`, and when, where and in which context it happened."""
        if self.is_over:
            return
        self.notes.append(
            (self.clock.rounds, self.clock.now_s, *self._whose(), VARIABLE.get(), *what),
        )

    def _whose(self) -> tuple[Any, ...]:
        task = asyncio.current_task() if asyncio._get_running_loop() is not None else None
        if task is None:
            return ("nobody",)
        # One of those that die together may cancel the task that collects them, before or after the others.
        return (label(task),) if self.is_collecting else (label(task), task.cancelling())

    def note_report(self, report: dict[str, Any]) -> None:
        """Note what the loop's exception handler was told."""
        whose = report.get("task", report.get("future"))
        message, error = without_reprs(report["message"]), describe(report.get("exception"))
        # The task that dies of its last step may still be called the current one, and does so on ours.
        self.notes.append(
            (self.clock.rounds, self.clock.now_s, "report", message, error, label(whose), sorted(report))
        )
        report.clear()  # asyncio's handle makes a cycle of it and the error, ours does not

    def collect(self) -> None:
        """Collect garbage, which a run does at no other time."""
        before = self.notes
        self.notes = []
        self.is_collecting = True
        while gc.collect():
            pass  # what dies may bring others back to life for a moment
        self.is_collecting = False
        died = sorted(self.notes, key=repr)
        self.notes = before
        self.notes.extend(died)

    async def execute(self, body: Body, shrugs_at: type[BaseException] | tuple[()] = ()) -> Any:
        """Follow the instructions of `body`, whatever of `shrugs_at` they raise; returns what the last one did."""
        result = None
        for instruction in body:
            if self.is_over:
                break
            try:
                result = plain(await instruction.run(self))
            except BaseException as error:
                self.note(type(instruction).__name__, "raised", describe(error))
                if not isinstance(error, shrugs_at or (Exception if instruction.is_forgiven else ())):
                    raise
            else:
                self.note(type(instruction).__name__, result)
        return result

    def begin(self, body: Body, shrugs_at: Any = ()) -> Any:
        """A coroutine that follows `body`, known by its number."""
        coroutine: Any = self.execute(body, shrugs_at)
        coroutine.__qualname__ = f"c{self.begun}"
        self.begun += 1
        return coroutine

    def keep(self, task: Any, number: int | None = None) -> Any:
        """Let instructions find `task`, whose coroutine was the last to be begun, or that of that number."""
        self.tasks.append((self.begun - 1 if number is None else number, task))
        return task

    def task(self, index: int) -> Any:
        """One of the tasks and bundles."""
        known = [*(task for _, task in self.tasks), *self.bundles]
        return known[index % len(known)]

    def later_task(self, index: int) -> Any:
        """One of the tasks that the current one may wait for; something that is done when there is none."""
        current = asyncio.current_task()
        name = label(current)
        number = int(name[1:]) if name[1:].isdigit() else self.begun
        later = [task for begun, task in self.tasks if begun > number]
        if later:
            return later[index % len(later)]
        nothing = self.loop.create_future()
        nothing.set_result(None)
        return nothing

    def end(self) -> None:
        """Forget everything, and note what dies of it."""
        self.note("left", *(queue.qsize() for queue in self.queues))
        self.is_over = True
        for known in (
            self.tasks, self.bundles, self.futures, self.handles, self.callbacks, self.timeouts, self.groups,
            self.generators, self.contexts, self.tokens, self.queues, self.locks,
        ):  # fmt: skip
            known.clear()
        del self.event, self.condition, self.barrier
        self.collect()

    def living(self) -> Iterator[Any]:
        """All tasks that are not done, in the order in which they were begun."""
        return iter(sorted(asyncio.all_tasks(self.loop), key=_age))


def label(task: Any) -> str:
    """What a task is known by: its coroutine, for names differ."""
    if task is None:
        return "nobody"
    if not isinstance(task, asyncio.Task):
        return type(task).__name__
    # Of an eager task that is done it is None, where CPython 3.12.1 crashes in `get_coro`.
    coroutine: Any = task._coro  # type: ignore[attr-defined]
    return getattr(coroutine, "__qualname__", type(coroutine).__name__)


def _age(task: Any) -> tuple[int, str, int]:
    name = label(task)
    number = int(name[1:]) if name[1:].isdigit() else 1_000_000
    return (number, name, int("0" + "".join(filter(str.isdigit, task.get_name()))))
