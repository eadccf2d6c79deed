"""What is written of the tasks of one loop: the events of their lives, and where they wait.

Where a task waits is read at once for the first waits at each kind of task, so that a program that is killed has
told where it hung; afterwards only at the wakeup of waits that were long enough to matter, while the task is still
suspended there: walking an await chain costs several times what a step does.
"""

from __future__ import annotations

import sys
import time
from _thread import get_ident
from types import FrameType
from typing import Any

from coroscope.loop.observer import OUTSIDE, Cause, CauseKind
from coroscope.loop.task import Task
from coroscope.loop.watch import Watch
from coroscope.record.chains import await_chain
from coroscope.record.clauses import links, where_caught
from coroscope.record.events import U32_MAX, EventKind, StepEnd, TaskKind, TaskOutcome
from coroscope.record.events import Cause as EventCause
from coroscope.record.recorder import OWN_PATH, Recorder, TaskRecord, place_number, stack_number
from coroscope.record.subjects import describe, has_begun, kind_of, subject_of
from coroscope.record.unretrieved import Failures

LONG_WAIT_NS = 1_000_000
WALKED_AT_ONCE = 64
"""So many waits of each root coroutine are walked as they begin, however short."""

_CAUSES = {
    CauseKind.TASK: EventCause.TASK,
    CauseKind.TIMER: EventCause.TIMER,
    CauseKind.IO: EventCause.IO,
    CauseKind.THREAD: EventCause.THREAD,
    CauseKind.SIGNAL: EventCause.SIGNAL,
    CauseKind.OUTSIDE: 0,  # the code around the loop: nothing that a trace has a word for
}
_KINDS = {kind.name.lower(): kind for kind in TaskKind}


_now_ns = time.monotonic_ns


