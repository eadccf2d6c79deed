"""Instructions about asynchronous generators and awaitables made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.loop.programs.description import describe
from tests.loop.programs.errors import ERRORS
from tests.loop.programs.world import Action, Body, Instruction, World

_foreign_loop = asyncio.SelectorEventLoop()
_foreign_loop.close()


async def generate(world: World, bodies: list[Body]) -> AsyncGenerator[int, None]:
    """Follow one body after another, yielding in between, and note its own end."""
    try:
        for number, body in enumerate(bodies):
            yield number
            await world.execute(body)
    except BaseException as error:
        world.note("generator raised", describe(error))
        raise
    finally:
        await asyncio.sleep(0)
        world.note("generator ended")


@dataclass(frozen=True)
class Iterate(Instruction):
    """Take so many values of a generator, and leave it there."""

    bodies: list[Body]
    most: int

    async def run(self, world: World) -> Any:
        count = 0
        async for _ in generate(world, self.bodies):
            count += 1
            if count == self.most:
                break
        return count


@dataclass(frozen=True)
class Open(Action):
    """Make a generator for others to use."""

    bodies: list[Body]

    def do(self, world: World) -> Any:
        world.generators.append(generate(world, self.bodies))


@dataclass(frozen=True)
class Advance(Instruction):
    """Take a generator's next value, or throw an error into it, or close it."""

    is_forgiven: ClassVar[bool] = True
    index: int
    how: str
    error: str

    async def run(self, world: World) -> Any:
        if not world.generators:
            return None
        generator = world.generators[self.index % len(world.generators)]
        if self.how == "close":
            return await generator.aclose()
        if self.how == "throw":
            return await generator.athrow(ERRORS[self.error]())
        return await anext(generator)


@dataclass(frozen=True)
class DropGenerator(Action):
    """Forget a generator, finished or not."""

    index: int

    def do(self, world: World) -> Any:
        if world.generators:
            del world.generators[self.index % len(world.generators)]


class Yielding:
    """An awaitable that yields things by hand."""

    def __init__(self, things: list[Any]) -> None:
        self._things = things

    def __await__(self) -> Generator[Any, Any, None]:
        yield from self._things


@dataclass(frozen=True)
class Yield(Instruction):
    """Give up so many turns by bare yields."""

    times: int

    async def run(self, world: World) -> Any:  # noqa: ARG002
        await Yielding([None] * self.times)


def _blocking(future: Any) -> Any:
    future._asyncio_future_blocking = True
    return future


def _bare_generator() -> Iterator[None]:
    yield


WRONG: dict[str, Callable[[World], Any]] = {
    "number": lambda _: 7,
    "generator": lambda _: _bare_generator(),
    "future without from": lambda world: world.loop.create_future(),
    "task without from": lambda world: world.task(0),
    "another loop's future": lambda _: _blocking(asyncio.Future(loop=_foreign_loop)),
    "itself": lambda _: asyncio.current_task(),
}


@dataclass(frozen=True)
class YieldWrongly(Instruction):
    """Yield what no task may yield."""

    is_forgiven: ClassVar[bool] = True
    what: str

    async def run(self, world: World) -> Any:
        await Yielding([WRONG[self.what](world)])


@dataclass(frozen=True)
class YieldFuture(Instruction):
    """Wait for a future as its own `__await__` would, without looking at how it ended."""

    index: int

    async def run(self, world: World) -> Any:
        await Yielding([_blocking(world.futures[self.index])])
