"""The watch over one loop, as the loop calls it.

Rule: whatever fails in here ends the recording, and does not reach the program.
Rule: that a step gave up its turn is written with the beginning of the next step, in one event, unless something else
      comes in between: then by itself.
Rule: a call costs as much as what it does, so the short ways are written out; what is special goes the ways of `Watch`.
"""

from __future__ import annotations

from _thread import get_ident
from types import MethodType
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.loop.observer import IO, OUTSIDE, SIGNAL, Cause
from coroscope.loop.watch import Phase, task_of
from coroscope.record.eager import Starting, known_as
from coroscope.record.events import EventKind, StepEnd
from coroscope.record.recorder import Recorder
from coroscope.record.stream import NO_ROOM, pack_event, word_of
from coroscope.record.task_events import SHORT_POLL_NS, TaskEvents

UNKNOWN = (None, None)
_RUNNING, _DISPATCHING, _POLLING = Phase.RUNNING, Phase.DISPATCHING, Phase.POLLING


class LoopRecorder(TaskEvents):
    """Records a loop of any kind."""

    __slots__ = ("_between", "_gave_up", "_yielded", "sees_polls")

    def __init__(self, recorder: Recorder, loop: Any) -> None:
        super().__init__(recorder, loop)
        self._yielded = word_of(EventKind.STEP_ENDED, self.id, StepEnd.YIELDED)
        self._gave_up = 0
        """The task whose step has just given up its turn, which is still to be written."""
        self._between = _DISPATCHING
        """What the loop is at between two of the things that it runs."""
        self.sees_polls = True
        """Whether something is always told between a step and a poll that waits."""

    def started(self) -> None:
        try:
            super().started()
        except Exception as error:
            self._recorder.fail(error)

    def stopped(self) -> None:
        try:
            self.end()
            self._write_what_gave_up()
            super().stopped()
        except Exception as error:
            self._recorder.fail(error)

    def queued(self, item: Any, is_dispatched: bool = False) -> None:
        try:
            task = task_of(item)
            if task is None:
                super().queued(item, is_dispatched)
            else:
                self.queued_step(task)
        except Exception as error:
            self._recorder.fail(error)

    def queued_step(self, task: Any) -> None:
        """What steps `task` enters the ready queue."""
        token = self.token
        if token is not None and token.running is task:
            return  # The end of its step shows that.
        is_here, phase = get_ident() == self._thread, self.phase
        if is_here and phase is _RUNNING:
            cause = self.cause
        elif is_here and phase is _DISPATCHING:
            cause = IO
        else:
            cause = self._cause_of(task, False)
        record, reference = self._tasks.get(id(task), UNKNOWN)
        if reference is None:
            self._create(task, cause, False)
        elif record is None:
            return
        elif record is token:
            record.cause_in_step = cause
        elif record.waits:
            self._wake(record, cause)

    def begin(self, item: Any) -> None:
        try:
            task = task_of(item)
            if task is not None:
                self.begin_step(task)
            else:
                self.begin_handle(item, item[0] if type(item) is tuple else item._callback)
        except Exception as error:
            self._recorder.fail(error)

    def begin_step(self, task: Any) -> None:
        """A step of `task` starts to run."""
        record, _ = self._tasks.get(id(task), UNKNOWN)
        if record is None:
            self._begin_specially(task)
            return
        if not record.has_begun:
            if task._must_cancel:
                self._begin_specially(task)
                return
            record.has_begun = True
            if not self._names_in_step:
                self.rename(record, task)
        elif record.has_waited_long:
            if task.cancelling() > record.cancellations:
                self._begin_specially(task)
                return
            record.has_waited_long = False
        # The short way of a task that gets its turn.
        self.phase = _RUNNING
        self.token = record
        self.cause = record
        record.running = task
        gave_up, self._gave_up = self._gave_up, 0
        record.began_ns = now = now_ns()
        stream = self._stream
        try:
            pack_event(stream.events, stream.next_position(), now, record.id, gave_up, self._step_begun)
        except NO_ROOM:  # in a new chunk
            stream.write(now, record.id, gave_up, self._step_begun)

    def _begin_specially(self, task: Any) -> None:
        self._write_what_gave_up()
        self.phase = _RUNNING
        record, reference = self._tasks.get(id(task), UNKNOWN)
        self._begin_step(self._create(task, OUTSIDE, False) if reference is None else record)

    def begin_handle(self, handle: Any, callback: Any) -> None:
        """`handle`, which steps no task but calls `callback`, starts to run."""
        if self._gave_up:
            self._write_what_gave_up()
        # What the poller finds ready is queued without a word.
        cause = self._causes.pop(id(handle), IO) if self._causes else IO
        if cause is IO and type(callback) is MethodType and callback.__func__ is self._read_signals:
            cause = SIGNAL
        self.phase = _RUNNING
        self.cause = cause

    def begin_callback(self, cause: Cause) -> None:
        try:
            super().begin_callback(cause)
        except Exception as error:
            self._recorder.fail(error)

    def end(self) -> None:
        record = self.token
        self.phase = self._between
        if record is None:
            return
        self.token = None
        try:
            task = record.running
            if task is None or record.is_silent or record.cancellations:
                self.step_ended(record)
                return
            awaited = task._fut_waiter
            if awaited is None and not task.done():
                record.cause_in_step = None
                if self.sees_polls:
                    self._gave_up = record.id
                else:
                    self._stream.write(now_ns(), record.id, 0, self._yielded)
            elif awaited is None:
                if self._recorder.is_recording:
                    self._end_task(record, task, now_ns())
            elif record.root.to_walk or record.cause_in_step is not None:
                self.step_ended(record)
            else:
                # The short way of a task that waits.
                record.waits = True
                record.is_walked = False
                record.suspended_ns = now = now_ns()
                word = self._waits.get(type(awaited)) or self._word_for(type(awaited))
                stream = self._stream
                try:
                    pack_event(stream.events, stream.next_position(), now, record.id, 0, word)
                except NO_ROOM:  # in a new chunk
                    stream.write(now, record.id, 0, word)
        except Exception as error:
            self._recorder.fail(error)
        record.running = None

    def poll_begun(self) -> None:
        if self.token is not None:
            self.end()
        self.phase = _POLLING
        try:
            if self._gave_up:
                self._write_what_gave_up()
        except Exception as error:
            self._recorder.fail(error)
        self._poll_began_ns = now_ns()

    def poll_ended(self) -> None:
        blocked_ns = now_ns() - int(self._poll_began_ns)
        self.phase = self._between
        self.cause = IO
        if blocked_ns >= SHORT_POLL_NS:
            self.polled(blocked_ns)

    def runs_in(self, thread: int) -> bool:
        """Whether the loop is in the middle of a step or callback, in that thread."""
        return self.phase is Phase.RUNNING and self._thread == thread

    def _create(self, task: Any, cause: Cause, is_eager: bool) -> Any:
        token = self.token
        if token is not None:
            running = token.running
            if type(running) is Starting and running.task is None and task is not running:
                get_coro = getattr(task, "get_coro", None)
                if get_coro is not None and get_coro() is running.subject:
                    return known_as(self, running, task)
        return self._keep(task, self.task_created(task, cause, is_eager))

    def eager_step_begins(self, task: Any) -> None:
        try:
            super().eager_step_begins(task)
        except Exception as error:
            self._recorder.fail(error)

    def eager_step_ended(self) -> None:
        try:
            super().eager_step_ended()
        except Exception as error:
            self._recorder.fail(error)

    def _write_what_gave_up(self) -> None:
        number, self._gave_up = self._gave_up, 0
        if number and self._recorder.is_recording:
            self._emit(EventKind.STEP_ENDED, number, 0, 0, StepEnd.YIELDED)
