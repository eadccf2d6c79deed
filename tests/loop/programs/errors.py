"""Instructions that raise and catch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.loop.programs.description import describe
from tests.loop.programs.world import Action, Body, Instruction, World


class Fatal(BaseException):
    """An error that `except Exception` lets pass."""


def _noted() -> ValueError:
    error = ValueError("noted")
    error.add_note("a note")
    return error


ERRORS: dict[str, Callable[[], BaseException]] = {
    "value": lambda: ValueError("wrong"),
    "key": lambda: KeyError("missing"),
    "noted": _noted,
    "cancelled": lambda: asyncio.CancelledError("by hand"),
    "timeout": TimeoutError,
    "fatal": lambda: Fatal("fatal"),
    "stop": lambda: StopIteration(7),
    "stop-async": StopAsyncIteration,
    "exit": GeneratorExit,
    "group": lambda: ExceptionGroup("several", [ValueError("wrong"), KeyError("missing")]),
    "fatal-group": lambda: BaseExceptionGroup("several", [Fatal("fatal"), ValueError("wrong")]),
}
CATCHES: dict[str, type[BaseException]] = {
    "Exception": Exception,
    "ValueError": ValueError,
    "CancelledError": asyncio.CancelledError,
    "TimeoutError": TimeoutError,
    "BaseException": BaseException,
}


@dataclass(frozen=True)
class Raise(Action):
    """Raise an error."""

    is_forgiven: ClassVar[bool] = False
    error: str

    def do(self, world: World) -> Any:  # noqa: ARG002
        raise ERRORS[self.error]()


@dataclass(frozen=True)
class Try(Instruction):
    """Catch what the body raises, and do something in the end."""

    body: Body
    caught: str
    handler: Body
    reraises: bool
    last: Body

    async def run(self, world: World) -> Any:
        try:
            return await world.execute(self.body)
        except CATCHES[self.caught] as error:
            world.note("caught", describe(error))
            await world.execute(self.handler)
            if self.reraises:
                raise
            return "handled"
        finally:
            await world.execute(self.last)


@dataclass(frozen=True)
class TryGroup(Instruction):
    """Catch some parts of what the body raises (`except*`)."""

    body: Body
    caught: str
    handler: Body

    async def run(self, world: World) -> Any:
        try:
            return await world.execute(self.body)
        except* CATCHES[self.caught] as group:
            world.note("caught", describe(group))
            await world.execute(self.handler)
        return "handled"
