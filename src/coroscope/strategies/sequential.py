"""One item after another, in the calling thread: what everything else is compared with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from coroscope.errors import UsageError
from coroscope.strategies.engine import Settings
from coroscope.strategies.flow import Samples
from coroscope.strategies.replies import Outcomes, Reply
from coroscope.strategies.work import NO_LOOP_IN_A_LOOP, Caller, is_coroutine_function, without_this_frame


class Sequential:
    """Calls the function when the outcome is asked for; a coroutine runs on a loop, alone."""

    ahead = 1

    def __init__(self, settings: Settings) -> None:
        self._function = settings.function
        self._call = Caller(settings.function, settings.loop_factory)
        self._samples = Samples()
        self._out: list[tuple[int, Any]] = []

    def start(self, items: Sequence[Any]) -> None:  # noqa: ARG002 (nothing is pickled)
        if is_coroutine_function(self._function) and asyncio._get_running_loop() is not None:
            raise UsageError(NO_LOOP_IN_A_LOOP)

    def room(self, taken: int) -> int:  # noqa: ARG002 (the protocol's)
        return 0 if self._out else 1

    def submit(self, first: int, items: list[Any]) -> None:
        self._samples.keep(first, items)
        self._out.append((first, items[0]))

    def collect(self, timeout_s: float | None) -> list[Reply]:
        if timeout_s == 0:  # What has begun cannot be left half done; but nothing need begin.
            return []
        first, item = self._out.pop()
        began_ns = time.monotonic_ns()
        outcomes = Outcomes()
        try:
            outcomes.values.append(self._call(item))
        except BaseException as error:  # `note` raises what ends the map, and not the item alone.
            outcomes.add_error(without_this_frame(error))
        reply = Reply(first, outcomes, began_ns, time.monotonic_ns())
        self._samples.note(reply)
        return [reply]

    def wake(self) -> None:
        """The item in the calling thread goes on to its end."""

    def close(self) -> None:
        self._call.close()

    abort = close
