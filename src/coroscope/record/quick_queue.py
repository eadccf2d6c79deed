"""The ready queue of an asyncio loop that is recorded: as `ReadyQueue`, in as few calls as can be.

The methods that are called at every step are closures over the one watch that they serve.
Rule: a failure of ours never keeps a handle from being queued, or from being run.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from asyncio import selector_events
from collections import deque
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from coroscope.loop.observer import IO, PYTHON_STEPS, stepped_task
from coroscope.loop.watch import Phase
from coroscope.record.loop_recorder import LoopRecorder
from coroscope.record.ready_queue import DISPATCH, ReadyQueue
from coroscope.record.recorder import Recorder
from coroscope.record.short_ways import with_short_ways

_RUNNING, _DISPATCHING, _POLLING = Phase.RUNNING, Phase.DISPATCHING, Phase.POLLING


def quick_queue(watch: LoopRecorder, recorder: Recorder) -> ReadyQueue:
    """An empty queue that tells `watch`."""
    put, take = deque.append, deque.popleft
    read_ready = selector_events._SelectorSocketTransport._read_ready  # type: ignore[attr-defined]
    causes = watch._causes
    step_type: Any = None
    """What calls a step of asyncio's own tasks, once one was seen."""

    class QuickQueue(ReadyQueue):
        __slots__ = ()

        def append(self, handle: Any) -> None:
            nonlocal step_type
            if self.watch is None:
                ReadyQueue.append(self, handle)
                return
            try:
                callback = handle._callback
                kind = type(callback)
                task = None
                if kind is step_type or (kind is BuiltinFunctionType and callback.__name__ == "task_wakeup"):
                    task = callback.__self__
                elif kind is MethodType:
                    function = callback.__func__
                    if watch.phase is _POLLING and function is read_ready:
                        put(self, handle)  # Only the poller queues it.
                        return
                    if id(function) in PYTHON_STEPS:
                        task = callback.__self__
                elif kind is not FunctionType:
                    task = stepped_task(callback)
                    if task is not None and kind.__name__ == "TaskStepMethWrapper":
                        step_type = kind
                if task is not None:
                    token = watch.token
                    if token is None or token.running is not task:
                        watch.queued_step(task)
                elif watch.phase is _RUNNING and get_ident() == watch._thread:
                    if watch.cause is not IO:
                        causes[id(handle)] = watch.cause
                else:
                    is_dispatched = watch.phase is _POLLING and sys._getframe(1).f_code is DISPATCH
                    watch.queued(handle, is_dispatched)
            except Exception as error:
                recorder.fail(error)
            put(self, handle)
            if self._successor is not None:
                self._hand_over(self._successor)

        def popleft(self) -> Any:
            if self.watch is None:
                return take(self)
            try:
                record = watch.token
                if record is not None:
                    running = record.running
                    if (
                        running is None
                        or running._fut_waiter is not None
                        or running.done()
                        or record.is_silent
                        or record.cancellations
                    ):
                        watch.end()
                    else:
                        watch.token = record.running = record.cause_in_step = None
                        watch._gave_up = record.id
            except Exception as error:
                recorder.fail(error)
            handle = take(self)
            try:
                callback = handle._callback
                kind = type(callback)
                if kind is step_type or (kind is BuiltinFunctionType and callback.__name__ == "task_wakeup"):
                    watch.begin_step(callback.__self__)
                elif kind is FunctionType or (
                    kind is MethodType and id(callback.__func__) not in PYTHON_STEPS
                ):
                    watch.begin_handle(handle, callback)
                else:
                    self.begin_other(handle, callback)
            except Exception as error:
                recorder.fail(error)
            return handle

        def begin_other(self, handle: Any, callback: Any) -> None:
            """What is neither a step of a task written in C nor a function or method of the program's."""
            if handle._cancelled:
                watch.phase = _DISPATCHING
                watch.passed_over(handle)
            elif (task := stepped_task(callback)) is not None:
                watch.begin_step(task)
            else:
                watch.begin_handle(handle, callback)

    return with_short_ways(QuickQueue)((), watch)
