"""What a future and a task have in common: a state, a result or an exception, and who is told of it.

Both are Python subclasses of asyncio's C types, so that every `isinstance` and `issubclass` holds; their C part is
never used. The C slots' names (`_state`, `_loop`, `_exception`, …) are kept, because asyncio's helpers and well-known
libraries read them.

Rule: `_waiters` is None, the one task that awaits this, or a list of such tasks and of callbacks with their contexts;
      never an empty list but after `remove_done_callback`. They are told in the order in which they came.
Rule: whoever leaves the pending state calls `_tell`, once.
"""

from __future__ import annotations

import contextvars
import sys
from asyncio import base_futures, events, exceptions, format_helpers
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias

from coroscope.loop.versions import FORBIDS_SECOND_INIT, HAS_CALL_GRAPH, noted_waiters

if TYPE_CHECKING:
    from coroscope.loop.loop import Loop
    from coroscope.loop.task import Task

PENDING = "PENDING"
CANCELLED = "CANCELLED"
FINISHED = "FINISHED"

Callback = Callable[[Any], object]
Waiter: TypeAlias = "Task[Any] | tuple[Callback, contextvars.Context]"

SLOTS = (
    "_asyncio_future_blocking",
    "_exception",
    "_exception_tb",
    "_loop",
    "_result",
    "_state",
    "_waiters",
)


