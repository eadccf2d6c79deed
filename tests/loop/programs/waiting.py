"""Instructions that wait for time and for several things at once, and their time limits."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import coroscope
from tests.loop.programs.description import describe, plain
from tests.loop.programs.world import Action, Body, Instruction, OrderedSet, World, label


class OrderedGroup(asyncio.TaskGroup):
    """A group that cancels its tasks in the order in which they were begun."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: Any = OrderedSet()


@dataclass(frozen=True)
class Item:
    """Something to wait for: a new coroutine, or a task or future by its number."""

    body: Body | None = None
    task: int | None = None
    future: int | None = None

    def get(self, world: World) -> Any:
        if self.body is not None:
            return world.begin(self.body)
        return world.later_task(self.task) if self.task is not None else world.futures[self.future or 0]

    def future_of(self, world: World) -> Any:
        """It, as a task or future."""
        number = world.begun
        thing = self.get(world)
        return thing if asyncio.isfuture(thing) else world.keep(asyncio.ensure_future(thing), number)


def _in_certain_order(futures: Iterable[Any]) -> list[Any]:
    """Without all but one that are done already, for asyncio tells of those in the order of their addresses."""
    all_of_them = list(futures)
    done = [future for future in all_of_them if future.done()]
    return done[:1] + [future for future in all_of_them if not future.done()]


@dataclass(frozen=True)
class Sleep(Instruction):
    """Sleep; 0 gives up a turn."""

    delay_s: float

    async def run(self, world: World) -> Any:  # noqa: ARG002
        return await asyncio.sleep(self.delay_s, self.delay_s)


@dataclass(frozen=True)
class OurSleep(Instruction):
    """Sleep by our own function."""

    delay_s: float

    async def run(self, world: World) -> Any:  # noqa: ARG002
        return await coroscope.sleep(self.delay_s, self.delay_s)


@dataclass(frozen=True)
class WaitForever(Instruction):
    """Wait for what nobody else knows of."""

    async def run(self, world: World) -> Any:
        await world.loop.create_future()


@dataclass(frozen=True)
class Gather(Instruction):
    """Wait for all, and get the results or the first error."""

    items: list[Item]
    returns_errors: bool

    async def run(self, world: World) -> Any:
        bundle = asyncio.gather(
            *(item.get(world) for item in self.items), return_exceptions=self.returns_errors
        )
        world.bundles.append(bundle)
        return await bundle


@dataclass(frozen=True)
class Shield(Instruction):
    """Wait for something that a cancellation spares."""

    item: Item

    async def run(self, world: World) -> Any:
        outer = asyncio.shield(self.item.get(world))
        world.bundles.append(outer)
        return await outer


@dataclass(frozen=True)
class Wait(Instruction):
    """Wait for some of the items, for a time."""

    items: list[Item]
    timeout_s: float | None
    return_when: str

    async def run(self, world: World) -> Any:
        futures = _in_certain_order(item.future_of(world) for item in self.items)
        done, pending = await asyncio.wait(futures, timeout=self.timeout_s, return_when=self.return_when)
        return (sorted(map(label, done)), sorted(map(label, pending)))


@dataclass(frozen=True)
class WaitFor(Instruction):
    """Wait for something, for a time."""

    item: Item
    timeout_s: float | None

    async def run(self, world: World) -> Any:
        return await asyncio.wait_for(self.item.get(world), self.timeout_s)


@dataclass(frozen=True)
class AsCompleted(Instruction):
    """Take the results as they come."""

    items: list[Item]
    timeout_s: float | None
    most: int

    async def run(self, world: World) -> Any:
        results: list[Any] = []
        futures = _in_certain_order(item.future_of(world) for item in self.items)
        waiter: Any
        for waiter in asyncio.as_completed(futures, timeout=self.timeout_s):
            if len(results) == self.most:
                waiter.close()
                break
            try:
                results.append(plain(await waiter))
            except Exception as error:
                results.append(describe(error))
        return tuple(results)


@dataclass(frozen=True)
class Timeout(Instruction):
    """Cancel the body after a time."""

    delay_s: float | None
    body: Body

    async def run(self, world: World) -> Any:
        async with asyncio.timeout(self.delay_s) as limit:
            world.timeouts.append(limit)
            await world.execute(self.body)
        return limit.expired()


@dataclass(frozen=True)
class Reschedule(Action):
    """Move the end of a time limit."""

    index: int
    delay_s: float | None

    def do(self, world: World) -> Any:
        if world.timeouts:
            limit = world.timeouts[self.index % len(world.timeouts)]
            limit.reschedule(None if self.delay_s is None else world.loop.time() + self.delay_s)
            return (limit.when(), limit.expired())
        return None


@dataclass(frozen=True)
class Group(Instruction):
    """Begin tasks in a group, and wait for them."""

    children: list[Body]
    body: Body

    async def run(self, world: World) -> Any:
        async with OrderedGroup() as group:
            world.groups.append(group)
            for child in self.children:
                number = world.begun
                world.keep(group.create_task(world.begin(child)), number)
            return await world.execute(self.body)


@dataclass(frozen=True)
class Join(Action):
    """Begin a task in a group, which may be over."""

    index: int
    body: Body

    def do(self, world: World) -> Any:
        if world.groups:
            number = world.begun
            coroutine = world.begin(self.body)
            try:
                world.keep(world.groups[self.index % len(world.groups)].create_task(coroutine), number)
            finally:
                del coroutine


@dataclass(frozen=True)
class CancelGroup(Action):
    """End a group early."""

    index: int

    def do(self, world: World) -> Any:
        if world.groups and sys.version_info >= (3, 15):
            world.groups[self.index % len(world.groups)].cancel()


@dataclass(frozen=True)
class Repeat(Instruction):
    """Do the body several times."""

    times: int
    body: Body

    async def run(self, world: World) -> Any:
        for _ in range(self.times):
            await world.execute(self.body)
