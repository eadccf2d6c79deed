"""A clock that jumps instead of waiting, and the loops that go by it.

Rule: the clock moves only when the loop would wait, or when a program says that it is busy.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable

import coroscope
from coroscope.loop.poller import Poller

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


def jump(clock: Clock, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
    """What `select` does on `clock`: where it would wait, the clock moves; nothing is ever ready."""
    clock.rounds += 1
    if timeout is None:
        raise Deadlock
    if clock.rounds > _MOST_ROUNDS:
        raise Runaway
    clock.now_s += max(timeout, 0)
    return []


class JumpingSelector(selectors.SelectSelector):
    """A selector that is asked once a round."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return jump(self._clock, timeout)


class JumpingPoller(Poller):
    """Our own poller, which is left out of rounds where it could bring nothing."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return jump(self._clock, timeout)


class AsyncioLoop(asyncio.SelectorEventLoop):
    """asyncio's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        super().__init__(JumpingSelector(clock))

    def time(self) -> float:
        return self._clock.now_s


class OurLoop(coroscope.Loop):
    """Ours, polling in every round as asyncio's does."""

    selector_type: Callable[[Clock], selectors.BaseSelector] = JumpingSelector

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        super().__init__(type(self).selector_type(clock))

    def time(self) -> float:
        return self._clock.now_s


class OurLoopPollingSeldom(OurLoop):
    """Ours as programs use it: how many rounds went by cannot be seen."""

    selector_type = JumpingPoller
