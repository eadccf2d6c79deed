"""Instructions about queues, locks, semaphores, events, conditions and barriers."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.loop.programs.world import Action, Body, Instruction, World

QUEUE_CALLS: dict[str, Callable[[Any, int], Any]] = {
    "put_nowait": lambda queue, value: queue.put_nowait(value),
    "get_nowait": lambda queue, _: queue.get_nowait(),
    "task_done": lambda queue, _: queue.task_done(),
    "qsize": lambda queue, _: (queue.qsize(), queue.empty(), queue.full()),
}
QUEUE_WAITS: dict[str, Callable[[Any, int], Any]] = {
    "put": lambda queue, value: queue.put(value),
    "get": lambda queue, _: queue.get(),
    "join": lambda queue, _: queue.join(),
}


@dataclass(frozen=True)
class QueueCall(Action):
    """Call what a queue does at once."""

    index: int
    call: str
    value: int

    def do(self, world: World) -> Any:
        return QUEUE_CALLS[self.call](world.queues[self.index], self.value)


@dataclass(frozen=True)
class QueueWait(Instruction):
    """Call what may have to wait for a queue."""

    is_forgiven: ClassVar[bool] = True
    index: int
    call: str
    value: int

    async def run(self, world: World) -> Any:
        return await QUEUE_WAITS[self.call](world.queues[self.index], self.value)


@dataclass(frozen=True)
class ShutDown(Action):
    """Shut a queue down."""

    index: int
    immediate: bool

    def do(self, world: World) -> Any:
        world.queues[self.index].shutdown(immediate=self.immediate)


@dataclass(frozen=True)
class Holding(Instruction):
    """Do the body while holding a lock or semaphore."""

    index: int
    body: Body

    async def run(self, world: World) -> Any:
        async with world.locks[self.index]:
            return await world.execute(self.body)


@dataclass(frozen=True)
class Acquire(Instruction):
    """Take a lock or semaphore, and keep it."""

    index: int

    async def run(self, world: World) -> Any:
        return await world.locks[self.index].acquire()


@dataclass(frozen=True)
class Release(Action):
    """Give a lock or semaphore back, taken or not."""

    index: int

    def do(self, world: World) -> Any:
        world.locks[self.index].release()
        return world.locks[self.index].locked()


@dataclass(frozen=True)
class WaitEvent(Instruction):
    """Wait for the event."""

    async def run(self, world: World) -> Any:
        return await world.event.wait()


@dataclass(frozen=True)
class SetEvent(Action):
    """Set the event, or clear it."""

    is_set: bool

    def do(self, world: World) -> Any:
        if self.is_set:
            world.event.set()
        else:
            world.event.clear()


@dataclass(frozen=True)
class WaitCondition(Instruction):
    """Wait for the condition to be notified, or until it has been so many times."""

    times: int | None

    async def run(self, world: World) -> Any:
        async with world.condition:
            if self.times is None:
                return await world.condition.wait()
            calls = itertools.count()
            times = self.times
            return await world.condition.wait_for(lambda: next(calls) >= times)


@dataclass(frozen=True)
class Notify(Instruction):
    """Notify so many who wait for the condition, or all."""

    is_forgiven: ClassVar[bool] = True
    count: int | None
    takes_lock: bool

    async def run(self, world: World) -> Any:
        async with world.condition if self.takes_lock else contextlib.nullcontext():
            if self.count is None:
                world.condition.notify_all()
            else:
                world.condition.notify(self.count)


@dataclass(frozen=True)
class Meet(Instruction):
    """Wait at the barrier."""

    is_forgiven: ClassVar[bool] = True

    async def run(self, world: World) -> Any:
        return await world.barrier.wait()


@dataclass(frozen=True)
class BreakBarrier(Instruction):
    """Abort the barrier, or reset it."""

    for_good: bool

    async def run(self, world: World) -> Any:
        await (world.barrier.abort() if self.for_good else world.barrier.reset())
        return (world.barrier.broken, world.barrier.n_waiting)
