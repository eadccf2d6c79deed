"""What is written of the tasks of one loop: the events of their lives, and where they wait.

Where a task waits is read at once for the first waits at each kind of task, so that a program that is killed has
told where it hung; afterwards only at the wakeup of waits that were long enough to matter, while the task is still
suspended there: walking an await chain costs several times what a step does.
"""

from __future__ import annotations

import asyncio
from _thread import get_ident
from collections.abc import Callable
from types import FrameType
from typing import Any, SupportsInt

from coroscope.loop.clock import now_ns
from coroscope.loop.observer import IO, OUTSIDE, Cause, CauseKind
from coroscope.loop.task import Task
from coroscope.loop.watch import Watch
from coroscope.record import cancellations
from coroscope.record.chains import LONG_WAIT_NS
from coroscope.record.compiled import new_memo
from coroscope.record.events import NAMED_IN_STEP, U32_MAX, EventKind, StepEnd, TaskKind, TaskOutcome
from coroscope.record.events import Cause as EventCause
from coroscope.record.recorder import Recorder, TaskRecord
from coroscope.record.roots import Roots
from coroscope.record.stream import NO_ROOM, Stream, pack_event, word_of
from coroscope.record.subjects import has_begun
from coroscope.record.task_fields import kind_of, name_of, subject_of
from coroscope.record.unretrieved import Failures
from coroscope.record.walks import Walks

SHORT_POLL_NS = 50_000
"""A poll of less than this found something at once: the gap between two steps tells as much."""

_CAUSES = {
    CauseKind.TASK: EventCause.TASK,
    CauseKind.TIMER: EventCause.TIMER,
    CauseKind.IO: EventCause.IO,
    CauseKind.THREAD: EventCause.THREAD,
    CauseKind.SIGNAL: EventCause.SIGNAL,
    CauseKind.OUTSIDE: 0,  # the code around the loop: nothing that a trace has a word for
}
_OUR_CALLERS, _OUR_EAGER_CALLERS = 3, 6
"""So many frames at least are ours above the program's call that makes a task: they need not be looked at."""
_KINDS = {kind.name.lower(): kind for kind in TaskKind}


_NO_LEAD = -1 << 40
"""No name rests on another one: the first one of each loop in a stream is written."""