class TaskEvents(Watch):
    """A watch that is its own observer. The record of a task stands for it as a cause, too."""

    def __init__(self, recorder: Recorder, loop: Any) -> None:
        super().__init__(loop, self)
        self._recorder = recorder
        self.id = recorder.next_loop_id()
        self._stream = recorder.stream()
        self._thread = get_ident()
        self._type = f"{type(loop).__module__}.{type(loop).__qualname__}"
        self._walked: dict[int, int] = {}
        self._codes: dict[int, Any] = {}
        self._runs_in = 0
        """The frame that runs the loop, by its id(): above it is nobody who asked for a task."""
        self.failures = Failures(recorder)

    def _emit(self, kind: int, a: int = 0, b: int = 0, c: int = 0, detail: int = 0) -> None:
        self._stream.emit(kind, _now_ns(), a, b, c, detail, self.id)

    def loop_started(self) -> None:
        recorder = self._recorder
        if not recorder.is_recording:
            return
        try:
            self._stream = recorder.stream()
            recorder.running[self._thread] = self
            runs_in = _user_frame()
            self._runs_in = 0 if runs_in is None else id(runs_in)
            if recorder.watchdog is not None:
                recorder.watchdog.ensure_running()
            self._emit(EventKind.LOOP_STARTED, self.id, self._stream.string(self._type))
        except Exception as error:  # Whatever fails in here must not reach the program.
            recorder.fail(error)

    def loop_stopped(self) -> None:
        recorder = self._recorder
        recorder.running.pop(self._thread, None)
        self._runs_in = 0
        if not recorder.is_recording:
            return
        try:
            self._emit(EventKind.LOOP_STOPPED, self.id)
        except Exception as error:
            recorder.fail(error)

    def task_created(self, task: Any, cause: Cause, is_eager: bool) -> TaskRecord | None:  # noqa: ARG002
        if not self._recorder.is_recording:
            return None
        try:
            return self._note_created(task, cause.task.id if cause.task is not None else 0, _user_frame())
        except Exception as error:
            self._recorder.fail(error)
            return None

    def adopt_task(self, task: Any, is_running: bool, is_asked_for: bool) -> TaskRecord | None:
        """Take in a task that is older than this observer, in the middle of a step or not.

        `is_asked_for` tells that the code which runs its loop may have made it for that.
        """
        if not self._recorder.is_recording:
            return None
        try:
            is_begun = has_begun(subject_of(task))
            record = self._note_created(task, 0, _user_frame() if is_asked_for and not is_begun else None)
            record.has_begun = is_begun
            if is_running:
                record.running = task
                self._stream.emit(EventKind.STEP_BEGUN, record.began_ns, record.id, 0, 0, 0, self.id)
            else:
                self._settle(record, task)
            return record
        except Exception as error:
            self._recorder.fail(error)
            return None

    def settle(self, record: TaskRecord) -> None:
        """Write down what a task has come to in a step that could not be seen."""
        task = record.ref()
        if task is None or record.is_done or record.waits or not self._recorder.is_recording:
            return
        try:
            self._settle(record, task)
        except Exception as error:
            self._recorder.fail(error)

    def _settle(self, record: TaskRecord, task: Any) -> None:
        awaited = task._fut_waiter
        if task.done() or (awaited is not None and not awaited.done()):
            # As the end of a step that goes on, so that it is not counted.
            self._emit(EventKind.STEP_BEGUN, record.id, 0, 0, 1)
            record.has_begun = True
            record.running = task
            self._end_step(record)
            record.running = None

    def _note_created(self, task: Any, parent: int, creator: FrameType | None) -> TaskRecord:
        subject = subject_of(task)
        qualname, file, line, code = describe(subject)
        record = TaskRecord(self._recorder.next_task_id(), task, subject, code)
        if code is not None:
            self._codes[id(code)] = code
        stream = self._recorder.stream()
        created_at = self._creation(stream, creator)
        site = stream.site(qualname, file, line, created_at)
        now = record.began_ns = _now_ns()
        stream.emit(EventKind.TASK_CREATED, now, record.id, parent, site, _KINDS[kind_of(task)], self.id)
        self._name(stream, record, task.get_name())
        return record

    def _creation(self, stream: Any, frame: FrameType | None) -> int:
        """The place where the program's own code, in `frame`, asked for the task that is being created."""
        if frame is None or id(frame) == self._runs_in:
            return 0
        self._codes[id(frame.f_code)] = frame.f_code
        return place_number(stream, (frame.f_code, frame.f_lasti, frame.f_lineno or 0))

    def _name(self, stream: Any, record: TaskRecord, name: str) -> None:
        record.name = name
        number = name[5:] if name.startswith("Task-") else ""
        now = _now_ns()
        if number.isascii() and number.isdigit() and number[0] != "0" and len(number) < 10:
            stream.emit(EventKind.TASK_NAMED, now, record.id, int(number), 0, 0, self.id)
        else:
            stream.emit(EventKind.TASK_NAMED, now, record.id, 0, stream.text(name), 0, self.id)

    def _name_anew(self, record: TaskRecord, task: Any) -> None:
        """Write down the name that a task has by now: asyncio gives it one behind its creation."""
        name = task.get_name()
        if name != record.name:
            self._name(self._stream, record, name)

    def task_ready(self, record: TaskRecord, cause: Cause) -> None:
        if not self._recorder.is_recording:
            return
        if record is self.token:
            record.cause_in_step = cause
            return
        try:
            self._wake(record, cause)
        except Exception as error:
            self._recorder.fail(error)

    def _wake(self, record: TaskRecord, cause: Cause) -> None:
        if not record.waits:
            return
        record.waits = False
        stream = self._recorder.stream() if cause.kind is CauseKind.THREAD else self._stream
        now = _now_ns()
        waker = stack = 0
        if cause.task is not None:
            waker = cause.task.id
        elif cause.due_s is not None:
            waker = min(max(now // 1000 - int(cause.due_s * 1e6), 0), U32_MAX)
        if now - record.suspended_ns >= LONG_WAIT_NS:
            if not record.is_walked:
                stack = self._walk(stream, record)
            record.has_waited_long = True
            task = record.ref()
            if type(task) is Task:
                task._record = None  # Its next step is looked into.
        stream.emit(EventKind.WOKEN, now, record.id, waker, stack, _CAUSES[cause.kind], self.id)

    def _walk(self, stream: Any, record: TaskRecord) -> int:
        record.is_walked = True
        subject = record.subject() if record.subject is not None else None
        if subject is None:
            return 0
        chain = await_chain(subject)
        for code, _, _ in chain:
            self._codes[id(code)] = code  # Kept, so that its id() is never another's.
        return stack_number(stream, chain) if chain else 0

    def _begin_step(self, record: TaskRecord | None) -> None:
        if record is None:
            self.cause = OUTSIDE
            return
        self.token = record
        self.cause = record  # type: ignore[assignment]  # It has all that a cause has.
        self.step_begun(record)

    def step_begun(self, record: TaskRecord) -> None:
        if not self._recorder.is_recording:
            return
        try:
            task = record.running = record.ref()
            if not record.has_begun:
                record.has_begun = True
                record.is_silent = task is not None and bool(task._must_cancel)
                if task is not None and self._recorder.ring is not None:
                    self._name_anew(record, task)
            elif record.has_waited_long:
                record.has_waited_long = False
                _note_cancellation(record, task)
            now = record.began_ns = _now_ns()
            if not record.is_silent:
                self._stream.emit(EventKind.STEP_BEGUN, now, record.id, 0, 0, 0, self.id)
        except Exception as error:
            self._recorder.fail(error)

    def step_ended(self, record: TaskRecord) -> None:
        if not self._recorder.is_recording:
            record.running = None
            return
        try:
            self._end_step(record)
        except Exception as error:
            self._recorder.fail(error)
        finally:
            record.running = None

    def _end_step(self, record: TaskRecord) -> None:
        now = _now_ns()
        task = record.running or record.ref()
        if task is None:
            return
        if record.cancellations:
            self._follow_cancellation(record, task)
        if task.done():
            if not record.is_silent:
                self._stream.emit(EventKind.STEP_ENDED, now, record.id, 0, 0, StepEnd.DONE, self.id)
            self._end_task(record, task)
            return
        record.is_silent = False
        if type(task) is Task and not record.cancellations:
            task._record = record
        awaited = task._fut_waiter
        cause, record.cause_in_step = record.cause_in_step, None
        if awaited is None:
            self._stream.emit(EventKind.STEP_ENDED, now, record.id, 0, 0, StepEnd.YIELDED, self.id)
            return
        record.suspended_ns = now
        record.waits = True
        stack = 0
        root = id(record.root)
        walked = self._walked.get(root, 0)
        if walked < WALKED_AT_ONCE:
            self._walked[root] = walked + 1
            stack = self._walk(self._stream, record)
        else:
            record.is_walked = False
        self._stream.emit(EventKind.STEP_ENDED, now, record.id, 0, stack, _word_for(type(awaited)), self.id)
        if cause is not None:
            self._wake(record, cause)

    def _end_task(self, record: TaskRecord, task: Any) -> None:
        record.is_done = True
        self._name_anew(record, task)
        text = 0
        if task.cancelled():
            outcome = TaskOutcome.CANCELLED
        elif task._exception is not None:
            outcome = TaskOutcome.RAISED
            text = self._stream.string(type(task._exception).__qualname__)
            self.failures.add(task, record)
        else:
            outcome = TaskOutcome.RETURNED
        outstanding = task.cancelling() if record.has_caught else 0
        self._emit(EventKind.TASK_ENDED, record.id, outstanding, text, outcome)

    def _follow_cancellation(self, record: TaskRecord, task: Any) -> None:
        """After a step of a task that was cancelled: has it caught the cancellation, or was that taken back?"""
        outstanding = task.cancelling()
        if outstanding < record.cancellations:
            record.cancellations = outstanding
            record.thrown_into = None
            if record.has_caught:
                record.has_caught = False
                self._emit(EventKind.UNCANCELLED, record.id)
        elif record.thrown_into is not None and not task.done():
            caught = where_caught(record.thrown_into)
            if caught is not None:
                record.thrown_into = None
                record.has_caught = True
                (code, _, line), raises = caught
                self._codes[id(code)] = code
                place = self._stream.place((id(code), -line), code.co_qualname, code.co_filename, line)
                kind, now = EventKind.CANCELLATION_CAUGHT, record.began_ns
                self._stream.emit(kind, now, record.id, outstanding, place, int(raises), self.id)

    def step_paused(self, record: TaskRecord) -> None:
        if self._recorder.is_recording and not record.is_silent:
            self._emit(EventKind.STEP_ENDED, record.id, 0, 0, StepEnd.PAUSED)

    def step_resumed(self, record: TaskRecord) -> None:
        if self._recorder.is_recording and not record.is_silent:
            self._emit(EventKind.STEP_BEGUN, record.id, 0, 0, 1)

    def task_destroyed(self, record: TaskRecord) -> None:
        if not self._recorder.is_recording or record.is_done:
            return
        try:
            stream = self._recorder.stream()
            now = _now_ns()
            stream.emit(EventKind.TASK_ENDED, now, record.id, 0, 0, TaskOutcome.DESTROYED, self.id)
        except Exception as error:
            self._recorder.fail(error)

    def polled(self, blocked_ns: int) -> None:
        # A poll of less than this found something at once: the gap between two steps tells as much.
        if blocked_ns < 50_000 or not self._recorder.is_recording:
            return
        try:
            self._emit(EventKind.POLLED, self.id, min(blocked_ns // 1000, U32_MAX))
        except Exception as error:
            self._recorder.fail(error)


def _word_for(awaited: type) -> StepEnd:
    return StepEnd.WAITS_FOR_TASK if hasattr(awaited, "get_coro") else StepEnd.WAITS_FOR_FUTURE


def _note_cancellation(record: TaskRecord, task: Any) -> None:
    """Before the step that follows a long wait: remember where it was if a cancellation is thrown there."""
    if task is None or task.cancelling() <= record.cancellations:
        return
    subject = record.subject() if record.subject is not None else None
    if subject is not None and (task._must_cancel or _is_cancelled(task._fut_waiter)):
        record.cancellations = task.cancelling()
        record.thrown_into = links(subject)


def _is_cancelled(awaited: Any) -> bool:
    """Whether waiting for `awaited` ends by a CancelledError; `gather` is not cancelled but fails with one."""
    kind = type(getattr(awaited, "_exception", None)).__name__
    return getattr(awaited, "_state", "") == "CANCELLED" or kind == "CancelledError"


def _user_frame() -> FrameType | None:
    """The innermost frame that is neither ours nor asyncio's."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(OWN_PATH) and "asyncio" not in file.rsplit("/", 2)[-2:-1]:
            return frame
        frame = frame.f_back
    return None