class Outcome:
    """The methods; the classes that mix it in declare `SLOTS` (a base with slots could not share a C layout)."""

    if not TYPE_CHECKING:  # mypy would hold this class to it
        __slots__ = ()
    else:
        _asyncio_future_blocking: bool
        _cancel_message: Any
        """Kept in the C part, which has a slot for it."""
        _exception: BaseException | None
        _exception_tb: Any
        _loop: Loop
        _result: Any
        _state: str
        _waiters: Task[Any] | list[Waiter] | None

    # What few of them ever need is kept in the instance's dictionary, which is made only then.
    _cancelled_exc: BaseException | None = None
    _report: bool = False
    _source_traceback: Any = None

    def _set_pending(self, loop: Loop | None) -> None:
        if FORBIDS_SECOND_INIT and hasattr(self, "_state"):
            raise RuntimeError(f"{type(self).__qualname__} object is already initialized")
        self._exception = self._waiters = None
        self._asyncio_future_blocking = False
        # Until there is a loop to report to, there is nothing to report.
        self._state = FINISHED
        self._loop = events.get_event_loop() if loop is None else loop  # type: ignore[assignment]
        self._state = PENDING
        if self._loop._debug:
            # Above this are our own constructor and, at its end, whoever made the future.
            self._source_traceback = format_helpers.extract_stack(sys._getframe(2))

    __repr__ = base_futures._future_repr  # type: ignore[attr-defined]

    @property
    def _callbacks(self) -> list[tuple[Callback, contextvars.Context]] | None:
        """Who will be told, in order, as asyncio's own futures list them."""
        waiters = self._waiters
        if waiters is None:
            return None
        if not isinstance(waiters, list):
            waiters = [waiters]
        return [
            waiter if isinstance(waiter, tuple) else (waiter._wakeup, waiter._context) for waiter in waiters
        ] or None

    if HAS_CALL_GRAPH:

        @property
        def _asyncio_awaited_by(self) -> frozenset[Task[Any]] | None:
            """The tasks that wait for this, or None."""
            waiters = self._waiters
            told = waiters if isinstance(waiters, list) else [waiters]
            tasks = {waiter for waiter in told if waiter is not None and not isinstance(waiter, tuple)}
            return frozenset(tasks.union(noted_waiters(self) or ())) or None

    @property
    def _log_traceback(self) -> bool:
        return self._report

    @_log_traceback.setter
    def _log_traceback(self, value: bool) -> None:
        if value:
            raise ValueError("_log_traceback can only be set to False")
        self._report = False

    def get_loop(self) -> Loop:
        """The loop that this belongs to."""
        return self._loop

    def done(self) -> bool:
        return self._state is not PENDING

    def cancelled(self) -> bool:
        return self._state is CANCELLED

    def result(self) -> Any:
        if self._state is FINISHED:
            if self._exception is not None:
                self._report = False
                raise self._exception.with_traceback(self._exception_tb)
            return self._result
        if self._state is CANCELLED:
            raise self._make_cancelled_error()
        raise exceptions.InvalidStateError("Result is not set.")

    def exception(self) -> BaseException | None:
        if self._state is FINISHED:
            if self._exception is not None:
                self._report = False
            return self._exception
        if self._state is CANCELLED:
            raise self._make_cancelled_error()
        raise exceptions.InvalidStateError("Exception is not set.")

    def _make_cancelled_error(self) -> BaseException:
        """The error that ended this, once; a new one for everyone who asks later."""
        error = self._cancelled_exc
        if error is not None:
            self._cancelled_exc = None
            return error
        if self._cancel_message is None:
            return exceptions.CancelledError()
        return exceptions.CancelledError(self._cancel_message)

    def add_done_callback(self, fn: Callback, /, *, context: contextvars.Context | None = None) -> None:
        if self._state is not PENDING:
            self._loop.call_soon(fn, self, context=context)
            return
        if context is None:
            context = contextvars.copy_context()
        self._add_waiter((fn, context))

    def remove_done_callback(self, fn: Callback, /) -> int:
        waiters = self._waiters
        if not isinstance(waiters, list):
            return 0
        kept = [waiter for waiter in waiters if not isinstance(waiter, tuple) or waiter[0] != fn]
        removed = len(waiters) - len(kept)
        if removed:
            waiters[:] = kept
        return removed

    def _await_by(self, task: Task[Any]) -> None:
        """Have `task` stepped when this is done; called once for each time that it suspends here."""
        if self._state is not PENDING:
            self._loop._enqueue(task)
        elif self._waiters is None:
            self._waiters = task
        else:
            self._add_waiter(task)

    def _add_waiter(self, waiter: Waiter) -> None:
        waiters = self._waiters
        if waiters is None:
            self._waiters = [waiter]
        elif isinstance(waiters, list):
            waiters.append(waiter)
        else:
            self._waiters = [waiters, waiter]

    def _tell(self) -> None:
        """Schedule everyone who waits for this, of whom there is one at least, in the order in which they came."""
        waiters: Any = self._waiters
        self._waiters = None
        if type(waiters) is not list:
            self._loop._enqueue(waiters)
            return
        for waiter in waiters:
            if type(waiter) is tuple:
                self._loop.call_soon(waiter[0], self, context=waiter[1])
            else:
                self._loop._enqueue(waiter)

    def _fail(self, exception: BaseException) -> None:
        self._exception = exception
        self._exception_tb = exception.__traceback__
        self._state = FINISHED
        if self._waiters is not None:
            self._tell()
        self._report = True

    def _abandon(self, message: Any) -> bool:
        """Cancel, unless done: true when this made the difference."""
        if self._state is not PENDING:
            self._report = False
            return False
        self._state = CANCELLED
        self._cancel_message = message
        if self._waiters is not None:
            self._tell()
        return True

    def __await__(self) -> Generator[Any, None, Any]:
        if self._state is PENDING:
            self._asyncio_future_blocking = True
            yield self
            if self._state is PENDING:
                raise RuntimeError("await wasn't used with future")
        if self._exception is None and self._state is FINISHED:
            return self._result
        return self.result()

    __iter__ = __await__

    def _report_unretrieved(self) -> None:
        context = {
            "message": f"{self.__class__.__name__} exception was never retrieved",
            "exception": self._exception,
            "future": self,
        }
        if self._source_traceback:
            context["source_traceback"] = self._source_traceback
        self._loop.call_exception_handler(context)