class TaskEvents(Watch):
    """A watch that is its own observer. The record of a task stands for it as a cause, too."""

    __slots__ = (
        "__weakref__",
        "_created",
        "_created_in_step",
        "_lead",
        "_leads",
        "_memo",
        "_names_in_step",
        "_paused",
        "_polled",
        "_recorder",
        "_resumed",
        "_returned",
        "_roots",
        "_step_begun",
        "_stream",
        "_type",
        "_waits",
        "_walks",
        "_woken_by_io",
        "_woken_by_task",
        "failures",
        "id",
        "pulse",
        "running_frame",
    )

    def __init__(self, recorder: Recorder, loop: Any) -> None:
        super().__init__(loop, self)
        self._recorder = recorder
        self.id = recorder.next_loop_id()
        self._stream = recorder.stream()
        self._thread = get_ident()
        self._type = f"{type(loop).__module__}.{type(loop).__qualname__}"
        self._roots = Roots()
        self._walks = Walks(self._stream)
        self._names_in_step = recorder.ring is None
        """In a ring, the name on which others rest may be gone before them."""
        self._lead = _NO_LEAD
        """What the number in the last name "Task-n" that `_stream` has of this loop is ahead of the task's id."""
        self._leads: dict[int, int] = {}
        """The same of other streams, by their id()."""
        self._created = word_of(EventKind.TASK_CREATED, self.id)
        self._created_in_step = word_of(EventKind.TASK_CREATED, self.id, NAMED_IN_STEP)
        self._returned = word_of(EventKind.TASK_ENDED, self.id, TaskOutcome.RETURNED)
        self._step_begun = word_of(EventKind.STEP_BEGUN, self.id)
        self._paused = word_of(EventKind.STEP_ENDED, self.id, StepEnd.PAUSED)
        self._resumed = word_of(EventKind.STEP_BEGUN, self.id, 1)
        self._woken_by_task = word_of(EventKind.WOKEN, self.id, EventCause.TASK)
        self._woken_by_io = word_of(EventKind.WOKEN, self.id, EventCause.IO)
        self._polled = word_of(EventKind.POLLED, self.id)
        self._waits: dict[type, int] = {}
        """How a step ends that waits for something of a type, as the last eight bytes of the event."""
        self._memo = new_memo()
        """What compiled code remembers of the tasks that it has met lately."""
        self.pulse: SupportsInt = 0
        """When the last step began that compiled code has seen begin: one number, which it writes anew; 0: none."""
        self.running_frame = 0
        """The frame that runs the loop, by its id(): above it is nobody who asked for a task."""
        self.failures = Failures(recorder)

    def _emit(self, kind: int, a: int = 0, b: int = 0, c: int = 0, detail: int = 0) -> None:
        self._stream.emit(kind, now_ns(), a, b, c, detail, self.id)

    def loop_started(self) -> None:
        recorder = self._recorder
        if not recorder.is_recording:
            return
        try:
            self._use(recorder.stream())
            recorder.running[self._thread] = self
            frame = self._roots.user_frame(1)
            self.running_frame = 0 if frame is None else id(frame)
            if recorder.sampler is not None:
                recorder.sampler.hurry()
            self._emit(EventKind.LOOP_STARTED, self.id, self._stream.string(self._type))
        except Exception as error:  # Whatever fails in here must not reach the program.
            recorder.fail(error)

    def loop_stopped(self) -> None:
        recorder = self._recorder
        recorder.running.pop(self._thread, None)
        self.running_frame = 0
        if not recorder.is_recording:
            return
        try:
            self._emit(EventKind.LOOP_STOPPED, self.id)
        except Exception as error:
            recorder.fail(error)

    def leave(self) -> None:
        self._memo = None
        super().leave()

    def know_running(self) -> None:
        """Have the task whose step runs be found by its id(), as all are here: compiled code may have only `token`."""

    def token_of(self, task: Any) -> Any:
        self.know_running()
        return super().token_of(task)

    def tokens(self) -> list[Any]:
        self.know_running()
        return super().tokens()

    def adopt(self, task: Any, tell: Callable[[Any], Any]) -> None:
        self.know_running()
        super().adopt(task, tell)

    def task_created(self, task: Any, cause: Cause, is_eager: bool) -> TaskRecord | None:
        if not self._recorder.is_recording:
            return None
        try:
            parent = cause.task.id if cause.task is not None else 0
            creator = self._roots.user_frame(_OUR_EAGER_CALLERS if is_eager else _OUR_CALLERS)
            return self._note_created(task, parent, creator)
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
            is_asked_for = is_asked_for and not is_begun
            record = self._note_created(task, 0, self._roots.user_frame(1) if is_asked_for else None)
            record.has_begun = is_begun
            if is_running:
                record.running = task
                self._stream.emit(EventKind.STEP_BEGUN, int(record.began_ns), record.id, 0, 0, 0, self.id)
            else:
                self._settle(record, task)
            return record
        except Exception as error:
            self._recorder.fail(error)
            return None

    def settle(self, record: TaskRecord) -> None:
        """Write down what a task has come to in a step that could not be seen."""
        task = record()
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

    def _use(self, stream: Stream) -> None:
        """Write to `stream`, the one of the thread that runs the loop."""
        if stream is not self._stream:
            self._leads[id(self._stream)] = self._lead
            self._lead = self._leads.get(id(stream), _NO_LEAD)
            self._stream = stream
            self._walks.use(stream)
            self._memo = new_memo()

    def _note_created(self, task: Any, parent: int, creator: FrameType | None) -> TaskRecord:
        record = TaskRecord(task, self._forget)
        number = record.id = self._recorder.next_task_id()
        kind, detail = type(task), 0
        if kind is Task:
            root = self._roots.of(task._coro)
            name = task._name
        else:
            name = name_of(task)
            if kind is asyncio.Task:
                root = self._roots.of(task.get_coro())
            else:
                root = self._roots.of(subject_of(task))
                detail = _KINDS[kind_of(task)]
        record.root, record.name = root, name
        stream = self._stream if get_ident() == self._thread else self._recorder.stream()
        # Above the frame that runs the loop is nobody who asked for a task.
        site = root.site(stream, None if id(creator) == self.running_frame else creator)
        is_in_step = (
            stream is self._stream
            and self._names_in_step
            and (name == number + self._lead if type(name) is int else name == f"Task-{number + self._lead}")
        )
        word = (self._created_in_step if is_in_step else self._created) | detail << 48 | site
        now = record.began_ns = now_ns()
        try:
            pack_event(stream.events, stream.next_position(), now, number, parent, word)
        except NO_ROOM:  # in a new chunk
            stream.write(now, number, parent, word)
        if not is_in_step:
            self._name(stream, record, name)
        return record

    def _keep(self, task: Any, token: TaskRecord | None) -> Any:
        if token is None:
            return super()._keep(task, token)
        self._tasks[token.key] = token, token
        if type(task) is Task:
            task._record = token
        return token

    def _forget(self, record: Any) -> None:
        """The task is gone: it has been freed."""
        if self._tasks.pop(record.key, None) is not None and not record.is_done:
            self.task_destroyed(record)

    def _name(self, stream: Stream, record: TaskRecord, name: str | int) -> None:
        record.name = name
        number = _number_in(name)
        now = now_ns()
        if number:
            stream.emit(EventKind.TASK_NAMED, now, record.id, number, 0, 0, self.id)
            if stream is self._stream:
                self._lead = number - record.id
        else:
            text = name if isinstance(name, str) else f"Task-{name}"
            stream.emit(EventKind.TASK_NAMED, now, record.id, 0, stream.text(text), 0, self.id)

    def rename(self, record: TaskRecord, task: Any) -> None:
        """Write the name of `task` if it is another than was written: asyncio gives it one behind its creation."""
        name = task._name if type(task) is Task else name_of(task)
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

    def _wake(self, record: TaskRecord, cause: Cause | TaskRecord) -> None:
        if not record.waits:
            return
        record.waits = False
        stream = self._stream
        now = now_ns()
        waker = 0
        if type(cause) is TaskRecord:
            waker, word = cause.id, self._woken_by_task
        elif cause is IO:
            word = self._woken_by_io
        else:
            word = word_of(EventKind.WOKEN, self.id, _CAUSES[cause.kind])
            if cause.kind is CauseKind.THREAD:
                stream = self._recorder.stream()
            if cause.task is not None:
                waker = cause.task.id
            elif cause.due_s is not None:
                waker = min(max(now // 1000 - int(cause.due_s * 1e6), 0), U32_MAX)
        record.has_waited_long = is_long = now - int(record.suspended_ns) >= LONG_WAIT_NS
        if is_long and not record.is_walked:
            word |= self._walks.stack(stream, record, record())
        try:
            pack_event(stream.events, stream.next_position(), now, record.id, waker, word)
        except NO_ROOM:  # in a new chunk
            stream.write(now, record.id, waker, word)

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
            task = record.running = record()
            if not record.has_begun:
                record.has_begun = True
                record.is_silent = (
                    task is not None and bool(task._must_cancel) and not has_begun(subject_of(task))
                )
                if task is not None and self._recorder.ring is not None:
                    self.rename(record, task)
            elif record.has_waited_long:
                record.has_waited_long = False
                cancellations.note(record, task)
            if type(task) is Task and (record.cancellations or record.is_silent):
                task._record = None  # Its steps are looked into.
            now = record.began_ns = now_ns()
            if not record.is_silent:
                self._stream.write(now, record.id, 0, self._step_begun)
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
        now = now_ns()
        task = record() if record.running is None else record.running
        if task is None:
            return
        if record.cancellations:
            self._follow_cancellation(record, task)
        awaited = task._fut_waiter
        if awaited is None and task.done():
            self._end_task(record, task, now)
            return
        record.is_silent = False
        if type(task) is Task:
            task._record = None if record.cancellations else record
        cause, record.cause_in_step = record.cause_in_step, None
        if awaited is None:
            self._stream.emit(EventKind.STEP_ENDED, now, record.id, 0, 0, StepEnd.YIELDED, self.id)
            return
        record.suspended_ns = now
        record.waits = True
        stack = 0
        root = record.root
        if root.to_walk:
            root.to_walk -= 1
            stack = self._walks.stack(self._stream, record, task)
        else:
            record.is_walked = False
        kind = type(awaited)
        word = self._waits.get(kind) or self._word_for(kind)
        self._stream.write(now, record.id, 0, word | stack)
        if cause is not None:
            self._wake(record, cause)

    def _word_for(self, awaited: type) -> int:
        word = self._waits[awaited] = word_of(EventKind.STEP_ENDED, self.id, _word_for(awaited))
        return word

    def _end_task(self, record: TaskRecord, task: Any, now: int) -> None:
        """Write the end of a task, and so of its last step."""
        record.is_done = True
        if record.name != (task._name if type(task) is Task else name_of(task)):
            self.rename(record, task)
        word = self._returned
        if task.cancelled():
            word = word_of(EventKind.TASK_ENDED, self.id, TaskOutcome.CANCELLED)
        elif task._exception is not None:
            text = self._stream.string(type(task._exception).__qualname__)
            word = word_of(EventKind.TASK_ENDED, self.id, TaskOutcome.RAISED) | text
            self.failures.add(task, record)
        stream, caught = self._stream, task.cancelling() if record.has_caught else 0
        try:
            pack_event(stream.events, stream.next_position(), now, record.id, caught, word)
        except NO_ROOM:  # in a new chunk
            stream.write(now, record.id, caught, word)

    def _follow_cancellation(self, record: TaskRecord, task: Any) -> None:
        """After a step of a task that was cancelled."""
        outstanding = task.cancelling()
        if cancellations.is_taken_back(record, outstanding):
            self._emit(EventKind.UNCANCELLED, record.id)
            return
        caught = cancellations.newly_caught(record, task)
        if caught is not None:
            kind, now, place = (
                EventKind.CANCELLATION_CAUGHT,
                int(record.began_ns),
                self._walks.place(caught.position),
            )
            self._stream.emit(kind, now, record.id, outstanding, place, int(caught.raises), self.id)

    def step_paused(self, record: TaskRecord) -> None:
        if self._recorder.is_recording and not record.is_silent:
            self._stream.write(now_ns(), record.id, 0, self._paused)

    def step_resumed(self, record: TaskRecord) -> None:
        if self._recorder.is_recording and not record.is_silent:
            self._stream.write(now_ns(), record.id, 0, self._resumed)

    def task_destroyed(self, record: TaskRecord) -> None:
        if not self._recorder.is_recording or record.is_done:
            return
        try:
            stream = self._recorder.stream()
            now = now_ns()
            stream.emit(EventKind.TASK_ENDED, now, record.id, 0, 0, TaskOutcome.DESTROYED, self.id)
        except Exception as error:
            self._recorder.fail(error)

    def polled(self, blocked_ns: int) -> None:
        if blocked_ns < SHORT_POLL_NS or not self._recorder.is_recording:
            return
        try:
            self._emit(EventKind.POLLED, self.id, min(blocked_ns // 1000, U32_MAX))
        except Exception as error:
            self._recorder.fail(error)


def _word_for(awaited: type) -> StepEnd:
    return StepEnd.WAITS_FOR_TASK if hasattr(awaited, "get_coro") else StepEnd.WAITS_FOR_FUTURE


def _number_in(name: str | int) -> int:
    """n of the name "Task-n", 0 where it is another."""
    if isinstance(name, int):
        return name if name < 10**9 else 0
    digits = name[5:] if name.startswith("Task-") else ""
    is_number = digits.isascii() and digits.isdigit() and digits[0] != "0" and len(digits) < 10
    return int(digits) if is_number else 0
