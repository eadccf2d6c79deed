"""The ready queue of an asyncio loop that is recorded: as `ReadyQueue`, in as few calls as can be.

The methods that are called at every step are closures over the one watch that they serve.
Rule: a failure of ours never keeps a handle from being queued, or from being run.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from collections import deque
from types import MethodType
from typing import Any

from coroscope.loop.observer import IO, SIGNAL, stepped_task
from coroscope.loop.watch import Phase
from coroscope.record.loop_recorder import LoopRecorder
from coroscope.record.ready_queue import DISPATCH, ReadyQueue
from coroscope.record.recorder import Recorder

_RUNNING, _POLLING = Phase.RUNNING, Phase.POLLING


def quick_queue(watch: LoopRecorder, recorder: Recorder) -> ReadyQueue:
    """An empty queue that tells `watch`."""
    put, take = deque.append, deque.popleft
    causes, read_signals = watch._causes, watch._read_signals

    class QuickQueue(ReadyQueue):
        def append(self, handle: Any) -> None:
            if self.watch is None:
                ReadyQueue.append(self, handle)
                return
            try:
                task = stepped_task(handle._callback)
                if task is not None:
                    token = watch.token
                    if token is None or token.running is not task:
                        is_dispatched = watch.phase is _POLLING and sys._getframe(1).f_code is DISPATCH
                        watch.queued_step(handle, task, is_dispatched)
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
            watch.end()
            handle = take(self)
            try:
                if handle._cancelled:
                    watch.passed_over(handle)
                    return handle
                callback = handle._callback
                task = stepped_task(callback)
                if task is not None:
                    watch.begin_step(handle, task)
                    return handle
                if watch._gave_up:
                    watch._write_what_gave_up()
                cause = causes.pop(id(handle), IO) if causes else IO
                if cause is IO and type(callback) is MethodType and callback.__func__ is read_signals:
                    cause = SIGNAL
                watch.phase = _RUNNING
                watch.cause = cause
            except Exception as error:
                recorder.fail(error)
            return handle

    return QuickQueue((), watch)
