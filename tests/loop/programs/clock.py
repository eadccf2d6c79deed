"""A clock that jumps instead of waiting, and the loops that go by it.

Rule: the clock moves only when the loop would wait, or when a program says that it is busy.
"""

from __future__ import annotations

import asyncio
import selectors

import coroscope

_MOST_ROUNDS = 5_000


class Deadlock(Exception):
    """Everything waits, and nothing will ever come."""


class Runaway(Exception):
    """A program did not end within so many rounds."""


class Clock:
    """The time, and how many rounds the loop has gone."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.rounds = 0


class JumpingSelector(selectors.SelectSelector):
    """Where another selector would wait, this one moves the clock; nothing is ever ready."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._clock.rounds += 1
        if timeout is None:
            raise Deadlock
        if self._clock.rounds > _MOST_ROUNDS:
            raise Runaway
        self._clock.now_s += max(timeout, 0)
        return []


class AsyncioLoop(asyncio.SelectorEventLoop):
    """asyncio's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        super().__init__(JumpingSelector(clock))

    def time(self) -> float:
        return self._clock.now_s


class OurLoop(coroscope.Loop):
    """Ours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        super().__init__(JumpingSelector(clock))

    def time(self) -> float:
        return self._clock.now_s
