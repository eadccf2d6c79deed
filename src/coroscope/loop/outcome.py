"""What a future and a task have in common: a state, a result or an exception, and who is told of it.

Both are Python subclasses of asyncio's C types, so that every `isinstance` and `issubclass` holds. Of their C part only
the message of a cancellation is used, and what other processes read of a task (CPython 3.14). The names of the C slots
(`_state`, `_loop`, `_exception`, …) are kept, because asyncio's helpers and well-known libraries read them.

Rule: `_waiters` is None, the one that waits for this, or a list of those who do, never an empty one but after
      `remove_done_callback`: tasks that await it, and callbacks as pairs of a function and its context. They are told
      in the order in which they came.
Rule: in the ready queue a callback is a triple: the function, its context, and the future that it is called with.
      Nobody can hold or cancel it there, so it needs no handle.
Rule: `_result` of what is cancelled is the CancelledError that ended it, until somebody has been given it, or None.
Rule: whoever leaves the pending state calls `_tell`, or `_tell_failed`, once.
"""

from __future__ import annotations

import contextvars
import sys
import traceback
from asyncio import CancelledError, base_futures, events, exceptions
from collections.abc import Callable, Generator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

from coroscope.loop.handle import Handle, new_handle
from coroscope.loop.versions import FORBIDS_SECOND_INIT, HAS_CALL_GRAPH, noted_waiters

if TYPE_CHECKING:
    from coroscope.loop.loop import Loop
    from coroscope.loop.task import Task

PENDING = "PENDING"
CANCELLED = "CANCELLED"
FINISHED = "FINISHED"

# What may interrupt the even run of a task's steps.
NEW = "new"
"""It has not taken its first step."""
FAILED = "failed"
"""What it waited for may have failed, or been cancelled."""
MUST_CANCEL = "must cancel"
"""Its next step throws CancelledError."""

Callback = Callable[[Any], object]
Waiter: TypeAlias = "Task[Any] | tuple[Callback, contextvars.Context]"

