"""One thread and one event loop: each item is a task, which runs until it waits.

Rule: the loop runs in the calling thread, while an outcome is asked for; between two outcomes it stands still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from coroscope.errors import UsageError
from coroscope.strategies.engine import Settings
from coroscope.strategies.interrupts import holding_interrupts, stopping_at_interrupts
from coroscope.strategies.item_tasks import AHEAD, ItemTasks
from coroscope.strategies.replies import Reply
from coroscope.strategies.work import NO_LOOP_IN_A_LOOP


class Cooperative:
    """Up to `limit` tasks at once, on a loop of ours or of another make."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._out = 0
        self._runner: asyncio.Runner | None = None

    def start(self, items: Sequence[Any]) -> None:  # noqa: ARG002 (nothing is pickled)
        if asyncio._get_running_loop() is not None:
            raise UsageError(NO_LOOP_IN_A_LOOP)
        from coroscope.loop.loop import Loop

        self._runner = asyncio.Runner(loop_factory=self._settings.loop_factory or Loop)
        self._loop = self._runner.get_loop()
        self._tasks = ItemTasks(self._loop, self._settings.function, self._settings.workers, self._loop.stop)

    def room(self, taken: int) -> int:  # noqa: ARG002 (the protocol's)
        return self._settings.limit - self._out

    @property
    def ahead(self) -> int:
        return AHEAD * self._settings.limit

    def submit(self, first: int, items: list[Any]) -> None:
        self._out += len(items)
        # Raised within, one might leave half a task, and a coroutine that nobody awaits.
        with holding_interrupts():
            self._tasks.begin(first, items)

    def collect(self, timeout_s: float | None) -> list[Reply]:
        if not self._tasks.replies:
            timer = None if timeout_s is None else self._loop.call_later(timeout_s, self._loop.stop)
            with stopping_at_interrupts(self._loop):
                self._loop.run_forever()
            if timer is not None:
                timer.cancel()
        replies = self._tasks.take()
        self._out -= sum(len(reply.outcomes) for reply in replies)
        return replies

    def wake(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def close(self) -> None:
        if self._runner is not None:
            self._tasks.close()
            self._runner.close()

    def abort(self) -> None:
        if self._runner is not None:
            # A task may take its time to be cancelled: one more Ctrl-C ends that.
            self._tasks.cancel()
            self._runner.close()
