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

    def cancel(self, msg: Any = None) -> bool:
        return self._abandon(msg)

    def set_result(self, result: Any, /) -> None:
        if self._state is not PENDING:
            raise exceptions.InvalidStateError(f"{self._state}: {self!r}")
        self._result = result
        self._state = FINISHED
        if self._waiters is not None:
            self._tell()

    def set_exception(self, exception: Any, /) -> None:
        if self._state is not PENDING:
            raise exceptions.InvalidStateError(f"{self._state}: {self!r}")
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

    def __del__(self) -> None:
        if self._exception is not None and self._report:
            self._report_unretrieved()


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
