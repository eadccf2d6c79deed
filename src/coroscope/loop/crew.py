"""The crew of one `wait`: what runs of its items, and what has come of them.

Rule: whatever ends the call ends all that it was given: what runs is cancelled and waited for, the rest is closed.
Rule: of several failures the first in time counts; a cancellation of the call itself comes before them all.
Rule: KeyboardInterrupt and SystemExit of an item are never results: a loop raises them at once.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import sys
from functools import partial
from typing import Any, NamedTuple

from coroscope.loop.items import RUNNING_ALREADY, Kind, Launcher, close_all
from coroscope.loop.progress import open_progress
from coroscope.loop.source import Source
from coroscope.loop.subject_tasks import without_our_frames


class Options(NamedTuple):
    """What was asked for besides the items, and by the user's name for which function."""

    caller: str
    limit: int | None
    timeout_s: float | None
    return_exceptions: bool
    progress: bool

    def check(self) -> None:
        """TypeError or ValueError for what cannot be meant."""
        limit, timeout_s = self.limit, self.timeout_s
        if limit is not None and not isinstance(limit, int):
            raise TypeError(f"{self.caller}: limit is {limit!r}: give a whole number, or None")
        if limit is not None and limit < 1:
            raise ValueError(f"{self.caller}: limit is {limit}: give 1 or more, or None")
        if timeout_s is not None and not isinstance(timeout_s, int | float):
            raise TypeError(f"{self.caller}: timeout is {timeout_s!r}: give seconds, or None")
        if timeout_s is not None and math.isnan(timeout_s):
            raise ValueError(f"{self.caller}: timeout is not a number: give seconds, or None")


class Crew:
    """Starts the items of `source`, as many at once as `options` say, and ends them all."""

    def __init__(self, source: Source, options: Options) -> None:
        self._source = source
        self._options = options
        self._results: list[Any] = []
        """One for each item that has begun."""
        self._running: dict[int, asyncio.Future[Any]] = {}
        """Those that have begun and not ended, by their index."""
        self._failure: BaseException | None = None
        """What the call raises."""
        self._is_ending = False
        self._news: asyncio.Future[None] | None = None
        """What the call waits for."""

    async def results(self) -> list[Any]:
        """Run everything; what each item returned, in order."""
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._launcher = Launcher(self._loop, self._options.limit)
        timer = self._start_timer()
        try:
            with open_progress(self._options.progress, self._source.total) as self._advance:
                await self._run_all()
        finally:
            if timer is not None:
                timer.cancel()
        failure, self._failure = self._failure, None
        if failure is not None:
            try:
                raise failure
            finally:
                # Its traceback keeps this frame: this frame must not keep it.
                del failure
        return self._results

    async def _run_all(self) -> None:
        try:
            while self._failure is None:
                self._start_some()
                if not self._running:
                    break
                await self._hear()
        except GeneratorExit:
            # Nobody runs the loop any more, and nothing can be waited for.
            self._running.clear()
            raise
        finally:
            self._is_ending = True
            rest = self._source.take_rest()
            try:
                for item, kind in rest:
                    if kind in RUNNING_ALREADY:
                        self._start(item, kind)
                await self._cancel_running()
            finally:
                self._launcher.close()
                close_all(item for item, _ in rest)

    def _start_some(self) -> None:
        """Start items while there is room."""
        most = self._options.limit or sys.maxsize
        while len(self._running) < most:
            taken = self._source.take()
            if taken is None:
                return
            self._start(*taken)

    def _start(self, item: Any, kind: Kind) -> None:
        index = len(self._results)
        self._results.append(None)
        future = self._running[index] = self._launcher.launch(item, kind)
        future.add_done_callback(partial(self._ended, index), context=self._context)

    async def _cancel_running(self) -> None:
        """Cancel what runs until it has ended; every cancellation of this wait is passed on to it."""
        cancelled: asyncio.CancelledError | None = None
        self._cancel_each()
        while self._running:
            try:
                await self._hear()
            except asyncio.CancelledError as error:
                cancelled = error
                self._cancel_each()
        if cancelled is not None:
            raise cancelled

    def _cancel_each(self) -> None:
        for future in self._running.values():
            future.cancel()

    def _ended(self, index: int, future: asyncio.Future[Any]) -> None:
        """The item at `index` is done."""
        if self._running.pop(index, None) is None:
            return
        error = _error_of(future)
        if error is None:
            self._results[index] = future.result()
        elif self._is_ending:
            self._report(index, error, future)
        elif self._options.return_exceptions and not isinstance(error, KeyboardInterrupt | SystemExit):
            self._results[index] = error
        else:
            error.add_note(f"raised by item {index} of {self._options.caller}")
            self._fail(error)
        if not self._running or self._options.limit is not None:
            self._tell()
        self._launcher.polled.poke()
        self._advance()

    def _report(self, index: int, error: BaseException, future: asyncio.Future[Any]) -> None:
        """Tell the loop of what nobody will raise."""
        if isinstance(error, Exception):
            message = f"item {index} of {self._options.caller} failed while it was cancelled"
            self._loop.call_exception_handler({"message": message, "exception": error, "future": future})

    def _fail(self, failure: BaseException) -> None:
        if self._failure is None:
            self._failure = failure
        self._tell()

    def _start_timer(self) -> asyncio.TimerHandle | None:
        timeout_s = self._options.timeout_s
        if timeout_s is None or math.isinf(timeout_s):
            return None
        return self._loop.call_later(timeout_s, self._time_out)

    def _time_out(self) -> None:
        begun, total = len(self._results), self._source.total
        unfinished = [index for index, future in self._running.items() if not future.done()]
        if self._is_ending or (not unfinished and self._source.is_exhausted):
            return
        first = unfinished[0] if unfinished else begun
        if total is None:
            share = f"{len(unfinished)} of the {begun} items begun"
        else:
            share = f"{len(unfinished) + total - begun} of {total} items"
        self._fail(
            TimeoutError(
                f"{self._options.caller} timed out after {self._options.timeout_s} s: "
                f"{share} had not ended, the first of them item {first}"
            )
        )

    async def _hear(self) -> None:
        """Wait until there is something to do for this call."""
        self._news = self._loop.create_future()
        await self._news

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


def _error_of(future: asyncio.Future[Any]) -> BaseException | None:
    """What a done `future` raises, with the traceback that it had in the program."""
    try:
        error = future.exception()
    except asyncio.CancelledError as cancelled:
        error = cancelled
    return None if error is None else without_our_frames(error)
