"""From items to results: drives one engine, and gives what came of the items, a batch at a time.

Rule: whatever ends the generator ends the engine: its end, an exception of an item, of the items' own iterator,
Ctrl-C, or that nobody wants more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from coroscope.loop.progress import open_progress
from coroscope.strategies.engine import Engine
from coroscope.strategies.flow import Flow
from coroscope.strategies.options import Options
from coroscope.strategies.work import Outcome

Batches = Generator[list[Any], None, None]


class Stop:
    """Asks a delivery, from any thread, to end."""

    def __init__(self) -> None:
        self.is_asked = False
        self.wake: Callable[[], None] | None = None
        """Has it look up."""

    def ask(self) -> None:
        """Ask now."""
        self.is_asked = True
        if self.wake is not None:
            self.wake()


def deliver(flow: Flow, engine: Engine, options: Options, given: Sequence[Any], stop: Stop) -> Batches:
    """Results as they become due; the first batch is empty, and given when the first items are under way."""
    deadline = Deadline(options, flow)
    is_closed = False
    try:
        engine.start(given)
        stop.wake = engine.wake
        _fill(flow, engine)
        with open_progress(options.progress, flow.total) as advance:
            yield []
            while not (flow.is_over or stop.is_asked):
                outcomes: list[Outcome] = []
                for reply in engine.collect(deadline.left_s()):
                    outcomes += flow.put(reply)
                    for _ in reply.outcomes:
                        advance()
                if not outcomes:
                    deadline.check()
                _fill(flow, engine)
                yield from in_batches(outcomes, options)
        is_closed = not stop.is_asked
    finally:
        stop.wake = None
        if is_closed:
            engine.close()
        else:
            engine.abort()


def _fill(flow: Flow, engine: Engine) -> None:
    """Hand out as many items as the engine takes."""
    while not flow.is_exhausted and flow.undelivered < engine.ahead:
        count = engine.room(flow.taken)
        if count < 1:
            break
        first, items = flow.take(count)
        if items:
            engine.submit(first, items)


def in_batches(outcomes: list[Outcome], options: Options) -> Batches:
    """The results among `outcomes`, up to the first exception, which is raised unless it is wanted as a result."""
    batch: list[Any] = []
    for is_result, value in outcomes:
        if not is_result and not options.return_exceptions:
            if batch:
                yield batch
            outcomes.clear()  # The exception's traceback keeps this frame: this frame must not keep it.
            try:
                raise value
            finally:
                del value
        batch.append(value)
    if batch:
        yield batch


class Deadline:
    """When the timeout is over, counted from now."""

    def __init__(self, options: Options, flow: Flow) -> None:
        self._options = options
        self._flow = flow
        timeout_s = options.timeout_s
        self._at_s = None if timeout_s is None or timeout_s > 1e9 else time.monotonic() + timeout_s

    def left_s(self) -> float | None:
        """Seconds, from 0; `None` without a timeout."""
        return None if self._at_s is None else max(self._at_s - time.monotonic(), 0)

    def check(self) -> None:
        """TimeoutError, if it is over."""
        if self._at_s is None or time.monotonic() < self._at_s:
            return
        flow = self._flow
        if flow.total is None:
            share = f"{flow.taken - flow.finished} of the {flow.taken} items begun"
        else:
            share = f"{flow.total - flow.finished} of {flow.total} items"
        raise TimeoutError(
            f"{self._options.caller} timed out after {self._options.timeout_s} s: {share} had not ended"
        )
