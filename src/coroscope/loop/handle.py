"""The handles of callbacks and timers, as asyncio's but with no debugging work where debugging is off."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from asyncio import format_helpers
from typing import TYPE_CHECKING, Any


class Handle(asyncio.Handle):
    """A callback in the ready queue."""

    __slots__ = ()

    if TYPE_CHECKING:
        _source_traceback: Any
        _scheduled: bool
        _when: float

    def __init__(
        self, callback: Any, args: Any, loop: Any, context: contextvars.Context | None = None
    ) -> None:
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        # Without the frames of the loop's own methods at its end: each of them takes away its own.
        self._source_traceback = format_helpers.extract_stack(sys._getframe(1)) if loop._debug else None


class TimerHandle(Handle, asyncio.TimerHandle):
    """A callback that runs at a time of the loop's clock, in seconds."""

    __slots__ = ()

    def __init__(
        self, when: float, callback: Any, args: Any, loop: Any, context: contextvars.Context | None = None
    ) -> None:
        Handle.__init__(self, callback, args, loop, context)
        if self._source_traceback:
            del self._source_traceback[-1]
        self._when = when
        self._scheduled = False
