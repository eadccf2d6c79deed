"""The watch over one loop, as the loop calls it.

Rule: whatever fails in here ends the recording, and does not reach the program.
Rule: that a step gave up its turn is written with the beginning of the next step, in one event, unless something else
      comes in between: then by itself.
Rule: a call costs as much as what it does, so the short ways are written out; what is special goes the ways of `Watch`.
"""

from __future__ import annotations

from _thread import get_ident
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.loop.observer import Cause
from coroscope.loop.task import Task
from coroscope.loop.watch import Phase, task_of
from coroscope.record.eager import Starting, known_as
from coroscope.record.events import EventKind, StepEnd
from coroscope.record.recorder import Recorder, TaskRecord
from coroscope.record.stream import pack_event
from coroscope.record.task_events import TaskEvents

_UNKNOWN = (None, None)
_RUNNING, _DISPATCHING = Phase.RUNNING, Phase.DISPATCHING


class LoopRecorder(TaskEvents):
    """Records a loop of any kind."""

    def __init__(self, recorder: Recorder, loop: Any) -> None:
        super().__init__(recorder, loop)
        self._gave_up = 0
        """The task whose step has just given up its turn, which is still to be written."""
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
                self.queued_step(item, task, is_dispatched)
        except Exception as error:
            self._recorder.fail(error)

    def queued_step(self, item: Any, task: Any, is_dispatched: bool) -> None:
        """`item`, which steps `task`, enters the ready queue."""
        token = self.token
        if token is not None and token.running is task:
            return  # The end of its step shows that.
        record, _ = self._tasks.get(id(task), _UNKNOWN)
        if record is None or record is token or self.phase is not _RUNNING or get_ident() != self._thread:
            super().queued(item, is_dispatched)
        elif record.waits:
            self._wake(record, self.cause)

    def begin(self, item: Any) -> None:
        try:
            self.begin_step(item, task_of(item))
        except Exception as error:
            self._recorder.fail(error)

    def begin_step(self, item: Any, task: Any) -> None:
        """What `item` does starts to run: a step of `task`, or (None) a callback."""
        record, _ = self._tasks.get(id(task), _UNKNOWN)
        if record is None or not record.has_begun or record.is_silent:
            self._write_what_gave_up()
            super().begin(item)
            return
        if record.has_waited_long and task.cancelling() > record.cancellations:
            self._write_what_gave_up()
            super().begin(item)
            return
        record.has_waited_long = False
        # The short way of a task that gets its turn again.
        self.phase = _RUNNING
        self.token = record
        self.cause = record  # type: ignore[assignment]  # It has all that a cause has.
        record.running = task
        if type(task) is Task and not record.cancellations:
            task._record = record
        gave_up, self._gave_up = self._gave_up, 0
        record.began_ns = now = now_ns()
        stream = self._stream
        try:
            pack_event(stream.events, stream.next_position(), now, record.id, gave_up, self._step_begun)
        except Exception:  # in a new chunk
            stream.write(now, record.id, gave_up, self._step_begun)

    def begin_callback(self, cause: Cause) -> None:
        try:
            super().begin_callback(cause)
        except Exception as error:
            self._recorder.fail(error)

    def end(self) -> None:
        record = self.token
        self.phase = _DISPATCHING
        if record is None:
            return
        self.token = None
        try:
            task = record.running
            if (
                task is not None
                and self.sees_polls
                and task._fut_waiter is None
                and not (record.is_silent or record.cancellations or task.done())
            ):
                record.cause_in_step = None
                self._gave_up = record.id
            elif self._recorder.is_recording:
                self._end_step(record)
        except Exception as error:
            self._recorder.fail(error)
        record.running = None

    def poll_begun(self) -> None:
        try:
            super().poll_begun()
            self._write_what_gave_up()
        except Exception as error:
            self._recorder.fail(error)

    def poll_ended(self) -> None:
        try:
            super().poll_ended()
        except Exception as error:
            self._recorder.fail(error)

    def runs_in(self, thread: int) -> bool:
        """Whether the loop is in the middle of a step or callback, in that thread."""
        return self.phase is Phase.RUNNING and self._thread == thread

    def rename(self, record: TaskRecord, task: Any) -> None:
        """Write the name of `task` if it is another than was written."""
        name = task.get_name()
        if name != record.name:
            self._name(self._stream, record, name)

    def _create(self, task: Any, cause: Cause, is_eager: bool) -> Any:
        running = self.token.running if self.token is not None else None
        if type(running) is Starting and running.task is None and task is not running:
            get_coro = getattr(task, "get_coro", None)
            if get_coro is not None and get_coro() is running.subject:
                return known_as(self, running, task)
        return super()._create(task, cause, is_eager)

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
