"""The watch over one loop, as the loop calls it.

Rule: whatever fails in here ends the recording, and does not reach the program.
Rule: that a step gave up its turn is written with the beginning of the next step, in one event, unless something else
      comes in between: then by itself.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.loop.observer import Cause
from coroscope.loop.task import Task
from coroscope.loop.watch import Phase, task_of
from coroscope.record.events import EventKind, StepEnd
from coroscope.record.recorder import Recorder, TaskRecord
from coroscope.record.task_events import TaskEvents

pack_begun = Struct("<QIIQ").pack_into
"""Writes a whole event, of time, task, the task that has given up its turn, and `LoopRecorder.begun`."""
_UNKNOWN = (None, None)


class LoopRecorder(TaskEvents):
    """Records a loop of any kind."""

    def __init__(self, recorder: Recorder, loop: Any) -> None:
        super().__init__(recorder, loop)
        self.begun = self.id << 32 | EventKind.STEP_BEGUN << 56
        """The last eight bytes of the event that a step begins."""
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
            token = self.token
            if token is None or token.running is None or task_of(item) is not token.running:
                super().queued(item, is_dispatched)
        except Exception as error:
            self._recorder.fail(error)

    def begin(self, item: Any) -> None:
        try:
            task = task_of(item)
            record, _ = self._tasks.get(id(task), _UNKNOWN)
            if record is None or not record.has_begun or record.is_silent or record.has_waited_long:
                self._write_what_gave_up()
                super().begin(item)
            else:
                self._go_on(record, task)
        except Exception as error:
            self._recorder.fail(error)

    def _go_on(self, record: TaskRecord, task: Any) -> None:
        """The short way of a task that gets its turn again."""
        self.phase = Phase.RUNNING
        self.token = record
        self.cause = record  # type: ignore[assignment]  # It has all that a cause has.
        record.running = task
        if type(task) is Task and not record.cancellations:
            task._record = record
        gave_up, self._gave_up = self._gave_up, 0
        record.began_ns = now = now_ns()
        stream = self._stream
        try:
            pack_begun(stream.events, stream.next_position(), now, record.id, gave_up, self.begun)
        except Exception:  # in a new chunk
            stream.emit(EventKind.STEP_BEGUN, now, record.id, gave_up, 0, 0, self.id)

    def begin_callback(self, cause: Cause) -> None:
        try:
            super().begin_callback(cause)
        except Exception as error:
            self._recorder.fail(error)

    def end(self) -> None:
        try:
            record = self.token
            if record is not None and self.sees_polls and not record.is_silent and not record.cancellations:
                task = record.running
                if task is not None and task._fut_waiter is None and not task.done():
                    self.phase = Phase.DISPATCHING
                    self.token = record.running = record.cause_in_step = None
                    self._gave_up = record.id
                    return
            super().end()
        except Exception as error:
            self._recorder.fail(error)

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
