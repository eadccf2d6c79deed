"""Instructions about callbacks, futures and the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.loop.programs.errors import ERRORS
from tests.loop.programs.world import Action, Callback, Instruction, World


@dataclass(frozen=True)
class CallSoon(Action):
    """Have something done in the next round, or after a delay."""

    action: Action
    delay_s: float | None
    context: int | None
    is_threadsafe: bool

    def do(self, world: World) -> Any:
        options = {} if self.context is None else {"context": world.contexts[self.context]}
        callback = Callback(world, self.action)
        loop = world.loop
        if self.delay_s is not None:
            handle = loop.call_later(self.delay_s, callback, **options)
        elif self.is_threadsafe:
            handle = loop.call_soon_threadsafe(callback, **options)
        else:
            handle = loop.call_soon(callback, **options)
        world.handles.append(handle)


@dataclass(frozen=True)
class CallAt(Action):
    """Have something done at a time, which may be over."""

    action: Action
    when_s: float

    def do(self, world: World) -> Any:
        handle = world.loop.call_at(self.when_s, Callback(world, self.action))
        world.handles.append(handle)
        return float(handle.when())


@dataclass(frozen=True)
class CancelHandle(Action):
    """Cancel a callback."""

    index: int

    def do(self, world: World) -> Any:
        if world.handles:
            handle = world.handles[self.index % len(world.handles)]
            before = handle.cancelled()
            handle.cancel()
            return (before, handle.cancelled())
        return None


@dataclass(frozen=True)
class AwaitFuture(Instruction):
    """Await a future."""

    index: int

    async def run(self, world: World) -> Any:
        return await world.futures[self.index]


@dataclass(frozen=True)
class SetResult(Action):
    """Give a future its result."""

    index: int
    value: int

    def do(self, world: World) -> Any:
        world.futures[self.index].set_result(self.value)


@dataclass(frozen=True)
class SetError(Action):
    """Make a future fail."""

    index: int
    error: str

    def do(self, world: World) -> Any:
        world.futures[self.index].set_exception(ERRORS[self.error]())


@dataclass(frozen=True)
class CancelFuture(Action):
    """Cancel a future."""

    index: int
    message: str | None

    def do(self, world: World) -> Any:
        return world.futures[self.index].cancel(self.message)


@dataclass(frozen=True)
class RenewFuture(Action):
    """Put a new future in the place of an old one."""

    index: int

    def do(self, world: World) -> Any:
        world.futures[self.index] = world.loop.create_future()


@dataclass(frozen=True)
class AddCallback(Action):
    """Have something done when a task or a future is."""

    task: int | None
    future: int
    action: Action
    context: int | None

    def do(self, world: World) -> Any:
        future = world.futures[self.future] if self.task is None else world.task(self.task)
        callback = Callback(world, self.action)
        world.callbacks.append(callback)
        options = {} if self.context is None else {"context": world.contexts[self.context]}
        future.add_done_callback(callback, **options)


@dataclass(frozen=True)
class RemoveCallback(Action):
    """Take such a wish back."""

    task: int | None
    future: int
    callback: int

    def do(self, world: World) -> Any:
        future = world.futures[self.future] if self.task is None else world.task(self.task)
        if world.callbacks:
            return future.remove_done_callback(world.callbacks[self.callback % len(world.callbacks)])
        return None


@dataclass(frozen=True)
class Busy(Action):
    """Hold the loop up for a time."""

    duration_s: float

    def do(self, world: World) -> Any:
        world.clock.now_s += self.duration_s


@dataclass(frozen=True)
class Stop(Action):
    """Stop the loop; the run has it go on."""

    def do(self, world: World) -> Any:
        world.loop.stop()
