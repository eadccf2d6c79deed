"""From items to results: drives one engine, and gives what came of the items, a batch at a time.

Rule: whatever ends the generator ends the engine: its end, an exception of an item, of the items' own iterator,
Ctrl-C, or that nobody wants more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from coroscope.loop.progress import open_progress
from coroscope.strategies.engine import Engine
from coroscope.strategies.flow import Flow, ends_the_map
from coroscope.strategies.options import Options
from coroscope.strategies.replies import Outcomes

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
        wake = self.wake
        if wake is not None:
            wake()


def deliver(flow: Flow, engine: Engine, options: Options, given: Sequence[Any], stop: Stop) -> Batches:
    """Results as they become due; the first batch is empty, and given when the first items are under way."""
    deadline = Deadline(options, flow)
    owner = os.getpid()
    has_ended = False
    try:
        engine.start(given)
        stop.wake = engine.wake
        _fill(flow, engine)
        with open_progress(options.progress, flow.total) as advance:
            yield []
            while not (flow.is_over or stop.is_asked):
                outcomes = Outcomes()
                left_s = deadline.left_s()
                for reply in engine.collect(left_s):
                    flow.put(reply, outcomes)
                    if options.progress:
                        for _ in reply.outcomes.values:
                            advance()
                is_late = left_s == 0
                # Once it is late nothing more begins; but there may be nothing more.
                if not is_late or flow.finished == flow.taken:
                    _fill(flow, engine)
                yield from in_batches(outcomes, options)
                if is_late and not flow.is_over:
                    raise deadline.error()
            flow.check()
        if not stop.is_asked:
            engine.close()
            has_ended = True
    finally:
        stop.wake = None
        # In a copy of this process, made by a fork meanwhile, the workers are another one's.
        if not has_ended and os.getpid() == owner:
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


def in_batches(outcomes: Outcomes, options: Options) -> Batches:
    """The results among `outcomes`, up to the first exception, which is raised unless it is wanted as a result."""
    values = outcomes.values
    for place, error in outcomes.errors.items():
        if options.return_exceptions and not ends_the_map(error):
            values[place] = error
            continue
        if place:
            yield values[:place]
        outcomes.errors.clear()  # The exception's traceback keeps this frame: this frame must not keep it.
        try:
            raise error
        finally:
            del error
    if values:
        yield values


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

    def error(self) -> TimeoutError:
        """What says how much is missing."""
        flow = self._flow
        if flow.total is None:
            share = f"{flow.taken - flow.finished} of the {flow.taken} items begun"
        else:
            total = max(flow.total, flow.taken)
            share = f"{total - flow.finished} of {total} items"
        return TimeoutError(
            f"{self._options.caller} timed out after {self._options.timeout_s} s: {share} had not ended"
        )
