"""How pollable objects are polled: each in a task of its own, all of one `wait` by a few timers that they share.

An object that does not say when it wants to be polled next rests between its polls. All that rest equally long rest
on one future with one timer, so that a poll costs a step, and neither a timer nor a future.

Rule: rests double from FIRST_REST_S to the longest: LONGEST_REST_S, or POLL_SHARE_S for each object if that is longer.
Rule: when something else has happened (`poke`) every rest ends, but all together not more often than every
      POLL_SHARE_S for each object. So the polls take a limited share of a processor, however many the objects are.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from coroscope.loop.future import Future
from coroscope.loop.loop import Loop
from coroscope.loop.pollable import value_of
from coroscope.loop.sleeping import sleep

FIRST_REST_S = 0.000_1
LONGEST_REST_S = 0.01
POLL_SHARE_S = 0.000_01
"""About ten times what a poll costs by itself: a tenth of a processor's time."""


class PollGroup:
    """The pollable objects of one `wait`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._new_rest: Any = Rest if isinstance(loop, Loop) else ForeignRest
        self._rests: dict[float, Any] = {}
        """The rests that have not ended, by how long their objects want to rest."""
        self._polled = 0
        """How many objects are being polled."""
        self._next_poke_s = 0.0
        self._late_poke: asyncio.TimerHandle | None = None

    async def poll(self, pollable: Any) -> Any:
        """Run `pollable` until it is ready; its result."""
        self._polled += 1
        rest_s = 0.0
        try:
            while True:
                pollable.run()
                if value_of(pollable, "ready"):
                    return value_of(pollable, "result")
                pause_s = _pause_of(pollable)
                if pause_s is not None:
                    await sleep(pause_s)
                elif rest_s:
                    await self._rest(rest_s)
                    rest_s = min(rest_s * 2, LONGEST_REST_S)
                else:
                    await sleep(0)
                    rest_s = FIRST_REST_S
        finally:
            self._polled -= 1

    def poke(self) -> None:
        """Something has happened that those who rest may have waited for: poll them."""
        if not self._rests or self._late_poke is not None:
            return
        if self._loop.time() >= self._next_poke_s:
            self._end_rests()
        else:
            self._late_poke = self._loop.call_at(self._next_poke_s, self._end_rests)

    def close(self) -> None:
        """Keep no timer."""
        if self._late_poke is not None:
            self._late_poke.cancel()

    def _end_rests(self) -> None:
        self._late_poke = None
        self._next_poke_s = self._loop.time() + self._polled * POLL_SHARE_S
        for rest in list(self._rests.values()):
            rest.end()

    def _rest(self, rest_s: float) -> Any:
        """What ends `rest_s` from now, or earlier: with those who rest equally long already, or at a poke."""
        rest = self._rests.get(rest_s)
        if rest is None:
            rest = self._rests[rest_s] = self._new_rest(loop=self._loop)
            delay_s = rest_s if rest_s < LONGEST_REST_S else max(rest_s, self._polled * POLL_SHARE_S)
            rest.begin(self._rests, rest_s, delay_s)
        return rest


class _Rest:
    """The methods of a future on which many tasks wait for the same timer."""

    def begin(self: Any, rests: dict[float, Any], key: float, delay_s: float) -> None:
        self.rests = rests
        self.key = key
        self.timer = self.get_loop().call_later(delay_s, self.end)

    def end(self: Any) -> None:
        """Have all who rest here polled."""
        if not self.done():
            self.timer.cancel()
            del self.rests[self.key]
            self.set_result(None)

    def cancel(self: Any, msg: Any = None) -> bool:  # noqa: ARG002 (asyncio's signature)
        """One of many is cancelled, which must not cancel the others: wake them all, and that one finds out."""
        self.end()
        return False


class Rest(_Rest, Future):  # type: ignore[misc] # as `Future` itself
    """On our loop."""


class ForeignRest(_Rest, asyncio.Future):  # type: ignore[type-arg]
    """On any other loop."""


def _pause_of(pollable: Any) -> float | None:
    """In how many seconds `pollable` says that it wants to be polled next, if it does."""
    pause_s = value_of(pollable, "next_poll_s", None)
    if pause_s is not None and not (isinstance(pause_s, int | float) and math.isfinite(pause_s)):
        raise TypeError(
            f"next_poll_s of a {type(pollable).__qualname__} is {pause_s!r}: give seconds, or None"
        )
    return pause_s
