"""The probe on asyncio's own loops: a ready queue that tells a watch what passes through it, and when the loop polls.

`BaseEventLoop._run_once` (CPython 3.11 to 3.15, Lib/asyncio/base_events.py) asks the queue for its length twice:
before it polls, and before it runs the batch; it appends what is ready and pops what it runs. So a queue in the
place of the loop's own sees every step begin and end, without a frame of ours on the program's stack, and without
anything in asyncio being replaced.
"""

from __future__ import annotations

import sys
from asyncio import base_events
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from coroscope.loop.watch import Phase, Watch

ROUND = base_events.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]
DISPATCH = base_events.BaseEventLoop._add_callback.__code__  # type: ignore[attr-defined]


class ReadyQueue(deque[Any]):
    """A loop's ready queue under watch; without one (`watch = None`) an ordinary deque.

    What is told as things are queued and run is in `quick_queue`.
    """

    __slots__ = ("_successor", "watch")

    def __init__(self, items: Iterable[Any], watch: Watch) -> None:
        super().__init__(items)
        self.watch: Watch | None = watch
        self._successor: deque[Any] | None = None

    def append(self, handle: Any) -> None:
        super().append(handle)
        if self._successor is not None:
            # Another thread's `call_soon_threadsafe`, which had found this queue before the loop let go of it.
            self._hand_over(self._successor)

    def give_way(self, loop: Any) -> None:
        """Leave `loop` with an ordinary queue in this one's place; in the loop's thread, or while it does not run."""
        self.watch = None
        if loop._ready is self:
            loop._ready = self._successor = deque()
            self._hand_over(loop._ready)

    def _hand_over(self, successor: deque[Any]) -> None:
        with suppress(IndexError):
            while True:
                successor.append(super().popleft())

    def __len__(self) -> int:
        watch = self.watch
        if watch is not None and sys._getframe(1).f_code is ROUND:
            if watch.phase is Phase.POLLING:
                watch.poll_ended()
            else:
                watch.poll_begun()
        return super().__len__()
