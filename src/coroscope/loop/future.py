"""The future that our loop's `create_future` makes."""

from __future__ import annotations

import asyncio
from asyncio import exceptions
from typing import Any

from coroscope.loop.outcome import FINISHED, PENDING, SLOTS, Outcome


class Future(Outcome, asyncio.Future):  # type: ignore[type-arg, misc]
    """As `asyncio.Future`; a waiting task is kept directly, so that waking it costs no handle."""

    __slots__ = SLOTS

    def __init__(self, *, loop: Any = None) -> None:
        self._set_pending(loop)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__del__ is asyncio.Future.__del__:
            cls.__del__ = _report_at_the_end  # type: ignore[method-assign, assignment]

    def set_result(self, result: Any, /) -> None:
        if self._state is not PENDING:
            state = f"{self._state}: {self!r}"
            del self, result  # which the error would keep, by this frame
            raise exceptions.InvalidStateError(state)
        self._result = result
        self._state = FINISHED
        waiters = self._waiters
        if waiters is not None:
            kind = type(waiters)
            if kind is list:
                self._tell()
            else:
                self._waiters = None
                if kind is tuple:
                    self._enqueue_callback(waiters)  # type: ignore[arg-type]  # mypy does not follow `kind`
                else:
                    self._loop._enqueue(waiters)

    def set_exception(self, exception: Any, /) -> None:
        if self._state is not PENDING:
            state = f"{self._state}: {self!r}"
            del self, exception  # which the error would keep, by this frame
            raise exceptions.InvalidStateError(state)
        if isinstance(exception, type):
            exception = exception()
        if isinstance(exception, StopIteration):
            # What becomes of it differs between patch releases: TypeError at once, or RuntimeError for who awaits this.
            model = asyncio.Future[Any](loop=self._loop)
            model.set_exception(exception)
            exception = model.exception()
        if not isinstance(exception, BaseException):
            raise TypeError(f"invalid exception object: {exception!r}")
        self._fail(exception)
        if type(self) is Future:
            self.__class__ = _FailedFuture


Outcome.cancel.__qualname__ = "Future.cancel"  # as which a callback is shown; tasks have one of their own


def _report_at_the_end(future: Future) -> None:
    if future._report:
        future._report_unretrieved()


class _FailedFuture(Future):
    """A future with an exception. A class of its own, since a finaliser costs every future a tenth of its life."""

    __slots__ = ()


_FailedFuture.__name__ = _FailedFuture.__qualname__ = Future.__name__


def create_future(loop: Any) -> Future:
    """`Loop.create_future`; sets up by itself what `Future.__init__` would: to call the class costs as much again."""
    if loop._debug:
        return Future(loop=loop)
    future = _new_future(Future)
    future._loop = loop
    future._state = PENDING
    future._exception = future._waiters = None
    future._asyncio_future_blocking = False
    return future


_new_future = Future.__new__
