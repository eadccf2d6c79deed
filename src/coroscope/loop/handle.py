"""The handles of callbacks and timers, as asyncio's but with no debugging work where debugging is off."""

from __future__ import annotations

import asyncio
import sys
from asyncio import format_helpers, futures
from collections.abc import Callable
from contextvars import Context, copy_context
from heapq import heappush
from typing import TYPE_CHECKING, Any

_describe_callback: Any = format_helpers._format_callback_source
_HIDES_ARGUMENTS = bool(_describe_callback.__kwdefaults__)
"""Since 3.13 they are shown in debug mode only."""


class Handle(asyncio.Handle):
    """A callback in the ready queue, or one that waits for a future."""

    __slots__ = ()

    if TYPE_CHECKING:
        _args: Any
        _callback: Any
        _context: Context
        _loop: Any
        _repr: Any
        _source_traceback: Any
        _scheduled: bool
        _when: float

    def _run(self) -> None:
        try:
            args = self._args
            if args:
                self._context.run(self._callback, *args)
            else:
                self._context.run(self._callback)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._report(error)
        # A traceback may keep this frame, which must not keep what it ran.
        self = args = None  # type: ignore[assignment]

    def _report(self, error: BaseException) -> None:
        """Tell the loop of what the callback raised; whoever has called it has caught it, too."""
        loop = self._loop
        # Without that caller's frame: as long as the exception is kept, it would keep the loop.
        error.__traceback__ = error.__traceback__.tb_next  # type: ignore[union-attr]
        options = {"debug": loop._debug} if _HIDES_ARGUMENTS else {}
        source = _describe_callback(self._callback, self._args, **options)
        context = {"message": f"Exception in callback {source}", "exception": error, "handle": self}
        if self._source_traceback:
            context["source_traceback"] = self._source_traceback
        loop.call_exception_handler(context)


ThreadSafeHandle: Any = getattr(asyncio.events, "_ThreadSafeHandle", Handle)
"""A callback that another thread may cancel: since CPython 3.14 that waits for it while it runs."""


class TimerHandle(Handle, asyncio.TimerHandle):
    """A callback that runs at a time of the loop's clock, in seconds."""

    __slots__ = ()

    def cancel(self) -> None:
        if not self._cancelled:
            loop = self._loop
            self._cancelled = True
            if loop._debug:
                self._repr = repr(self)
            self._callback = self._args = None
            if self._scheduled:
                timers = loop._timer_heap
                cancelled = timers.cancelled = timers.cancelled + 1
                if cancelled > MANY_TIMERS and cancelled * 2 > len(timers.entries):
                    timers.clean_up()


class SleepTimer(TimerHandle):
    """The timer of `asyncio.sleep`, on a future of ours.

    What it calls is known, and looks at no context variable: it needs no context of its own, which is 64 bytes and an
    object for the garbage collector, and it wakes the sleeper by itself.
    """

    __slots__ = ()

    def _run(self) -> None:
        future, result = self._args
        if not future.done():
            future.set_result(result)


def new_handle(callback: Any, args: Any, loop: Any, context: Context | None) -> Handle:
    """Make a handle. Not a constructor: to call the class would cost as much again."""
    handle: Handle = _allocate(Handle)
    handle._callback = callback
    handle._args = args
    handle._context = copy_context() if context is None else context
    handle._loop = loop
    handle._cancelled = False
    handle._repr = handle._source_traceback = None
    if loop._debug:
        handle._source_traceback = format_helpers.extract_stack(sys._getframe(2))
    return handle


# The loop's methods. They set up what they return in place: a call more is a tenth of what they cost.


def call_soon(
    loop: Any, callback: Callable[..., object], *args: Any, context: Context | None = None
) -> Handle:
    """`Loop.call_soon`."""
    handle: Handle = _allocate(Handle)
    handle._callback = callback
    handle._args = args
    handle._context = copy_context() if context is None else context
    handle._loop = loop
    handle._cancelled = False
    handle._repr = handle._source_traceback = None
    if loop._is_guarded:
        loop._check_call(callback, "call_soon")
        if loop._debug:
            handle._source_traceback = format_helpers.extract_stack(sys._getframe(1))
    loop._enqueue(handle)
    return handle


def call_later(
    loop: Any, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
) -> TimerHandle:
    """`Loop.call_later`."""
    if delay is None:
        raise TypeError("delay must not be None")
    when = loop.time() + delay
    if callback is _WAKE_SLEEPER and type(args[0]) is loop.future_type:
        return _call_at(SleepTimer, loop, when, callback, args, loop._wakeup_context, "call_later")
    return _call_at(TimerHandle, loop, when, callback, args, context, "call_later")


def call_at(
    loop: Any, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
) -> TimerHandle:
    """`Loop.call_at`."""
    if when is None:
        raise TypeError("when cannot be None")
    return _call_at(TimerHandle, loop, when, callback, args, context, "call_at")


def _call_at(
    kind: type[TimerHandle],
    loop: Any,
    when: float,
    callback: Any,
    args: Any,
    context: Context | None,
    method: str,
) -> TimerHandle:
    timer: TimerHandle = _allocate(kind)
    timer._when = when
    timer._scheduled = True
    timer._callback = callback
    timer._args = args
    timer._context = copy_context() if context is None else context
    timer._loop = loop
    timer._cancelled = False
    timer._repr = timer._source_traceback = None
    if loop._is_guarded:
        loop._check_call(callback, method)
        if loop._debug:
            timer._source_traceback = format_helpers.extract_stack(sys._getframe(2))
    heappush(loop._timer_heap.entries, (when, timer))
    return timer


_allocate: Any = object.__new__
MANY_TIMERS = 100
"""Below this many entries a clean-up is not worth its cost (asyncio's own limit, CPython 3.11 base_events.py)."""
_WAKE_SLEEPER: Any = futures._set_result_unless_cancelled  # type: ignore[attr-defined]
"""What `asyncio.sleep` has called at its end."""
