"""The probe on loops that are not written in Python, such as uvloop's: there is no queue to replace.

Everything that steps a task goes through the loop's `call_soon`, which is looked up on the loop object, so an attribute
of the object takes its place. A step is then queued as three calls in one, made by C code alone: the watch's
`begin`, the step, the watch's `end`. No frame of ours is on the stack while the program's code runs.

What cannot be seen here: when the loop polls, and whether a wakeup outside any step came from a timer of the
program's own or from input and output (it counts as the latter; asyncio's own timers are told apart).
"""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable
from functools import partial
from operator import call
from types import FunctionType
from typing import Any

from coroscope.loop.observer import Cause, CauseKind, stepped_task
from coroscope.loop.watch import Phase
from coroscope.record.compiled import QUICK
from coroscope.record.loop_recorder import LoopRecorder
from coroscope.record.recorder import Recorder

_IN_PLACE_OF = "_coroscope_in_place_of"
"""The attribute of our methods that says what was on the loop itself before."""
_OURS = {FunctionType} if QUICK is None else {FunctionType, QUICK.Soon}
"""The types of our methods."""
_exhaust = deque[Any](maxlen=0).extend


class _Queued:
    """What a watch needs of a queued callback."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Any) -> None:
        self._callback = callback


def in_turn(*calls: Callable[[], object]) -> Callable[[], object]:
    """A callable that makes `calls` one after another, once, without a Python frame of its own."""
    return partial(_exhaust, map(call, calls))


def watch_foreign_loop(loop: Any, watch: LoopRecorder, recorder: Recorder) -> LoopRecorder:
    """Take the place of the scheduling methods of `loop`, until the recording ends."""
    watch.sees_polls = False
    call_soon, call_later = loop.call_soon, loop.call_later
    call_at, call_soon_threadsafe = loop.call_at, loop.call_soon_threadsafe
    end = watch.end

    def watched(callback: Any, args: tuple[Any, ...], begin: Callable[[], object]) -> Callable[[], object]:
        return in_turn(begin, partial(callback, *args), watch.end)

    def begin(task: Any) -> None:
        try:
            watch.begin_step(task)
        except Exception as error:
            recorder.fail(error)

    def soon(callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        task = stepped_task(callback)
        if task is not None:
            try:
                watch.queued_step(task)
            except Exception as error:
                recorder.fail(error)
            step = partial(callback, *args) if args else callback
            return call_soon(_exhaust, map(call, (partial(begin, task), step, end)), context=context)
        if not _is_known(callback):
            return call_soon(callback, *args, context=context)
        item = _Queued(callback)
        watch.queued(item, watch.phase is Phase.DISPATCHING)
        return call_soon(watched(callback, args, partial(watch.begin, item)), context=context)

    def soon_threadsafe(callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        if not _is_known(callback):
            return call_soon_threadsafe(callback, *args, context=context)
        item = _Queued(callback)
        watch.queued(item)
        return call_soon_threadsafe(watched(callback, args, partial(watch.begin, item)), context=context)

    def begin_timer(when: float) -> None:
        watch.begin_callback(Cause(CauseKind.TIMER, None, when))

    def later(delay: float, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        if not _is_known(callback):
            return call_later(delay, callback, *args, context=context)
        begin = partial(begin_timer, loop.time() + delay)
        return call_later(delay, watched(callback, args, begin), context=context)

    def at(when: float, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        if not _is_known(callback):
            return call_at(when, callback, *args, context=context)
        return call_at(when, watched(callback, args, partial(begin_timer, when)), context=context)

    quick_soon = getattr(watch, "soon", None)
    replaced: dict[str, Any] = {
        "call_soon": soon if quick_soon is None else quick_soon(call_soon, soon),
        "call_soon_threadsafe": soon_threadsafe,
        "call_later": later,
        "call_at": at,
    }
    for name, method in replaced.items():
        setattr(method, _IN_PLACE_OF, vars(loop).get(name))
        vars(loop)[name] = method
    recorder.loops.entry(loop).at_end.append(_restore)
    return watch


def _restore(loop: Any) -> None:
    """Give `loop` the methods back that it had; they are found by our own, so that nothing else holds the loop."""
    for name, method in list(vars(loop).items()):
        if type(method) in _OURS and hasattr(method, _IN_PLACE_OF):
            own = getattr(method, _IN_PLACE_OF)
            if own is None:
                del vars(loop)[name]
            else:
                vars(loop)[name] = own


def settle_behind_batch(loop: Any, watch: LoopRecorder) -> None:
    """Once what `loop` had queued unseen has run, have `watch` look what has become of the tasks."""
    call_soon = type(loop).call_soon

    def settle() -> None:
        watch.end()
        for token in watch.tokens():
            watch.settle(token)

    call_soon(loop, settle)


def _is_known(callback: Any) -> bool:
    """Whether `callback` is a task's step or asyncio's own: errors in the program's own callbacks name them."""
    while type(callback) is partial:
        callback = callback.func
    return stepped_task(callback) is not None or (getattr(callback, "__module__", None) or "").startswith(
        ("asyncio", "_asyncio", "coroscope")
    )