SLOTS = (
    "_asyncio_future_blocking",
    "_exception",
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
        _loop: Loop
        _result: Any
        _state: str
        _waiters: Waiter | list[Waiter] | None

    # What few of them ever need is kept in the instance's dictionary, which is made only then.
    _exception_tb: Any = None
    _report: bool = False
    _source_traceback: Any = None

    def _set_pending(self, loop: Loop | None) -> None:
        if FORBIDS_SECOND_INIT and hasattr(self, "_state"):
            raise RuntimeError(f"{type(self).__qualname__} object is already initialized")
        self._exception = self._waiters = self._cancel_message = None
        self._asyncio_future_blocking = False
        # Until there is a loop to report to, there is nothing to report.
        self._state = FINISHED
        self._loop = events.get_event_loop() if loop is None else loop  # type: ignore[assignment]
        self._state = PENDING
        if self._loop._debug:
            # Above this are our own constructor and, at its end, whoever made the future.
            # The whole stack, as asyncio's C types record it; its Python code stops after ten frames.
            self._source_traceback = traceback.extract_stack(sys._getframe(2))

    __repr__ = base_futures._future_repr  # type: ignore[attr-defined]

    @property
    def _callbacks(self) -> list[tuple[Callback, contextvars.Context]] | None:
        """Who will be told, in order, as asyncio's own futures list them."""
        waiters = self._waiters
        if waiters is None:
            return None
        return [
            waiter if isinstance(waiter, tuple) else (waiter._wakeup, waiter._context)
            for waiter in (waiters if isinstance(waiters, list) else [waiters])
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
        """The loop that this belongs to; RuntimeError in a subclass that has left out our constructor."""
        try:
            return self._loop
        except AttributeError:
            raise RuntimeError("Future object is not initialized.") from None

    def done(self) -> bool:
        return self._state is not PENDING

    def cancelled(self) -> bool:
        return self._state is CANCELLED

    def result(self) -> Any:
        if self._state is FINISHED:
            failure = self._exception
            if failure is None:
                return self._result
            self._report = False
            failure.with_traceback(self._exception_tb)
            # Its traceback keeps this frame: this frame must keep neither.
            del self
            try:
                raise failure
            finally:
                del failure
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
        # `gather` asks one that has failed too, when it was itself cancelled.
        if self._state is CANCELLED:
            error: BaseException | None = self._result
            if error is not None:
                self._result = None
                return error
        message = self._cancel_message
        return CancelledError() if message is None else CancelledError(message)

    # The context may be given by position too: a default that only a keyword can replace costs 30 ns a call.
    def add_done_callback(self, fn: Callback, context: contextvars.Context | None = None) -> None:
        callback = fn, copy_context() if context is None else context
        if self._state is PENDING:
            if self._waiters is None:
                self._waiters = callback
            else:
                self._add_waiter(callback)
        else:
            self._enqueue_callback(callback)

    def remove_done_callback(self, fn: Callback, /) -> int:
        waiters = self._waiters
        if waiters is None:
            return 0
        before = waiters if isinstance(waiters, list) else [waiters]
        kept = [waiter for waiter in before if not (isinstance(waiter, tuple) and waiter[0] == fn)]
        # Comparing may have run code of the program's own, but not added to a list that is not the current one.
        if self._waiters is waiters and len(kept) < len(before):
            self._waiters = kept
        return len(before) - len(kept)

    def _await_by(self, task: Task[Any]) -> None:
        """Have `task` stepped when this is done; called once for each time that it suspends here."""
        if self._state is PENDING:
            self._add_waiter(task)
        else:
            if task._interruption is None and (self._state is CANCELLED or self._exception is not None):
                task._interruption = FAILED
            self._loop._enqueue(task)

    def _add_waiter(self, waiter: Waiter) -> None:
        waiters = self._waiters
        if waiters is None:
            self._waiters = waiter
        elif type(waiters) is list:
            waiters.append(waiter)
        else:
            self._waiters = [waiters, waiter]  # type: ignore[list-item]

    def _enqueue_callback(self, callback: tuple[Callback, contextvars.Context]) -> None:
        loop = self._loop
        if loop._is_guarded:
            loop.call_soon(callback[0], self, context=callback[1])
        else:
            loop._enqueue((callback[0], callback[1], self))

    def _tell(self) -> None:
        """Queue everyone who waits for this, of whom there is one at least, in the order in which they came."""
        waiters: Any = self._waiters
        self._waiters = None
        kind = type(waiters)
        loop = self._loop
        if kind is tuple and not loop._is_guarded:
            # As `_enqueue_callback`, which would be a call more.
            loop._enqueue((waiters[0], waiters[1], self))
        elif kind is tuple:
            self._enqueue_callback(waiters)
        elif kind is not list:
            loop._enqueue(waiters)
        else:
            for waiter in waiters:
                if type(waiter) is tuple:
                    self._enqueue_callback(waiter)
                else:
                    loop._enqueue(waiter)

    def _tell_failed(self) -> None:
        """As `_tell`, when there is an exception to be thrown into the tasks that wait."""
        waiters: Any = self._waiters
        kind = type(waiters)
        if kind is list:
            for waiter in waiters:
                if type(waiter) is not tuple and waiter._interruption is None:
                    waiter._interruption = FAILED
        elif kind is not tuple and waiters._interruption is None:
            waiters._interruption = FAILED
        self._tell()

    def _fail(self, exception: BaseException) -> None:
        self._exception = exception
        self._exception_tb = exception.__traceback__
        self._state = FINISHED
        if self._waiters is not None:
            self._tell_failed()
        self._report = True

    def cancel(self, msg: Any = None) -> bool:
        """Cancel, unless done: true when this made the difference."""
        if self._state is not PENDING:
            self._report = False
            return False
        self._state = CANCELLED
        self._result = None
        if msg is not None:
            self._cancel_message = msg
        if self._waiters is not None:
            self._tell_failed()
        return True

    def __await__(self) -> Generator[Any, None, Any]:
        # As CPython's C future, not its Python one: it goes by this mark, which the task that waits takes off, and not
        # by having yielded before.
        while self._state is PENDING:
            if self._asyncio_future_blocking:
                raise RuntimeError("await wasn't used with future")
            self._asyncio_future_blocking = True
            try:
                yield self
            except BaseException:
                del self  # which the error that it failed with would keep, by this frame
                raise
            if self._state is FINISHED and self._exception is None:
                return self._result  # mostly: here the other questions need not be asked
        if self._state is FINISHED and self._exception is None:
            return self._result
        try:
            return self.result()
        finally:
            del self

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


def report_failure(item: Handle | tuple[Callback, contextvars.Context, Any], error: BaseException) -> None:
    """Take the exception of a handle's callback, or of the function in a triple from the ready queue."""
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        raise error
    (handle_of(item) if type(item) is tuple else item)._report(error)  # type: ignore[union-attr]


def handle_of(item: tuple[Callback, contextvars.Context, Any]) -> Handle:
    """The handle that asyncio would have in the ready queue for such a triple."""
    return new_handle(item[0], (item[2],), item[2]._loop, item[1])
